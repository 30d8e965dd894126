"""One outside system a file or folder."""
