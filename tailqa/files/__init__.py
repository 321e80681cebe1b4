"""Files that people write: YAML and tables, read so that every fault names its place."""

from tailqa.files.document import Document, Location, parse_document, read_document
from tailqa.files.faults import Faults
from tailqa.files.paths import MISSING, Row, compile_path
from tailqa.files.shipped import find_shipped, shipped_folder, shipped_names
from tailqa.files.tables import Table, open_file
from tailqa.files.validate import shown, validate, validate_all

__all__ = [
    "MISSING",
    "Document",
    "Faults",
    "Location",
    "Row",
    "Table",
    "compile_path",
    "find_shipped",
    "open_file",
    "parse_document",
    "read_document",
    "shipped_folder",
    "shipped_names",
    "shown",
    "validate",
    "validate_all",
]
