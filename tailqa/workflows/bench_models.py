"""Whether a bench measured the models of a run."""

from pathlib import PurePath

from tailqa.core.bench import SIDES, Bench
from tailqa.core.errors import TailqaError
from tailqa.core.report import ModelInfo, Report
from tailqa.records.recording import NOT_RECORDED
from tailqa.workflows.history_facets import base_name

_SHOWN = 12


def check_bench_models(bench: Bench, report: Report) -> None:
    """That the speeds of `bench` are those of the models of the run.

    By their weights where both sides know them, else by their names without folder and revision,
    and by the type they are computed in and kept in. The device may differ: a bench says how fast
    the models are where they will be served. Raises TailqaError that names both.
    """
    for side, ran in zip(SIDES, (report.teacher, report.student), strict=True):
        measured = bench.model(side).info
        if not _same(measured, ran):
            how = "run tailqa bench with the models of the run, teacher first, in the same dtype"
            if report.fingerprint.imported:
                how += f", or import the run again with --{side}-name {_last_name(measured)}"
            raise TailqaError(
                f"the bench measured another {side} than the run asked: {_shown(measured)}, in "
                f"the run {_shown(ran)}; {how}"
            )


def _same(measured: ModelInfo, ran: ModelInfo) -> bool:
    if measured.dtype != ran.dtype and NOT_RECORDED not in (measured.dtype, ran.dtype):
        return False
    # Other harnesses do not write down how weights are kept, nor the digest of a tokenizer.
    if ran.tokenizer_digest is not None and measured.weights != ran.weights:
        return False
    digests = measured.weights_digest or "", ran.weights_digest or ""
    if all(digests) and len(digests[0]) == len(digests[1]):
        return digests[0] == digests[1]
    # One of them is a hub's commit, the other of the files themselves, or not known.
    return _last_name(measured) == _last_name(ran) or NOT_RECORDED in (measured.name, ran.name)


def _last_name(model: ModelInfo) -> str:
    return PurePath(base_name(model)).name


def _shown(model: ModelInfo) -> str:
    known = model.weights_digest
    weights = "weights not recorded" if known is None else f"weights {known[:_SHOWN]}"
    kept = "" if model.weights is None else f", kept as {model.weights}"
    return f"{model.name} ({weights}, {model.dtype}{kept})"
