"""The paired gap of two models as a comparison of the `evaluate` library."""

import datasets
import evaluate

from tailqa.comparisons.pairs import Plain, compare_pairs

_DESCRIPTION = """
How much worse or better is a second model (the student) than a first one (the teacher) on the same
queries? The gap is accuracy of model 2 minus accuracy of model 1, with an interval that takes the
pairing into account; with it come flips, retention, McNemar's mid-p, the same per stratum, and
whether the tail lost more than the head. With a margin it says pass, fail or inconclusive.
"""

_KWARGS_DESCRIPTION = """
Args:
    predictions1: what the teacher said, `list` of `str` or of numbers; with the configuration
        `scores` its scores in [0, 1].
    predictions2: the same of the student, in the same order.
    references: what is right, `list` of the same type; not taken by the configuration `scores`.
    strata (`list` of `str`, optional): the stratum of each query.
    kinds (`dict`, optional): stratum to `head` or `tail`, for the interaction.
    weights (`dict`, optional): stratum to its share of the traffic; by default as in the data.
    clusters (`list`, optional): what each query shares with others (a document, a template).
    margin (`float`, optional): the largest loss that is accepted, in (0, 1).
    level (`float`): of all intervals, 0.95 by default. The margin is held against these, so level
        0.9 is the one-sided test at 0.05.

Returns:
    n (`int`): pairs.
    gap, flips, retention, interaction (`dict`): value, low, high, level, method and n, or a value
        of None with the reason. The gap and the flips are weighted by traffic; retention is None
        over several strata, the interaction without `kinds`.
    p (`float`): McNemar's mid-p; None over several strata and for graded scores.
    strata (`dict`): n, gap, flips, retention, p and outcome of each stratum.
    outcome (`str`): pass, fail or inconclusive; None without a margin.

Examples:
    >>> import evaluate
    >>> from tailqa import comparisons
    >>> paired_gap = evaluate.load(comparisons.path(), module_type="comparison")
    >>> found = paired_gap.compute(
    ...     predictions1=["a"] * 95 + ["b"] * 5,
    ...     predictions2=["a"] * 80 + ["b"] * 20,
    ...     references=["a"] * 100,
    ...     margin=0.05,
    ... )
    >>> [round(found["gap"][key], 3) for key in ("value", "low", "high")], found["outcome"]
    ([-0.15, -0.233, -0.093], 'fail')
"""

_CITATION = """
@article{tango1998equivalence,
  title={Equivalence test and confidence interval for the difference in proportions for the
    paired-sample design},
  author={Tango, Toshiro},
  journal={Statistics in Medicine},
  volume={17},
  pages={891--908},
  year={1998}
}
"""

_SCORES = "scores"
_CONFIGS = ("default", _SCORES)


@evaluate.utils.file_utils.add_start_docstrings(_DESCRIPTION, _KWARGS_DESCRIPTION)
class PairedGap(evaluate.Comparison):  # type: ignore[misc]
    """The comparison; `evaluate.load` makes it."""

    def _info(self) -> evaluate.ComparisonInfo:
        if self.config_name not in _CONFIGS:
            known = ", ".join(_CONFIGS)
            raise ValueError(f"{self.config_name!r} is no configuration; there are {known}")
        return evaluate.ComparisonInfo(
            module_type="comparison",
            description=_DESCRIPTION,
            citation=_CITATION,
            inputs_description=_KWARGS_DESCRIPTION,
            features=_features(self.config_name),
            reference_urls=[
                "https://doi.org/10.1002/(SICI)1097-0258(19980430)17:8<891::AID-SIM780>3.0.CO;2-B"
            ],
        )

    def _compute(
        self,
        predictions1: list[object],
        predictions2: list[object],
        references: list[object] | None = None,
        **options: object,
    ) -> Plain:
        if references is None:
            return compare_pairs(predictions1, predictions2, **options)  # type: ignore[arg-type]
        teacher, student = (
            [float(said == right) for said, right in zip(given, references, strict=True)]
            for given in (predictions1, predictions2)
        )
        return compare_pairs(teacher, student, **options)  # type: ignore[arg-type]


def _features(config: str) -> "datasets.Features | list[datasets.Features]":
    def all_of(kind: str, *names: str) -> datasets.Features:
        return datasets.Features({name: datasets.Value(kind) for name in names})

    predictions = ("predictions1", "predictions2")
    if config == _SCORES:
        return all_of("float64", *predictions)
    # Whole numbers would be cut off to, 0.5 to 0; floats keep both.
    return [all_of(kind, *predictions, "references") for kind in ("string", "float64")]
