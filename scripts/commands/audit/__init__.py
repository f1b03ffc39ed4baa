"""Commands for proof: verify, anchor, rebuild, projections, export, import."""
