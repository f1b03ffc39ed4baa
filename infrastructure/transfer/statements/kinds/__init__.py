"""The files that programs and exchanges write about past trades: a constant for each kind of file, with its reader."""
