"""The files that inspect writes: `.eval` (a zip) and `.json`, as plain values."""

import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tailqa.files import Faults
from tailqa.records.logs import parse_json

_SAMPLE = re.compile(r"samples/.+_epoch_\d+\.json")
_CHUNKED = re.compile(r"samples/.+_epoch_\d+/sample\.json")
_ZSTANDARD = 93
_LOCAL_HEADER = 30


@dataclass(frozen=True, kw_only=True, slots=True)
class EvalFile:
    """The header of a run, and its samples, each with its place."""

    header: Mapping[str, Any]
    samples: tuple[tuple[str, Mapping[str, Any]], ...]


def read_eval_file(path: Path, faults: Faults) -> EvalFile | None:
    """What is in the file; None, with the reason noted, when it is not a whole log."""
    name = str(path)
    try:
        with path.open("rb") as file:
            if file.read(2) == b"PK":
                return _archive(file, name, faults)
            file.seek(0)
            data = parse_json(file.read(), name, faults)
    except OSError as error:
        faults.add(name, f"cannot be read: {error.strerror or error}")
        return None
    if not data:
        return None
    samples = data.get("samples")
    whole = isinstance(samples, list) and all(isinstance(one, dict) for one in samples)
    if not isinstance(data.get("eval"), dict) or not whole:
        faults.add(name, "is not a log of inspect with its samples (eval, samples)")
        return None
    return EvalFile(header=data, samples=tuple((name, one) for one in samples or ()))


def _archive(file: IO[bytes], name: str, faults: Faults) -> EvalFile | None:
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, ValueError, OverflowError):
        faults.add(name, "is a truncated or broken .eval file: it has no table of contents")
        return None
    members = dict.fromkeys(archive.namelist())
    if any(_CHUNKED.fullmatch(member) for member in members):
        faults.add(name, "holds samples in chunks, which are not read; save it as .json instead")
        return None
    if "header.json" not in members:
        faults.add(name, "has no header.json: the run did not finish")
        return None
    header = _member(archive, file, "header.json", name, faults)
    samples = tuple(_samples(archive, file, members, name, faults))
    return EvalFile(header=header, samples=samples) if header else None


def _samples(
    archive: zipfile.ZipFile,
    file: IO[bytes],
    members: Mapping[str, None],
    name: str,
    faults: Faults,
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for member in members:
        if _SAMPLE.fullmatch(member):
            sample = _member(archive, file, member, name, faults)
            if sample:
                yield f"{name}/{member}", sample


def _member(
    archive: zipfile.ZipFile, file: IO[bytes], member: str, name: str, faults: Faults
) -> Mapping[str, Any]:
    """The JSON object in `member`; empty, with the reason noted, when it cannot be read."""
    info = archive.getinfo(member)
    try:
        raw = _zstandard(file, info) if info.compress_type == _ZSTANDARD else archive.read(info)
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, RuntimeError):
        # RuntimeError: encrypted, or (NotImplementedError) a compression that zipfile has not.
        faults.add(f"{name}/{member}", "is broken: it cannot be decompressed")
        return {}
    return parse_json(raw, f"{name}/{member}", faults)


def _zstandard(file: IO[bytes], info: zipfile.ZipInfo) -> bytes:
    """A member compressed with Zstandard, as inspect does now and zipfile reads from 3.14 on."""
    import pyarrow

    file.seek(info.header_offset)
    local = file.read(_LOCAL_HEADER)
    file.seek(int.from_bytes(local[26:28], "little") + int.from_bytes(local[28:30], "little"), 1)
    packed = pyarrow.BufferReader(file.read(info.compress_size))
    raw = bytes(pyarrow.CompressedInputStream(packed, "zstd").read(info.file_size))
    if zlib.crc32(raw) != info.CRC:
        raise zipfile.BadZipFile("its checksum is another")
    return raw
