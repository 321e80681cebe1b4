"""Runs over the weeks, in a database: SQLite or PostgreSQL."""

from tailqa.history.history import History, open_history

__all__ = ["History", "open_history"]
