"""The files that programs and exchanges write about past trades: one module per kind of file."""
