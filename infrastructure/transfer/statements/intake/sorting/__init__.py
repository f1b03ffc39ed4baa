"""The facts of all files in order: they are sorted on the disk, and combined with what other files say about them."""
