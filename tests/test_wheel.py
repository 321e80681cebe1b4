"""The wheel carries all that the installed package needs."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import tailqa

ROOT = Path(__file__).parents[1]
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = ["wheel", "--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", str(folder)]
    subprocess.run([*PIP, *build, str(ROOT)], check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("installed")
    options = ["--no-deps", "--no-index", "--target", str(folder)]
    subprocess.run([*PIP, "install", *options, str(wheel)], check=True, capture_output=True)
    return folder


def run(installed: Path, *arguments: str) -> str:
    """Output of a Python that finds the installed wheel before anything else."""
    ran = subprocess.run(
        [sys.executable, *arguments],
        cwd=installed.parent,
        env=os.environ | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_the_wheel_holds_every_file_of_the_package(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    package = {
        file.relative_to(ROOT).as_posix()
        for file in (ROOT / "tailqa").rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert package - names == set()
    shipped = {f"tailqa/suite/shipped/{file.name}" for file in (ROOT / "suites").glob("*.yaml")}
    assert len(shipped) >= 4
    configs = {f"tailqa/{file.relative_to(ROOT)}" for file in ROOT.glob("configs/*/*")}
    assert len(configs) >= 3
    shipped |= configs
    assert shipped - names == set()
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_embedded_pair_and_suite_are_in_it(wheel):
    with zipfile.ZipFile(wheel) as archive:
        sizes = {entry.filename: entry.file_size for entry in archive.infolist()}
    for role in ("teacher", "student"):
        for name in ("config.json", "model.safetensors", "tokenizer.json"):
            assert sizes[f"tailqa/demo/pair/{role}/{name}"] > 0
    pair = [size for name, size in sizes.items() if name.startswith("tailqa/demo/pair/")]
    assert sum(pair) <= 8_000_000
    assert sizes["tailqa/demo/suite/arithmetic.yaml"] > 0
    assert any(name.startswith("tailqa/report/") and ".html" in name for name in sizes)
    assert "tailqa/py.typed" in sizes


def test_the_wheel_runs_where_it_is_installed(installed):
    assert run(installed, "-m", "tailqa", "--version") == f"tailqa {tailqa.__version__}\n"
    assert run(installed, "-c", "import tailqa; print(tailqa.__file__)").startswith(str(installed))


def test_the_installed_package_finds_its_embedded_suite(installed):
    code = "import tailqa; print(len(tailqa.load_suite('demo').queries))"
    assert int(run(installed, "-c", code)) >= 600


def test_the_installed_package_finds_its_policies(installed):
    # In a folder of its own, or it would find the configs of this checkout.
    assert "name: strict\n" in run(
        installed, "-m", "tailqa", "gate", "--show-policy", "--policy", "strict"
    )


def test_the_installed_package_finds_its_pipelines(installed):
    code = "from tailqa.cost.load import load_pipeline; print(load_pipeline('rag').name)"
    assert run(installed, "-c", code) == "rag\n"


def test_the_installed_package_makes_a_history(installed):
    code = (
        "from tailqa.history import open_history\n"
        f"with open_history({str(installed.parent / 'history.db')!r}) as history:\n"
        "    print(history.runs())"
    )
    assert run(installed, "-c", code) == "()\n"
