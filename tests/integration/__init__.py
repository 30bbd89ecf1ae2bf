"""What others make of a buffer of zbuf: a table of them, and every line of it tried."""
