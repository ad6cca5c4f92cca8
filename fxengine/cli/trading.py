"""Commands of those who trade: look at a book, enter and cancel orders, swap, see balances."""

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.markup import escape

from fxengine.cli.connect import Account, ClientOrderId, VenueDir, session, wait_final, with_own_id
from fxengine.cli.output import Json, answering, console, print_json, print_table
from fxengine.client import Execution, Order, SwapReceipt
from fxengine.codes import OrdStatus, RejectReason, Side, TimeInForce
from fxengine.errors import AmountError

commands = typer.Typer()
PANEL = "Trade"

TimeInForceName = Literal["GTC", "IOC", "FOK"]
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
def order(
    instrument: Symbol,
    side: Annotated[str, typer.Argument(metavar="buy|sell", help="Whether to buy or sell the first currency.")],
    quantity: Annotated[str, typer.Argument(metavar="QUANTITY", help="How much of the first currency.")],
    price: Annotated[str, typer.Argument(metavar="PRICE", help="The worst price to accept.")],
    account: Account,
    time_in_force: Annotated[
        TimeInForceName,
        typer.Option(
            "--time-in-force",
            help="GTC rests until filled or cancelled; IOC trades what it can at once; FOK all at once or nothing.",
        ),
    ] = "GTC",
    post_only: Annotated[bool, typer.Option(help="Refuse the order if it would trade at once.")] = False,
    client_order_id: ClientOrderId = None,
    venue: VenueDir = Path(),
    as_json: Json = False,
) -> None:
    """Enter a limit order, and show what became of it."""
    with answering(as_json), session(venue, account) as client:
        done = with_own_id(
            lambda: client.new_order(
                instrument, side, price, quantity, time_in_force=TimeInForce[time_in_force], post_only=post_only,
                client_order_id=client_order_id,
            ),
            client_order_id,
        )  # fmt: skip
    _show_order(done, as_json)


@commands.command(rich_help_panel=PANEL)
def cancel(
    client_order_id: Annotated[
        int, typer.Argument(min=1, max=2**64 - 1, help="The order's client order id, as 'order' showed it.")
    ],
    account: Account,
    venue: VenueDir = Path(),
    as_json: Json = False,
) -> None:
    """Cancel an open order; what it held is free to use again."""
    with answering(as_json), session(venue, account) as client:
        done = client.cancel(client_order_id)
    _show_order(done, as_json)


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


def _show_order(done: Order, as_json: bool) -> None:
    if as_json:
        print_json({
            "client_order_id": done.client_order_id, "order_id": done.order_id, "status": done.status.name,
            "instrument": done.instrument.symbol, "side": done.side.name, "quantity": done.quantity,
            "price": done.price, "filled": done.filled, "leaves": done.leaves,
            "fills": [_fill_line(fill) for fill in done.fills],
        })  # fmt: skip
        return
    console.print(
        f"{done.side.name} {done.quantity} {done.instrument.symbol} at {done.price}: [bold]{done.status.name}[/], "
        f"filled {done.filled}, open {done.leaves}   (client order id {done.client_order_id})"
    )
    if done.status is OrdStatus.CANCELED and done.reason is not RejectReason.NONE:
        console.print(f"  {done.reason.text}")
    _show_fills(done.fills)


def _show_fills(fills: list[Execution] | tuple[Execution, ...]) -> None:
    if fills:
        rows = [
            [f.instrument.symbol, f.side.name, f.quantity, f.price, f"{f.fee} {f.fee_currency.code}"] for f in fills
        ]
        print_table(["  book", "side", ">quantity", ">price", ">fee"], [["  " + row[0], *row[1:]] for row in rows])


def _fill_line(fill: Execution) -> dict[str, str]:
    return {
        "instrument": fill.instrument.symbol, "side": fill.side.name, "quantity": fill.quantity,
        "price": fill.price, "fee": fill.fee, "fee_currency": fill.fee_currency.code,
    }  # fmt: skip


def _swap_line(receipt: SwapReceipt) -> dict[str, object]:
    return {
        "client_order_id": receipt.client_order_id, "sequence": receipt.sequence, "pay": receipt.pay.code,
        "paid": receipt.paid, "receive": receipt.receive.code, "received": receipt.received, "payee": receipt.payee,
        "route": [i.symbol for i in receipt.route],
        "change": {currency.code: currency.text(units) for currency, units in receipt.change},
        "fills": [_fill_line(leg) for leg in receipt.legs],
    }  # fmt: skip


def _show_swap(receipt: SwapReceipt, settlement: str) -> None:
    console.print(f"Paid [bold]{receipt.paid} {receipt.pay.code}[/]   (client order id {receipt.client_order_id})")
    delivered = f"[bold]{receipt.received} {receipt.receive.code}[/]"
    console.print(f"Delivered {delivered} to account {receipt.payee}: {settlement}")
    if receipt.route:
        console.print("  route " + " -> ".join(i.symbol for i in receipt.route))
    for currency, units in receipt.change:
        console.print(f"  change kept by the payer: {currency.text(units)} {currency.code}")
    _show_fills(receipt.legs)
