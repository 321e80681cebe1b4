"""`tailqa suite plan`, by its whole output."""


def test_queries_needed_per_stratum(tailqa) -> None:
    result = tailqa("suite", "plan", "demo")
    assert result.returncode == 0
    assert [line.split() for line in result.stdout.splitlines()[3:7]] == [
        ["head/plain", "critical", "5.0", "200", "247", "47"],
        ["tail/phrasing", "critical", "5.0", "200", "247", "47"],
        ["tail/terminology", "critical", "5.0", "200", "247", "47"],
        ["tail/multi-step", "critical", "5.0", "200", "247", "47"],
    ]
    assert "passes each stratum with a chance of 80 %" in result.stdout


def test_published_sizes_and_a_stratum_without_a_gap(tmp_path, tailqa) -> None:
    policy = tmp_path / "p.yaml"
    policy.write_text(
        "version: 1\nname: p\ndefaults: {gap: {margin: 0.03}}\n"
        "strata: {head/plain: {gap: null, retention: {floor: 0.9}}}\n"
        "cost: {tier: critical, p95_s: {max_ratio: 1.0}}\n"  # asks for no query
    )
    result = tailqa("suite", "plan", "demo", "--policy", str(policy))
    head, tail = (result.stdout.splitlines()[line].split() for line in (3, 4))
    assert head == ["head/plain", "critical", "-", "200", "-"]
    assert tail == ["tail/phrasing", "critical", "3.0", "200", "687", "487"]


def test_faults(tailqa) -> None:
    assert tailqa("suite", "plan", "demo", "--policy", "nope").returncode == 3
    assert tailqa("suite", "plan", "demo", "--flips", "0").returncode == 3
