"""What would make known what a run does not tell: another command where it was run, or imported."""

from tailqa.core.report import Report


def speed_advice(report: Report) -> str:
    """How the models' speed gets known."""
    return _where(
        report,
        imported="imported answers have none; name a bench of both models with --bench",
        run="run tailqa compare with --speed, or name a bench with --bench",
    )


def fidelity_advice(report: Report) -> str:
    """How the distance of the student's distributions gets known."""
    return _where(
        report,
        imported="imported answers have none, which takes both models",
        run="run tailqa compare with --fidelity",
    )


def retries_advice(report: Report) -> str:
    """How the correlation of attempts gets known."""
    how = _where(
        report,
        imported="Import several answers per query (epochs) where they were recorded",
        run="Measure them with tailqa compare --samples 5 --temperature 0.8",
    )
    return f"{how}, or assume a correlation with --set policy.icc=0.5"


def routed_speed_advice(report: Report) -> str:
    """How seconds per query get known where queries are routed, which takes no bench."""
    return _where(
        report,
        imported="imported answers have none",
        run="run tailqa compare with --speed",
    )


def confidence_advice(report: Report) -> str:
    """Why answers have no log-probability, and how they get one."""
    return _where(
        report,
        imported="texts are imported without; only the choices of lm-eval and lighteval have them",
        run="the run is older than they are, or its answers came from a store of that time or from "
        "a GPU's paged cache; run tailqa compare again with a new --store",
    )


def _where(report: Report, *, imported: str, run: str) -> str:
    return imported if report.fingerprint.imported else run
