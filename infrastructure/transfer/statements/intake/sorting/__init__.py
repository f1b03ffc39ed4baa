"""Facts of all files in order: sorted on the disk, and what one file says of facts in another."""
