"""What other harnesses wrote down → graded pairs."""

from tailqa.records.inspect_ai import read_inspect
from tailqa.records.lighteval import read_lighteval
from tailqa.records.lm_eval import read_lm_eval
from tailqa.records.pairing import Imported, pair_up
from tailqa.records.recording import NOT_RECORDED, Item, Recording, unrecorded_model
from tailqa.records.strata import StrataRule
from tailqa.records.table import SharedColumns, TableSide, read_table

__all__ = [
    "NOT_RECORDED",
    "Imported",
    "Item",
    "Recording",
    "SharedColumns",
    "StrataRule",
    "TableSide",
    "pair_up",
    "read_inspect",
    "read_lighteval",
    "read_lm_eval",
    "read_table",
    "unrecorded_model",
]
