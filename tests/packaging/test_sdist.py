"""What is published works elsewhere: the sdist builds, installs into an empty environment, and imports.

The sdist is built into a wheel by this environment's build tools (compiling is the same, and
nothing is fetched for it); the wheel and its dependencies, at the tested versions, are installed
into an environment that has never seen the source tree, and used from another directory.
"""

import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SECONDS_MAX = 300


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )
    assert done.returncode == 0, f"{command} in {cwd}:\n{done.stdout}"
    return done.stdout


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sdist")
    run(sys.executable, "-m", "build", "--sdist", "--no-isolation", "--outdir", out, cwd=ROOT)
    (found,) = out.glob("fxengine-*.tar.gz")
    return found


@pytest.fixture(scope="module")
def elsewhere(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the installed package; the directory above it holds nothing of the source."""
    place = tmp_path_factory.mktemp("elsewhere")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    run(*pip, "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", place, sdist, cwd=place)
    (wheel,) = place.glob("fxengine-*.whl")
    run(sys.executable, "-m", "venv", "--without-pip", place / "venv", cwd=place)
    into = ["--python", place / "venv/bin/python"]
    run(*pip, *into, "install", "--quiet", "--constraint", ROOT / "constraints.txt", wheel, cwd=place)
    run(*pip, *into, "check", cwd=place)
    return place / "venv"


def python(environment: Path, code: str) -> str:
    return run(environment / "bin/python", "-c", code, cwd=environment.parent).strip()


def test_the_sdist_holds_every_source_of_the_core_and_nothing_compiled(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    sources = [path for kind in ("pyx", "pxd", "pxi", "pyi") for path in (ROOT / "fxengine").rglob(f"*.{kind}")]
    assert {str(path.relative_to(ROOT)) for path in sources} <= names
    assert {"LICENSE", "README.md", "CHANGELOG.md", "constraints.txt", "setup.py", "pyproject.toml"} <= names
    assert [name for name in names if name.endswith((".c", ".so", ".pyc", ".html"))] == []


def test_the_core_imports_from_where_it_was_installed(elsewhere: Path) -> None:
    where = python(elsewhere, "import fxengine._core; print(fxengine._core.__file__)")
    assert Path(where).is_relative_to(elsewhere)


def test_the_installed_core_starts(elsewhere: Path) -> None:
    code = """
import base64, importlib.resources as resources
from fxengine._core import Core
from fxengine.venue_file import parse_venue
text = (resources.files("fxengine.demo") / "venue.toml").read_text()
for mark in ("@SANDBOX_KEY@", "@OPERATOR_KEY@", "@CUSTODIAN_KEY@"):
    text = text.replace(mark, base64.urlsafe_b64encode(bytes(32)).decode())
venue = parse_venue(text)
core = Core(venue.instrument_records, n_currencies=len(venue.currencies), max_orders=1000)
print(core.sequence)
"""
    assert python(elsewhere, code) == "0"


def test_types_and_demo_figures_are_installed_with_it(elsewhere: Path) -> None:
    (package,) = elsewhere.glob("lib/python3.*/site-packages/fxengine")
    for name in ("py.typed", "_core.pyi", "_core.pxd", "demo/venue.toml", "demo/rates.csv"):
        assert (package / name).is_file(), name


def test_no_tests_or_benchmarks_are_installed(elsewhere: Path) -> None:
    (site,) = elsewhere.glob("lib/python3.*/site-packages")
    assert not {"tests", "bench", "docs"} & {path.name for path in site.iterdir()}


def test_the_command_line_is_installed(elsewhere: Path) -> None:
    printed = run(elsewhere / "bin/fxengine", "--help", cwd=elsewhere.parent)
    assert "serve" in printed
    assert "swap" in printed


def test_the_contracts_come_along_and_what_a_chain_needs_is_named(elsewhere: Path) -> None:
    assert int(python(elsewhere, "from fxengine.contracts import load; print(len(load('SettlementVault').abi))")) > 30
    assert "under 0.1 %" in run(elsewhere / "bin/fxengine", "chain", "cost", "--gas-price", "1", cwd=elsewhere.parent)
    for command in ("status", "deploy", "new-key x"):
        said = python(
            elsewhere,
            "import subprocess, sys; done = subprocess.run([sys.prefix + '/bin/fxengine', 'chain',"
            f" *{command.split()!r}, '--json'], stdout=subprocess.PIPE, text=True, cwd=sys.prefix);"
            " print(done.returncode, done.stdout)",
        )
        assert said.startswith("1 "), said
        assert "pip install 'fxengine[evm]'" in said
