"""`tailqa compare --fidelity`, as a user runs it."""

import json


def test_the_demo_with_fidelity(tailqa, tmp_path):
    (tmp_path / "text.txt").write_text("What is three plus four? Twelve less nine is three. " * 40)
    result = tailqa(
        "compare",
        "--limit",
        "4",
        "--speed",
        "0",
        "--fidelity",
        "--fidelity-texts",
        "text.txt",
        TAILQA_PIPELINE="none",
    )
    assert (result.returncode, result.stderr) == (0, "")
    for text in ("KL mean,", "same top-1,", "\nby traffic", "\ngiven texts", "which queries flip"):
        assert text in result.stdout
    [saved] = tmp_path.glob("outputs/*/result.json")
    fidelity = json.loads(saved.read_text())["fidelity"]
    assert [item["scope"] for item in fidelity] == ["stratum"] * 4 + ["all", "texts"]
    assert fidelity[4]["n_queries"] == 16
    shown = tailqa("report", str(saved.parent))
    assert "\nby traffic" in shown.stdout


def test_a_text_alone_implies_it_and_a_bad_one_is_refused(tailqa, tmp_path):
    (tmp_path / "text.txt").write_bytes(b"\xff\xfe")
    refused = tailqa("compare", "--limit", "1", TAILQA_FIDELITY_TEXTS="text.txt")
    assert refused.returncode == 3
    assert refused.stderr == "Error: text.txt: is not UTF-8 at byte 0\n"
    assert not (tmp_path / "outputs").exists()
