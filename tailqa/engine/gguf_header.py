"""The tensor table of a GGUF file, read past the vocabulary, which takes gguf's reader seconds."""

import mmap
import struct
from math import prod
from pathlib import Path

_STRING, _ARRAY = 8, 9
_WIDTHS = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}


def count_weights(path: Path) -> int:
    """The number of weights in the file, by the shapes of its tensors.

    Format: github.com/ggml-org/ggml, docs/gguf.md, versions 2 and 3. Raises ValueError for a file
    that is cut off or not of this format.
    """
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _Header(data).count_weights()
    except (struct.error, KeyError, OverflowError, MemoryError, RecursionError) as error:
        # A length that is out of any range, or arrays in arrays without an end.
        raise ValueError(f"{path.name} has no whole GGUF header") from error


class _Header:
    """A place in the file that moves on."""

    def __init__(self, data: mmap.mmap) -> None:
        self._data = data
        self._place = 4  # behind the magic

    def count_weights(self) -> int:
        """Walks from the begin to the end of the header."""
        _version, n_tensors, n_entries = self._read("<IQQ")
        for _ in range(n_entries):
            self._skip_string()
            self._skip_value(self._read("<I")[0])
        total = 0
        for _ in range(n_tensors):
            self._skip_string()
            (n_dimensions,) = self._read("<I")
            total += prod(self._read(f"<{n_dimensions}Q"))
            self._place += 12  # type and offset
        return total

    def _read(self, form: str) -> tuple[int, ...]:
        values = struct.unpack_from(form, self._data, self._place)
        self._place += struct.calcsize(form)
        return values

    def _skip_string(self) -> None:
        (length,) = self._read("<Q")
        self._place += length

    def _skip_value(self, kind: int) -> None:
        if kind == _STRING:
            self._skip_string()
        elif kind == _ARRAY:
            inner, n = self._read("<IQ")
            if inner in _WIDTHS:
                self._place += n * _WIDTHS[inner]
            else:
                for _ in range(n):
                    self._skip_value(inner)
        else:
            self._place += _WIDTHS[kind]
