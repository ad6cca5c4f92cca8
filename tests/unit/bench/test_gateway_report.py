"""``python -m bench.gateway``: what it prints, and what it refuses to print."""

import json
import subprocess
import sys

import pytest

from bench.gateway import main
from bench.machine import ROOT

KEYS = [
    "echo_per_s", "singles_per_s", "batch64_per_s", "records64_per_s", "quote_levels_per_s", "ack_us", "echo_us",
    "fdatasync_us", "journal",
]  # fmt: skip


def test_the_comparison_is_one_line_with_every_figure(capfd: pytest.CaptureFixture[str]) -> None:
    echo = subprocess.Popen(
        [sys.executable, "-m", "bench.echo", "tcp://127.0.0.1:*", "120"], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    try:
        assert echo.stdout is not None
        address = echo.stdout.readline().strip()
        assert main(["--seconds", "0.2", "--turns", "1", "--json", "--echo", address]) == 0
    finally:
        echo.kill()
        echo.communicate()
    [line] = capfd.readouterr().out.splitlines()
    figures = json.loads(line)
    assert list(figures) == KEYS
    assert figures["journal"] == "fsync"
    assert all(isinstance(figures[name], int) for name in KEYS[:5])
    for name in ("ack_us", "echo_us", "fdatasync_us"):
        assert 0 < figures[name]["p50"] <= figures[name]["p99"], name


def test_many_sessions_print_what_they_were_offered_and_the_memory(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["--sessions", "40", "--minutes", "0.01", "--stretch", "0.2", "--json"]) == 0
    figures = json.loads(capfd.readouterr().out)
    assert figures["sessions"] == 40
    assert figures["answered_per_s"] > 0
    assert len(figures["memory_mb"]) == 3
    assert min(figures["memory_mb"]) > 0


@pytest.mark.parametrize("arguments", [["--seconds", "0"], ["--turns", "0"], ["--sessions", "-1"], ["--minutes", "0"]])
def test_options_that_make_no_sense_are_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit):
        main(arguments)
