"""The grade room."""
