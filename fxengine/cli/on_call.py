"""A group of commands whose modules are imported when one of their commands is called.

Importing all commands with everything they need takes half as long again as the one that was typed, and each is a
process of its own. Only what has to know every command imports them all: a page of help, and the search for what
somebody may have meant by a name that there is not.

    fxengine book EUR/USD      imports fxengine.cli.trading, and what a client needs
    fxengine --help            imports them all

Source: typer's documentation, "Using Click": a group is a class of its own, and finds its commands by ``get_command``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from inspect import getdoc
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_group


@dataclass(frozen=True)
class Place:
    """Where commands stand: in which panel of the help, and in which module of ``fxengine.cli``, as ``attribute``."""

    panel: str
    module: str
    names: tuple[str, ...]
    attribute: str = "commands"

    def imported(self) -> dict[str, Any]:
        """Import the module, and return its commands by their names."""
        around = typer.Typer()
        module = import_module(f"fxengine.cli.{self.module}")
        around.add_typer(getattr(module, self.attribute))
        _unwrap(around)
        found: dict[str, Any] = dict(get_group(around).commands)
        for command in found.values():
            command.rich_help_panel = self.panel
        return found


def _unwrap(group: typer.Typer) -> None:
    """Let the terminal break the lines of help texts, not their source; lines that are set in stay as they are."""
    for command in group.registered_commands:
        paragraphs = (getdoc(command.callback) or "").split("\n\n")
        command.help = "\n\n".join(text if "\n " in text else text.replace("\n", " ") for text in paragraphs)
    for inner in group.registered_groups:
        if inner.typer_instance is not None:
            _unwrap(inner.typer_instance)


def group_of(places: Sequence[Place]) -> type[TyperGroup]:
    """Return the class of a group with these commands, in this order."""
    place_of = {name: place for place in places for name in place.names}

    class OnCall(TyperGroup):
        def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401 - typer has moved its type
            return list(place_of)

        def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401 - likewise
            for place in [place_of[cmd_name]] if cmd_name in place_of else places:
                if place.names[0] not in self.commands:
                    self.commands.update(place.imported())
            return self.commands.get(cmd_name)

    return OnCall
