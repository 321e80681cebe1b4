"""A report or a verdict → files, terminal tables and pages; all rounding is done here."""
