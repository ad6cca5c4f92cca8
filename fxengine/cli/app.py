"""All commands under one roof, grouped by who needs them.

What each module brings is named here, so that a command imports its own module and no other: a venue's operator types
many short commands, and each is a process of its own. A test holds the names against the modules.
"""

from typing import Annotated

import typer

from fxengine import __version__
from fxengine.cli.on_call import Place, group_of

_START, _RUN, _MONEY, _TRADE, _CHECK = "Start here", "Run a venue", "Money", "Trade", "Check"

PLACES = (
    Place(_START, "demo", ("demo",)),
    Place(_RUN, "venue", ("init", "serve", "snapshot", "freeze", "unfreeze")),
    Place(_MONEY, "money", ("deposit", "withdraw", "withdrawals", "bust")),
    Place(_MONEY, "fees", ("fees",)),
    Place(_TRADE, "trading", ("balances", "book")),
    Place(_TRADE, "swaps", ("quote", "swap", "pay")),
    Place(
        _TRADE,
        "orders",
        ("order", "amend", "cancel", "cancel-all", "orders", "status", "mass-quote", "dead-man", "reports"),
    ),
    Place(_CHECK, "audit", ("verify",)),
    Place(_CHECK, "reserves", ("attest",)),
    Place(_CHECK, "statement", ("statement", "export")),
    Place(_CHECK, "prove", ("prove",)),
    Place(_CHECK, "reserves", ("reserves",), "reserves"),
    Place(_CHECK, "ledger", ("ledger",)),
    Place(_RUN, "token", ("token",)),
    Place(_RUN, "keys", ("keys",)),
    Place(_MONEY, "money", ("withdrawal",), "withdrawal"),
    Place(_MONEY, "control", ("control",)),
    Place(_MONEY, "chain", ("chain",)),
)

app = typer.Typer(
    name="fxengine",
    cls=group_of(PLACES),
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
