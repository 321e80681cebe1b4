"""Runs over the weeks, in a database: SQLite or PostgreSQL."""
