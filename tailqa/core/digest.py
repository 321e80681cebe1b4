"""One canonical form, one hash."""

import hashlib
import json


def digest(value: object) -> str:
    """SHA-256 (hex) of the canonical JSON of `value`: sorted keys, no spaces, UTF-8.

    Raises TypeError for what JSON cannot hold and ValueError for NaN and infinities, so that two
    different values never share a digest by accident.

    >>> digest({"b": 1, "a": [1.5, None]}) == digest({"a": [1.5, None], "b": 1})
    True
    >>> digest([1]) == digest(["1"])
    False
    """
    text = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
