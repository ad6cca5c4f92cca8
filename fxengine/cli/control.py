"""Commands that open and close the market: the venue, or a currency."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from fxengine.cli.connect import ClientOrderId, Currency, VenueDir, operator, with_own_id
from fxengine.cli.output import Json, answering, console, print_json
from fxengine.client import CommandDone
from fxengine.codes import ControlMode

commands = typer.Typer(
    name="control",
    no_args_is_help=True,
    help=(
        "Open or close the venue or a currency, with the operator's authority.\n\n"
        "What is closed takes nothing that adds risk. Resting orders stay and can be cancelled, and withdrawals go on."
    ),
)


def _mode(word: str) -> ControlMode:
    return ControlMode[word.replace("-", "_").upper()]


@commands.command()
def venue(
    mode: Annotated[
        Literal["open", "cancel-only"],
        typer.Argument(metavar="open|cancel-only", help="cancel-only: no new orders, quotes or swaps anywhere."),
    ],
    client_order_id: ClientOrderId = None,
    directory: VenueDir = Path(),
    as_json: Json = False,
) -> None:
    """Open the venue, or let orders only be cancelled."""
    with answering(as_json), operator(directory) as (client, _):
        done = with_own_id(lambda: client.control_venue(_mode(mode), client_order_id=client_order_id), client_order_id)
    _show({"scope": "venue"}, "The venue", mode, done, as_json)


@commands.command()
def currency(
    code: Currency,
    mode: Annotated[
        Literal["open", "redeem-only"],
        typer.Argument(metavar="open|redeem-only", help="redeem-only: no deposits of it and no trade in it."),
    ],
    client_order_id: ClientOrderId = None,
    directory: VenueDir = Path(),
    as_json: Json = False,
) -> None:
    """Open a currency, or let it only be cancelled out of and withdrawn."""
    with answering(as_json), operator(directory) as (client, _):
        done = with_own_id(
            lambda: client.control_currency(code, _mode(mode), client_order_id=client_order_id), client_order_id
        )
    _show({"scope": "currency", "currency": code}, code, mode, done, as_json)


def _show(what: dict[str, str], name: str, mode: str, done: CommandDone, as_json: bool) -> None:
    if as_json:
        print_json(what | {"mode": mode, "client_order_id": done.client_order_id, "sequence": done.sequence})
    else:
        console.print(f"{name} is [bold]{mode}[/]   (client order id {done.client_order_id})")
