"""The command line imports what was called: its table of names is the modules' own, and no other module is loaded."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fxengine.cli.app import PLACES, app
from fxengine.cli.on_call import Place

CLI = Path(__file__).parents[2] / "fxengine" / "cli"


@pytest.mark.parametrize("place", PLACES, ids=lambda place: f"{place.module}.{place.attribute}")
def test_a_module_brings_exactly_the_commands_that_are_named(place: Place) -> None:
    assert sorted(place.imported()) == sorted(place.names)


def test_every_group_of_every_module_has_its_place() -> None:
    made = {
        (path.stem, attribute)
        for path in CLI.glob("*.py")
        for attribute in re.findall(r"^(\w+) = typer\.Typer\(", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    inside_chain = {(module, attribute) for module, attribute in made if module.startswith("chain_")}
    assert made - inside_chain - {("app", "app")} == {(place.module, place.attribute) for place in PLACES}


def test_a_command_imports_its_own_module_and_no_other() -> None:
    code = (
        "import sys; from fxengine.cli.app import app; app(['book', '--help'], standalone_mode=False);"
        " print(*[name for name in sys.modules if name.startswith('fxengine.')], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "EUR/USD" in done.stdout
    imported = set(done.stderr.split())
    others = {f"fxengine.cli.{place.module}" for place in PLACES} - {"fxengine.cli.trading"}
    assert "fxengine.cli.trading" in imported
    assert not imported & (others | {"fxengine.audit", "fxengine.gateway", "fxengine.engine"})


def test_a_name_that_there_is_not_is_looked_for_among_all() -> None:
    done = CliRunner().invoke(app, ["statment"])
    assert done.exit_code == 2
    assert "statement" in done.output


def test_help_shows_every_command_in_its_panel() -> None:
    shown = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "120"}).output
    for place in PLACES:
        assert place.panel in shown
        for name in place.names:
            assert re.search(rf"│ {name} +\w", shown), name
