"""Files that people write: YAML and tables, read so that every fault names its place."""

from tailqa.files.document import Document, Location, read_document
from tailqa.files.faults import Faults
from tailqa.files.paths import MISSING, Row, compile_path
from tailqa.files.tables import Table, open_file
from tailqa.files.validate import shown, validate

__all__ = [
    "MISSING",
    "Document",
    "Faults",
    "Location",
    "Row",
    "Table",
    "compile_path",
    "open_file",
    "read_document",
    "shown",
    "validate",
]
