"""A command typed in this process: for what needs no process of its own, and many times faster."""

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from fxengine.cli.app import app


def typed(*arguments: str | Path) -> dict[str, Any]:
    """Run one command with ``--json`` and return its one line and its exit code."""
    done = CliRunner().invoke(app, [*map(str, arguments), "--json"], catch_exceptions=False)
    lines = done.stdout.splitlines()
    assert len(lines) == 1, f"expected one line, got {done.stdout!r} and on standard error {done.stderr!r}"
    said: dict[str, Any] = json.loads(lines[0])
    return said | {"exit_code": done.exit_code}


def printed(*arguments: str | Path) -> tuple[str, int]:
    """Run one command as a person would; return what it printed and its exit code."""
    done = CliRunner().invoke(app, [*map(str, arguments)], catch_exceptions=False)
    return done.output, done.exit_code
