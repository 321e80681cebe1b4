"""Service times out of tables and OpenTelemetry exports, and traces of requests."""

import csv
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from tailqa.cost.arrivals import Requests, Trace
from tailqa.cost.samples import span_seconds, table_seconds
from tailqa.cost.trace import as_moment, read_trace
from tailqa.files import Faults

AZURE = Path(__file__).parents[3] / "shared" / "data" / "azure_llm_2023_code.csv"
COLUMNS = {"timestamp": "at", "context_tokens": "in", "generated_tokens": "out"}


def span(name: str, start: object, end: object) -> dict[str, object]:
    return {"name": name, "startTimeUnixNano": start, "endTimeUnixNano": end, "kind": 1}


def export(*spans: object) -> str:
    scopes = [{"scope": {"name": "app"}, "spans": [held]} for held in spans]
    return json.dumps({"resourceSpans": [{"resource": {}, "scopeSpans": scopes}]})


SEARCH = span("vector.search", "1581452772000000321", "1581452773000000789")
RERANK = span("rerank", "5", "2000000005")


@pytest.mark.parametrize(
    "text",
    [
        export(SEARCH, RERANK, SEARCH),
        json.dumps(json.loads(export(SEARCH, RERANK, SEARCH)), indent=2),
        f"{export(SEARCH)}\n{export(RERANK, SEARCH)}\n",
        "\ufeff" + export(SEARCH, span("vector.search", 0, 1_000_000_468), RERANK),
    ],
    ids=["document", "indented", "lines", "whole numbers, byte order mark"],
)
def test_the_durations_of_spans(tmp_path, text):
    file = tmp_path / "spans.json"
    file.write_text(text, encoding="utf-8")
    faults = Faults()
    assert span_seconds(file, "vector.search", faults) == (1.000000468, 1.000000468)
    assert span_seconds(file, "rerank", faults) == (2.0,)
    assert len(faults) == 0


BAD_EXPORTS = {
    "unknown span": (
        export(RERANK, SEARCH, SEARCH),
        "has no span 'search'; it has vector.search, rerank",
    ),
    "no spans": ('{"resourceMetrics": []}', "has no span 'search'; it has no spans at all"),
    "a list": ("[1]", "must be a JSON object with resourceSpans, or one per line"),
    "empty": ("", "has no span 'search'; it has no spans at all"),
    "a span that ends before it starts": (
        f"{export(RERANK)}\n{export(span('search', '9', '3'))}",
        ":2: a span search ends before it starts, or was never ended",
    ),
    "a span that was never ended": (
        export(span("search", "1581452772000000321", "0")),
        "a span search ends before it starts, or was never ended",
    ),
    "a span without times": (
        export({"name": "search"}),
        "a span search has no startTimeUnixNano and endTimeUnixNano",
    ),
    "no JSON": (f"{export(RERANK)}\n{{'", ":2: is not valid JSON: Expecting property name"),
    "not UTF-8": ("\udcff", "is not valid UTF-8"),
}


@pytest.mark.parametrize(("text", "words"), BAD_EXPORTS.values(), ids=BAD_EXPORTS.keys())
def test_what_is_wrong_with_an_export(tmp_path, text, words):
    file = tmp_path / "spans.json"
    file.write_text(text, encoding="utf-8", errors="surrogateescape")
    faults = Faults()
    assert span_seconds(file, "search", faults) == ()
    (fault,) = faults.listed()
    assert words in str(fault).removeprefix(str(file))


def test_seconds_of_csv_jsonl_and_parquet(tmp_path):
    (tmp_path / "t.csv").write_text("name,seconds\na,0.25\nb,1e-3\n")
    (tmp_path / "t.jsonl").write_text(
        '{"stage": {"seconds": 0.25}}\n{"stage": {"seconds": 0.001}}\n'
    )
    parquet.write_table(pa.table({"seconds": [0.25, 0.001]}), tmp_path / "t.parquet")
    faults = Faults()
    for name, column in (
        ("t.csv", "seconds"),
        ("t.jsonl", "stage.seconds"),
        ("t.parquet", "seconds"),
    ):
        assert table_seconds(tmp_path / name, column, faults) == (0.25, 0.001)
    assert len(faults) == 0


BAD_TABLES = {
    "negative": ("s\n1\n-1\n", ":3: s: must be seconds, from 0 to 10,000,000 (got '-1')"),
    "no number": ("s\nfast\n", ":2: s: must be seconds, from 0 to 10,000,000 (got 'fast')"),
    "not finite": ("s\nnan\n", ":2: s: must be seconds, from 0 to 10,000,000 (got 'nan')"),
    "no rows": ("s\n", ": has no rows"),
    "no such column": ("a,b\n1,2\n", ":1: has no column 's'; it has a, b"),
    "no header": ("", ": has no header"),
}


@pytest.mark.parametrize(("text", "fault"), BAD_TABLES.values(), ids=BAD_TABLES.keys())
def test_what_is_wrong_with_a_sample(tmp_path, text, fault):
    file = tmp_path / "s.csv"
    file.write_text(text)
    faults = Faults()
    table_seconds(file, "s", faults)
    assert [str(found) for found in faults.listed()] == [f"{file}{fault}"]


MOMENTS = {
    "2023-11-16 18:17:03.9799600": (1700158623, 0.97996),
    "2023-11-16T18:17:03.979960012Z": (1700158623, 0.979960012),
    "2023-11-16T19:17:03,5+01:00": (1700158623, 0.5),
    "2023-11-16T18:17:03": (1700158623, 0.0),
    "20231116T181703.250": (1700158623, 0.25),
    "1700158623.5": (1700158623, 0.5),
    " 12 ": (12, 0.0),
    12: (12, 0.0),
    0.125: (0, 0.125),
    0.00005: (0, 0.00005),
    "1e-05": (0, 1e-05),
    "2.5005E3": (2500, 0.5),
    ".5": (0, 0.5),
    1e11: (100_000_000_000, 0.0),
    "1e12": None,
    1e15: None,
    "1e-5000": None,
    datetime(2023, 11, 16, 18, 17, 3, 250_000): (1700158623, 0.25),
    "noon": None,
    "": None,
    "-3": None,
    "2023-13-01 00:00:00": None,
    "18:17:03.5": None,
    None: None,
    True: None,
    float("nan"): None,
    float("inf"): None,
}


@pytest.mark.parametrize("value", MOMENTS, ids=repr)
def test_a_moment(value):
    assert as_moment(value) == MOMENTS[value]


def read(
    file: Path, text: str, columns: dict[str, str] | None = None
) -> tuple[Requests | None, list[str]]:
    file.write_text(text)
    trace = Trace(kind="trace", file=file.name, **(COLUMNS if columns is None else columns))
    faults = Faults()
    rows = read_trace(file, trace, faults)
    return rows, [str(fault).replace(str(file), file.name) for fault in faults.listed()]


def test_a_trace_begins_at_0(tmp_path):
    rows, faults = read(tmp_path / "t.csv", "at,in,out\n100.25,9,1\n100.25,8,0\n102,7,3\n")
    assert faults == []
    assert rows.arrival_s.tolist() == [0.0, 0.0, 1.75]
    assert rows.context_tokens.tolist() == [9, 8, 7]
    assert rows.generated_tokens.tolist() == [1, 0, 3]
    rows, faults = read(tmp_path / "t.jsonl", '{"at": 1}\n{"at": 2.5}\n', {"timestamp": "at"})
    assert (rows.arrival_s.tolist(), rows.context_tokens, faults) == ([0.0, 1.5], None, [])
    small = '{"at": 0.0}\n{"at": 5e-05}\n{"at": 1.00005}\n'
    rows, faults = read(tmp_path / "t.jsonl", small, {"timestamp": "at"})
    assert (rows.arrival_s.tolist(), faults) == ([0.0, 0.00005, 1.00005], [])


BAD_TRACES = {
    "out of order": (
        "at,in,out\n3,1,1\n2,1,1\n4,1,1\n",
        ["t.csv:3: at: is earlier than the row before: sort the trace by time (got '2')"],
    ),
    "empty": ("at,in,out\n", ["t.csv: is an empty trace: it has no rows"]),
    "one row": ("at,in,out\n1,1,1\n", ["t.csv: has one point of time only, and so no rate"]),
    "unreadable": (
        "at,in,out\nnoon,-1,1\n2,1.5,\n",
        [
            "t.csv:2: at: must be an ISO 8601 date-time or seconds (got 'noon')",
            "t.csv:2: in: must be a whole number of tokens, 0 or more (got '-1')",
            "t.csv:3: in: must be a whole number of tokens, 0 or more (got '1.5')",
            "t.csv:3: out: must be a whole number of tokens, 0 or more (got '')",
        ],
    ),
    "other columns": (
        "time,in\n1,1\n",
        [
            "t.csv:1: has no column 'at'; it has time, in",
            "t.csv:1: has no column 'out'; it has time, in",
        ],
    ),
    "a row too short": (
        "at,in,out\n1,1,1\n2\n",
        ["t.csv:3: has 1 columns where the header has 3"],
    ),
}


@pytest.mark.parametrize(("text", "found"), BAD_TRACES.values(), ids=BAD_TRACES.keys())
def test_what_is_wrong_with_a_trace(tmp_path, text, found):
    rows, faults = read(tmp_path / "t.csv", text)
    assert rows is None
    assert faults == found


def test_many_faults_of_a_trace_are_counted(tmp_path):
    text = "at,in,out\n" + "".join(f"{100 - i},1,1\n" for i in range(100))
    _, faults = read(tmp_path / "t.csv", text)
    assert len(faults) == 21
    assert (
        faults[-1]
        == "t.csv: at: and 79 more: is earlier than the row before: sort the trace by time"
    )


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 10**7), min_size=2, max_size=20),
    st.datetimes(datetime(1980, 1, 1), datetime(2090, 1, 1)),
    st.sampled_from(["plain", "iso"]),
)
def test_a_written_trace_is_read_as_it_was(tmp_path_factory, gaps, start, style):
    """Tenths of a microsecond apart: what a float of seconds since 1970 could not keep."""
    ticks = np.cumsum([0, *gaps, 1])
    start = start.replace(microsecond=0, tzinfo=UTC)
    lines = []
    for tick in ticks.tolist():
        second, part = divmod(tick, 10**7)
        moment = start + timedelta(seconds=second)
        whole = f"{moment:%Y-%m-%d %H:%M:%S}" if style == "iso" else str(int(moment.timestamp()))
        lines.append(f"{whole}.{part:07d}")
    text = "at\n" + "\n".join(lines)
    rows, faults = read(tmp_path_factory.getbasetemp() / "w.csv", text, {"timestamp": "at"})
    assert faults == []
    np.testing.assert_allclose(rows.arrival_s, ticks / 1e7, rtol=0, atol=1e-9)


@settings(max_examples=80, deadline=None)
@given(
    st.one_of(
        st.text(),
        st.lists(st.sampled_from(["at,in,out", "1,2,3", "0,", "x", '"', ",,"])).map("\n".join),
    )
)
def test_any_text_gives_a_trace_or_faults(tmp_path_factory, text):
    rows, faults = read(
        tmp_path_factory.getbasetemp() / "any.csv", text.encode("utf-8", "replace").decode()
    )
    assert (rows is None) == bool(faults)
    if rows is not None:
        assert (np.diff(rows.arrival_s) >= 0).all()
        assert rows.arrival_s[0] == 0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["resourceSpans", "scopeSpans", "spans", "name", "endTimeUnixNano"]),
            inner,
            max_size=3,
        )
    ),
)


@settings(max_examples=80, deadline=None)
@given(JSON)
def test_any_json_gives_durations_or_faults(tmp_path_factory, document):
    file = tmp_path_factory.getbasetemp() / "any.json"
    file.write_text(json.dumps(document))
    faults = Faults()
    assert bool(span_seconds(file, "x", faults)) != bool(len(faults))


@pytest.mark.skipif(not AZURE.exists(), reason="no shared data")
def test_an_hour_of_a_real_service():
    columns = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")
    trace = Trace(kind="trace", file=str(AZURE), **dict(zip(COLUMNS, columns, strict=True)))
    faults = Faults()
    rows = read_trace(AZURE, trace, faults)
    assert len(faults) == 0
    with AZURE.open() as file:
        held = list(csv.DictReader(file))
    assert len(rows.arrival_s) == len(held) == 8819
    assert rows.context_tokens.sum() == sum(int(row["ContextTokens"]) for row in held)
    # A second reading of the times, through NumPy's own dates of 100 ns.
    times = np.array([row["TIMESTAMP"].replace(" ", "T") for row in held], dtype="datetime64[ns]")
    seconds = (times - times[0]) / np.timedelta64(1, "s")
    np.testing.assert_allclose(rows.arrival_s, seconds, rtol=0, atol=1e-9)
