"""Help, usage errors and exit codes."""

import tailqa as package


def test_version(tailqa):
    result = tailqa("--version")
    assert (result.returncode, result.stdout) == (0, f"tailqa {package.__version__}\n")


def test_help_lists_the_commands(tailqa):
    result = tailqa("--help")
    assert result.returncode == 0
    assert "compare  Run teacher and student on a suite and compare them." in result.stdout


def test_a_usage_error_is_3_and_not_inconclusive(tailqa):
    result = tailqa("compare", "--no-such-flag")
    assert result.returncode == 3
    assert "No such option" in result.stderr
    assert "Traceback" not in result.stderr


def test_one_model_alone_is_refused(tailqa):
    result = tailqa("compare", "demo:teacher")
    assert result.returncode == 3
    assert "give both TEACHER and STUDENT" in result.stderr


def test_an_unknown_command_is_named(tailqa):
    result = tailqa("comapre")
    assert result.returncode == 3
    assert "No such command 'comapre'" in result.stderr


def test_a_flag_can_be_set_by_its_environment_variable(tailqa):
    result = tailqa("compare", TAILQA_BATCH_SIZE="none")
    assert result.returncode == 3
    assert "'none' is neither 'auto' nor a number of at least 1" in result.stderr


def test_a_percentage_is_told_how_shares_are_written(tailqa):
    result = tailqa("suite", "plan", "demo", "--power", "80")
    assert result.returncode == 3
    assert "'--power': 80 is more than 1; give a share, as in 0.8\n" in result.stderr


def test_help_names_what_every_option_of_compare_takes(tailqa):
    said = tailqa("compare", "--help").stdout
    for option in ("--suite NAME|FILE", "--limit N", "--seed N", "--out FOLDER", "--store FILE"):
        assert f"  {option} " in said
    assert "INTEGER" not in said
    assert "Seed of every draw." in said
