"""Names and options become graders."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from pydantic import ValidationError

from tailqa.core.errors import Fault, InputError
from tailqa.core.query import GraderSpec, Query
from tailqa.grade.base import Grader, OptionsModel
from tailqa.grade.choice import Choice
from tailqa.grade.metric import Evaluate
from tailqa.grade.numeric import Numeric
from tailqa.grade.text import Contains, Exact, Regex, TokenF1

AnyGrader = Choice | Contains | Evaluate | Exact | Numeric | Regex | TokenF1

GRADERS: Mapping[str, type[AnyGrader]] = MappingProxyType(
    {
        "choice": Choice,
        "contains": Contains,
        "evaluate": Evaluate,
        "exact": Exact,
        "numeric": Numeric,
        "regex": Regex,
        "token_f1": TokenF1,
    }
)
"""The graders by the name that a suite gives them."""


def make_grader(spec: GraderSpec) -> Grader:
    """The grader that `spec` describes, ready to grade.

    Raises InputError with every fault of the name and the options, and TailqaError if the metric
    of the grader evaluate cannot be loaded.

    >>> make_grader(GraderSpec(name="numeric", options={"absolute_tolerance": 0.01}))
    Numeric(unparsed='wrong', absolute_tolerance=0.01, relative_tolerance=0.0, percent='ignore', \
pattern=None)
    """
    grader, faults = _build(spec)
    if grader is None:
        raise InputError(Fault(file="grader", rule=fault) for fault in faults)
    grader.prepare()
    return grader


def check_grader(spec: GraderSpec, queries: Iterable[Query] = ()) -> tuple[str, ...]:
    """Every fault of the name, the options, and of queries that could never be graded.

    Nothing is loaded, so whether the metric of the grader evaluate exists is not known yet.

    >>> check_grader(GraderSpec(name="exact", options={"case": False}))
    ('`case` is not an option of exact; it takes ignore_articles, ignore_case, \
ignore_punctuation, ignore_whitespace',)
    >>> check_grader(GraderSpec(name="bleu"))
    ("'bleu' is not a grader; known are choice, contains, evaluate, exact, numeric, regex, \
token_f1",)
    """
    grader, faults = _build(spec)
    if grader is None:
        return faults
    return tuple(fault for query in queries if (fault := grader.query_fault(query)) is not None)


def _build(spec: GraderSpec) -> tuple[AnyGrader | None, tuple[str, ...]]:
    kind = GRADERS.get(spec.name)
    if kind is None:
        return None, (f"{spec.name!r} is not a grader; known are {', '.join(GRADERS)}",)
    try:
        return kind.model_validate(dict(spec.options)), ()
    except ValidationError as error:
        return None, tuple(_sentence(spec.name, kind, dict(fault)) for fault in error.errors())


def _sentence(name: str, kind: type[OptionsModel], fault: Mapping[str, object]) -> str:
    place = fault["loc"]
    key = str(place[0]) if isinstance(place, tuple) and place else None
    if fault["type"] == "extra_forbidden":
        known = ", ".join(sorted(kind.model_fields))
        return f"`{key}` is not an option of {name}; it takes {known}"
    if fault["type"] == "missing":
        return f"{name} needs the option `{key}`"
    message = str(fault["msg"]).removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    if key is None:
        return f"{name}: {message}"
    return f"`{key}` of {name}: {message} (got {fault['input']!r})"
