import pytest

from tailqa.core.errors import InputError
from tailqa.core.query import GraderSpec, Query
from tailqa.grade import GRADERS, check_grader, make_grader


@pytest.mark.parametrize(
    ("name", "options", "sentence"),
    [
        ("bleu", {}, "'bleu' is not a grader; known are choice, contains, evaluate, exact"),
        ("exact", {"x": 1}, "`x` is not an option of exact; it takes ignore_articles"),
        ("regex", {}, "regex needs the option `pattern`"),
        ("regex", {"pattern": "("}, "`pattern` of regex: must be a regular expression: missing )"),
        ("regex", {"pattern": "a", "group": 1}, "regex: `group` must be a group of the pattern"),
        ("numeric", {"pattern": "["}, "`pattern` of numeric: must be a regular expression"),
        ("numeric", {"absolute_tolerance": -1}, "`absolute_tolerance` of numeric: input should be"),
        ("numeric", {"relative_tolerance": float("inf")}, "should be a finite number"),
        ("numeric", {"percent": "half"}, "should be 'ignore' or 'fraction' (got 'half')"),
        ("exact", {"ignore_case": "yes"}, "should be a valid boolean (got 'yes')"),
        ("exact", {"unparsed": "ungraded"}, "`unparsed` is not an option of exact"),
        ("token_f1", {"threshold": 0}, "`threshold` of token_f1: input should be greater than 0"),
        ("evaluate", {"metric": "bleu"}, "evaluate needs the option `key`"),
        ("evaluate", {"metric": "m", "key": "k", "best": 0}, "`worst` and `best` must differ"),
    ],
)
def test_a_wrong_spec_is_told_with_its_rule(name, options, sentence):
    spec = GraderSpec(name=name, options=options)
    (fault,) = check_grader(spec)
    assert sentence in fault
    with pytest.raises(InputError) as caught:
        make_grader(spec)
    assert str(caught.value) == f"grader: {fault}"


def test_all_faults_at_once():
    spec = GraderSpec(name="regex", options={"match": "middle", "flags": "i", "ignore_case": 3})
    assert len(check_grader(spec)) == 4


def test_queries_that_can_never_be_graded_are_found():
    plain = Query(id="a", stratum="s", prompt="?", references=("three",))
    choice = Query(id="b", stratum="s", prompt="?", references=("3",), choices=("3", "4"))
    one = Query(id="c", stratum="s", prompt="?", references=("3",), choices=("3",))
    empty = Query(id="d", stratum="s", prompt="?", references=("3",), choices=("3", ""))
    assert check_grader(GraderSpec(name="numeric"), [plain, choice]) == (
        "no reference of query a holds a number",
        "query b offers choices, which the grader choice judges",
    )
    assert check_grader(GraderSpec(name="choice"), [choice, plain, one, empty]) == (
        "query a needs two or more choices",
        "query c needs two or more choices",
        "query d has an empty choice",
    )
    assert check_grader(GraderSpec(name="exact"), [plain]) == ()


def test_every_grader_explains_itself():
    for kind in GRADERS.values():
        assert kind.__doc__
        assert "unparsed" in kind.__doc__
