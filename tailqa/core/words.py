"""Counts in sentences."""


def count_of(n: int, one: str, many: str) -> str:
    """A count with its noun.

    >>> count_of(1, "query", "queries"), count_of(1200, "query", "queries")
    ('1 query', '1,200 queries')
    """
    return f"{n:,} {one if n == 1 else many}"
