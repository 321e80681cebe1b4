"""What would make known what a run does not tell: another command where it was run, or imported."""

from tailqa.core.report import Report


def speed_advice(report: Report) -> str:
    """How the models' speed gets known."""
    if report.fingerprint.imported:
        return "imported answers have none; name a bench of both models with --bench"
    return "run tailqa compare with --speed, or name a bench with --bench"


def fidelity_advice(report: Report) -> str:
    """How the distance of the student's distributions gets known."""
    if report.fingerprint.imported:
        return "imported answers have none, which takes both models"
    return "run tailqa compare with --fidelity"


def retries_advice(report: Report) -> str:
    """How the correlation of attempts gets known."""
    if report.fingerprint.imported:
        how = "Import several answers per query (epochs) where they were recorded"
    else:
        how = "Measure them with tailqa compare --samples 5 --temperature 0.8"
    return f"{how}, or assume a correlation with --set policy.icc=0.5"


def routed_speed_advice(report: Report) -> str:
    """How seconds per query get known where queries are routed, which takes no bench."""
    if report.fingerprint.imported:
        return "imported answers have none"
    return "run tailqa compare with --speed"


def confidence_advice(report: Report) -> str:
    """Why answers have no log-probability, and how they get one."""
    if report.fingerprint.imported:
        return "texts are imported without; only the choices of lm-eval and lighteval have them"
    return (
        "the run is older than they are, or its answers came from a store of that time or from a "
        "GPU's paged cache; run tailqa compare again with a new --store"
    )
