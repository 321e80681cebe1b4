import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailqa.cost.line import Rules
from tailqa.cost.outcomes import Chances, expected_outcomes
from tailqa.cost.retry import BetaBinomial

SHARE = st.floats(0, 1)


def beta(a, b):
    return Chances(a=np.array([a]), b=np.array([b]), share=np.array([np.nan]))


def known(p):
    return Chances(a=np.array([np.nan]), b=np.array([np.nan]), share=np.array([p]))


@given(a=st.floats(0.05, 20), b=st.floats(0.05, 20), s=SHARE, f=SHARE, cap=st.integers(1, 6))
def test_one_call_without_escalation_is_the_beta_binomial_policy(a, b, s, f, cap):
    rules = Rules(max_attempts=cap, sensitivity=s, false_accepts=f)
    found = expected_outcomes(rules, beta(a, b))
    exact = BetaBinomial(a, b).retried(cap, sensitivity=s, false_accepts=f)
    assert found["right"] + found["wrong"] == pytest.approx(exact.attempts, rel=1e-9)
    assert found["resolved"] == pytest.approx(exact.resolved, abs=1e-9)
    assert found["uncaught"] == pytest.approx(exact.wrong, abs=1e-9)
    assert found["given_up"] == pytest.approx(exact.given_up, abs=1e-9)


def attempt_by_attempt(rules, p, p2, rng):
    """One request, as the docstring of Rules tells it."""
    counts = dict.fromkeys(("right", "wrong", "retries", "second_right", "second_wrong"), 0)
    counts |= {"second_retries": 0, "escalations": 0, "calls": 0, "escalated": 0}
    uncaught = False
    for _ in range(rules.calls):
        counts["calls"] += 1
        accepted = None
        for attempt in range(rules.max_attempts):
            chance = p + rules.lift * (1 - p) if attempt else p
            right = rng.random() < chance
            counts["right" if right else "wrong"] += 1
            counts["retries"] += attempt > 0
            if rng.random() < (rules.sensitivity if right else rules.false_accepts):
                accepted = right
                break
        if accepted is None and rules.escalate_to == "teacher":
            counts["escalations"] += 1
            counts["escalated"] = 1
            for attempt in range(rules.second_attempts):
                chance = p2 + rules.lift * (1 - p2) if attempt else p2
                right = rng.random() < chance
                counts["second_right" if right else "second_wrong"] += 1
                counts["second_retries"] += attempt > 0
                if rng.random() < (rules.sensitivity if right else rules.false_accepts):
                    accepted = right
                    break
        elif accepted is None and rules.escalate_to == "person":
            counts["escalations"] += 1
            counts["escalated"] = 1
            accepted = rng.random() < rules.person_right
        if accepted is None:
            return counts | {"resolved": 0, "uncaught": 0, "given_up": 1}
        uncaught |= not accepted
    return counts | {"resolved": int(not uncaught), "uncaught": int(uncaught), "given_up": 0}


@pytest.mark.parametrize(
    "rules",
    [
        Rules(max_attempts=3, sensitivity=0.9, false_accepts=0.2, lift=0.3),
        Rules(
            max_attempts=2,
            sensitivity=0.8,
            false_accepts=0.1,
            lift=0.4,
            calls=3,
            escalate_to="teacher",
            second_attempts=2,
        ),
        Rules(
            max_attempts=2,
            sensitivity=0.7,
            false_accepts=0.3,
            calls=2,
            escalate_to="person",
            person_right=0.9,
        ),
    ],
)
def test_expectations_are_the_means_of_requests_lived_through_one_by_one(rules):
    rng = np.random.default_rng(4)
    ps, p2s = rng.beta(2, 1.5, 6_000), rng.beta(3, 1, 6_000)
    lived = [attempt_by_attempt(rules, p, p2, rng) for p, p2 in zip(ps, p2s, strict=True)]
    found = expected_outcomes(rules, beta(2.0, 1.5), beta(3.0, 1.0))
    for name, value in found.items():
        values = np.array([row[name] for row in lived], dtype=float)
        error = values.std() / np.sqrt(len(values))
        assert abs(values.mean() - value[0]) <= 4 * error + 1e-9, name


@settings(max_examples=60)
@given(
    a=st.floats(0.01, 30),
    b=st.floats(0.01, 30),
    s=SHARE,
    f=SHARE,
    lift=SHARE,
    cap=st.integers(1, 4),
    calls=st.integers(1, 4),
    second=st.integers(1, 3),
    to=st.sampled_from([None, "teacher", "person"]),
)
def test_what_ends_ends_one_way(a, b, s, f, lift, cap, calls, second, to):
    rules = Rules(
        max_attempts=cap,
        sensitivity=s,
        false_accepts=f,
        lift=lift,
        calls=calls,
        escalate_to=to,
        second_attempts=second,
    )
    found = {k: float(v[0]) for k, v in expected_outcomes(rules, beta(a, b), beta(b, a)).items()}
    assert found["resolved"] + found["uncaught"] + found["given_up"] == pytest.approx(1)
    assert all(value >= -1e-9 for value in found.values())
    assert found["escalated"] <= found["escalations"] + 1e-9
    assert found["calls"] <= calls + 1e-9
    attempts = found["right"] + found["wrong"]
    assert attempts == pytest.approx(found["calls"] + found["retries"])


def test_a_known_chance_needs_no_beta():
    rules = Rules(max_attempts=3, sensitivity=1.0, false_accepts=0.0)
    wrong, right = (expected_outcomes(rules, known(p)) for p in (0.0, 1.0))
    assert (wrong["wrong"][0], wrong["given_up"][0]) == (3.0, 1.0)
    assert (right["right"][0], right["resolved"][0]) == (1.0, 1.0)


def test_escalation_to_a_teacher_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="second must be given"):
        expected_outcomes(Rules(escalate_to="teacher"), known(0.5))
