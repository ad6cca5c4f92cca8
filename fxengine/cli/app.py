"""All commands under one roof, grouped by who needs them."""

from inspect import getdoc
from typing import Annotated

import typer

from fxengine import __version__
from fxengine.cli.audit import commands as audit
from fxengine.cli.chain import commands as chain
from fxengine.cli.control import commands as control
from fxengine.cli.demo import commands as demo
from fxengine.cli.fees import commands as fees
from fxengine.cli.keys import PANEL
from fxengine.cli.keys import commands as keys
from fxengine.cli.ledger import commands as ledger
from fxengine.cli.money import PANEL as MONEY
from fxengine.cli.money import commands as money
from fxengine.cli.money import withdrawal
from fxengine.cli.orders import commands as orders
from fxengine.cli.prove import PANEL as CHECK_PANEL
from fxengine.cli.prove import commands as prove
from fxengine.cli.reserves import commands as attesting
from fxengine.cli.reserves import reserves
from fxengine.cli.statement import commands as statements
from fxengine.cli.swaps import commands as swaps
from fxengine.cli.token import commands as token
from fxengine.cli.trading import commands as trading
from fxengine.cli.venue import commands as venue

app = typer.Typer(
    name="fxengine",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help=(
        "An on-chain foreign exchange market for local-currency stablecoins.\n\n"
        "Start with [bold]fxengine demo[/]: it makes a venue, lets market makers and payers trade on real reference "
        "rates, settles every trade, and checks the books.\n\n"
        "To run one yourself: [bold]init[/] a directory, [bold]serve[/] it, issue a [bold]token[/] to an account, "
        "[bold]deposit[/] money, then [bold]order[/] or [bold]swap[/]. Commands look for the venue in the current "
        "directory; --venue DIR or the variable FXENGINE_VENUE name another."
    ),
)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"fxengine {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """Hold what goes before a command."""


for commands in (demo, venue, money, fees, trading, swaps, orders, audit, attesting, statements):
    app.add_typer(commands)
for commands in (prove, reserves, ledger):
    app.add_typer(commands, rich_help_panel=CHECK_PANEL)
for commands in (token, keys):
    app.add_typer(commands, rich_help_panel=PANEL)
for commands in (withdrawal, control, chain):
    app.add_typer(commands, rich_help_panel=MONEY)


def _unwrap(group: typer.Typer) -> None:
    """Let the terminal break the lines of help texts, not their source; lines that are set in stay as they are."""
    for command in group.registered_commands:
        paragraphs = (getdoc(command.callback) or "").split("\n\n")
        command.help = "\n\n".join(text if "\n " in text else text.replace("\n", " ") for text in paragraphs)
    for inner in group.registered_groups:
        if inner.typer_instance is not None:
            _unwrap(inner.typer_instance)


_unwrap(app)
