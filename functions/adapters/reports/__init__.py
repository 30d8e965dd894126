"""The ranked inspection report as files people open: CSV for spreadsheets, one HTML page for reading and printing."""
