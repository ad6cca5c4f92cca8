"""Commands of those who trade: look at a book, swap, see balances. Orders are entered in ``orders``."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from fxengine.cli.connect import Account, ClientOrderId, VenueDir, session, wait_final, with_own_id
from fxengine.cli.output import Json, answering, console, print_json, print_table
from fxengine.cli.shown import fill_line, show_fills
from fxengine.client import SwapReceipt
from fxengine.codes import Side
from fxengine.errors import AmountError

commands = typer.Typer()
PANEL = "Trade"

Symbol = Annotated[str, typer.Argument(metavar="INSTRUMENT", help="A pair such as EUR/USD: the price is USD per EUR.")]


@commands.command(rich_help_panel=PANEL)
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


@commands.command(rich_help_panel=PANEL)
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


@commands.command(rich_help_panel=PANEL)
def swap(
    pay: Annotated[str, typer.Argument(metavar="PAY", help="The currency to pay with, such as JPY.")],
    receive: Annotated[str, typer.Argument(metavar="RECEIVE", help="The currency wanted, such as HKD.")],
    account: Account,
    exact_out: Annotated[str | None, typer.Option(metavar="AMOUNT", help="Receive exactly this much ...")] = None,
    max_in: Annotated[str | None, typer.Option(metavar="AMOUNT", help="... and pay at most this.")] = None,
    exact_in: Annotated[str | None, typer.Option(metavar="AMOUNT", help="Or: pay this much ...")] = None,
    min_out: Annotated[str | None, typer.Option(metavar="AMOUNT", help="... and receive at least this.")] = None,
    payee: Annotated[
        int,
        typer.Option(
            metavar="NUMBER", min=0, max=2**32 - 1, help="Deliver to this account number instead of your own."
        ),
    ] = 0,
    client_order_id: ClientOrderId = None,
    venue: VenueDir = Path(),
    as_json: Json = False,
) -> None:
    """Pay one currency and receive another, at once and whole, over the best path of up to three books.

    Say --exact-out and --max-in, or --exact-in and --min-out. Waits until the swap is FINAL in the ledger.
    """
    with answering(as_json):
        pair = (exact_out is not None and max_in is not None, exact_in is not None and min_out is not None)
        one_sided = (exact_out is None) != (max_in is None) or (exact_in is None) != (min_out is None)
        if pair.count(True) != 1 or one_sided:
            raise AmountError("say --exact-out and --max-in, or --exact-in and --min-out: a swap needs its bound")
        with session(venue, account) as client:
            receipt = with_own_id(
                lambda: client.swap(
                    pay, receive, exact_in=exact_in, min_out=min_out, exact_out=exact_out, max_in=max_in, payee=payee,
                    client_order_id=client_order_id,
                ),
                client_order_id,
            )  # fmt: skip
            final = wait_final(client, receipt.sequence, receipt.client_order_id)
    if as_json:
        print_json(_swap_line(receipt) | {"settlement": final.status.name, "batch": final.batch_id})
    else:
        _show_swap(receipt, final.status.name)


def _swap_line(receipt: SwapReceipt) -> dict[str, object]:
    return {
        "client_order_id": receipt.client_order_id, "sequence": receipt.sequence, "pay": receipt.pay.code,
        "paid": receipt.paid, "receive": receipt.receive.code, "received": receipt.received, "payee": receipt.payee,
        "route": [i.symbol for i in receipt.route],
        "change": {currency.code: currency.text(units) for currency, units in receipt.change},
        "fills": [fill_line(leg) for leg in receipt.legs],
    }  # fmt: skip


def _show_swap(receipt: SwapReceipt, settlement: str) -> None:
    console.print(f"Paid [bold]{receipt.paid} {receipt.pay.code}[/]   (client order id {receipt.client_order_id})")
    delivered = f"[bold]{receipt.received} {receipt.receive.code}[/]"
    console.print(f"Delivered {delivered} to account {receipt.payee}: {settlement}")
    if receipt.route:
        console.print("  route " + " -> ".join(i.symbol for i in receipt.route))
    for currency, units in receipt.change:
        console.print(f"  change kept by the payer: {currency.text(units)} {currency.code}")
    show_fills(receipt.legs)
