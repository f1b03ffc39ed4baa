"""Pages that open from a disk: what is drawn on them, and how they are written."""
