"""``python -m bench.core``: what it prints, what it compares with a floor, and what it refuses."""

import json
import sys
from pathlib import Path

import pytest

from bench.core import main
from bench.floor import build
from bench.plot import save
from tests.unit.bench.order_files import write

SWEEPS = {
    "depth": [{"orders": 10, "ns_per_command": 20.0}],
    "instruments": [{"instruments": 1, "ns_per_command": 20.0}],
}


def script(path: Path, says: str) -> Path:
    path.write_text(f"#!/bin/sh\necho '{says}'\n", encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.fixture
def files(tmp_path: Path, seed: int) -> Path:
    for name in ("steady", "deep"):
        write(tmp_path / f"{name}.bin", seed)
    return tmp_path


def test_the_ratio_is_to_what_the_floor_says(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    floor = script(files / "floor", "floor steady n=2000000 | ns/cmd med 16.5 min 16.0 max 20.0 |")
    only = ["--only", "throughput", "--runs", "1", "--json"]
    assert main(["--floor", str(floor), "--files", str(files), *only]) == 0
    printed = json.loads(capsys.readouterr().out)
    rows = printed["figures"]["throughput"]
    assert [(row["flow"], row["accounts"]) for row in rows] == [
        ("steady", 100), ("steady", 100_000), ("deep", 100), ("deep", 100_000)
    ]  # fmt: skip
    for row in rows:
        assert row["floor_ns"] == 16.5
        assert row["ratio"] == pytest.approx(row["ns_per_command"] / 16.5)
    assert {"machine", "commit", "workload"} == set(printed["about"])


def test_a_floor_that_says_nothing_is_an_error(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    floor = script(files / "floor", "hello")
    assert main(["--floor", str(floor), "--files", str(files), "--only", "throughput", "--runs", "1"]) == 1
    assert "did not say 'ns/cmd med'" in capsys.readouterr().err


def test_a_table_names_its_figures_and_units(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--only", "batches", "latency", "mass quote", "--commands", "2000", "--runs", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["machine", "commit", "workload"]
    for word in ("no-op method", "1 above no-op", "p99.9_ns", "ns_per_level"):
        assert any(word in line for line in lines), word


def test_a_picture_without_matplotlib_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match="pip install matplotlib"):
        save(SWEEPS, tmp_path / "cost.png")


def test_a_floor_without_sources_says_which_step_failed(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"gen\.cpp"):
        build(tmp_path, tmp_path)


@pytest.mark.parametrize(
    "arguments",
    [["--floor", "floor"], ["--files", "."], ["--runs", "0"], ["--plot", "cost.png", "--only", "depth"]],
)
def test_options_that_do_not_go_together_are_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit):
        main(arguments)
