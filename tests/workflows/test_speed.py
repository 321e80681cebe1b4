"""The speed pass over strata."""

from tailqa.core.ports import Request, Silent
from tailqa.core.query import Generation
from tailqa.engine import ScriptedEngine
from tailqa.workflows.speed import latency_summaries, time_both


def request_for(name: str) -> Request:
    return Request(query_id=name, prompt=name, generation=Generation(max_tokens=4))


def test_strata_take_turns_and_keep_their_own_times():
    order = []

    class Noting(ScriptedEngine):
        def time(self, request):
            order.append(request.request.query_id)
            return super().time(request)

    teacher, student = (Noting(lambda _: "a b", name=name) for name in "ts")
    requests = {"head": ["h0", "h1", "h2"], "tail": ["t0"], "none": []}
    times = time_both(
        teacher,
        student,
        {stratum: list(map(request_for, names)) for stratum, names in requests.items()},
        progress=Silent(),
    )
    counted = order[-8:]
    assert counted[::2] == counted[1::2] == ["h0", "t0", "h1", "h2"]
    assert {s: [row.query_id for row in rows] for s, rows in times.items()} == requests
    assert [(row.stratum, row.side) for row in latency_summaries(times)] == [
        (stratum, side) for stratum in requests for side in ("teacher", "student")
    ]
