"""The past on the exchange's clock: cycles told in their own order, their totals counted anew."""
