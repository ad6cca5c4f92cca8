"""What those who trade look at: their balances, and books. Orders are entered in ``orders``, swaps in ``swaps``."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from fxengine.cli.connect import Account, VenueDir, session
from fxengine.cli.output import Json, answering, console, print_json, print_table
from fxengine.codes import Side

commands = typer.Typer()

Symbol = Annotated[str, typer.Argument(metavar="INSTRUMENT", help="A pair such as EUR/USD: the price is USD per EUR.")]


@commands.command()
def balances(account: Account, venue: VenueDir = Path(), as_json: Json = False) -> None:
    """Show what an account has: free to use, and held for its open orders."""
    with answering(as_json), session(venue, account) as client:
        held = client.balances()
        number = client.account
    if as_json:
        rows = {code: {"available": b.available, "held": b.held} for code, b in held.items()}
        print_json({"account": account, "number": number, "balances": rows})
        return
    console.print(f"[bold]{escape(account)}[/], account number {number}")
    print_table(["currency", ">available", ">held"], [[code, b.available, b.held] for code, b in held.items()])


@commands.command()
def book(
    instrument: Symbol, account: Account,
    levels: Annotated[int, typer.Option(min=1, max=100, help="Price levels to show on each side.")] = 10,
    venue: VenueDir = Path(), as_json: Json = False,
) -> None:  # fmt: skip
    """Show an instrument's order book: what others bid and offer, best prices in the middle."""
    with answering(as_json), session(venue, account) as client:
        replica = client.book(instrument, levels)
        bids, offers = replica.levels(Side.BUY), replica.levels(Side.SELL)
    if as_json:
        print_json({"instrument": instrument, "bids": bids, "offers": offers})
        return
    rows = [["", price, quantity] for price, quantity in reversed(offers)]
    rows += [[quantity, price, ""] for price, quantity in bids]
    print_table([">bid quantity", ">price", ">offer quantity"], rows, title=instrument)
