"""Commands that enter, change, cancel and show orders and quotes."""

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.markup import escape

from fxengine.cli.connect import Account, ClientOrderId, VenueDir, session, with_own_id
from fxengine.cli.output import Json, answering, console, print_json, print_table
from fxengine.cli.shown import execution_line, order_line, outcome_line, show_order
from fxengine.cli.times import time_ns
from fxengine.client import Execution, Order
from fxengine.codes import OrdType, SelfTradePrevention, TimeInForce
from fxengine.errors import AmountError

commands = typer.Typer()

OrdTypeName = Literal["LIMIT", "MARKET", "STOP", "STOP_LIMIT"]
TimeInForceName = Literal["GTC", "IOC", "FOK", "GTD"]
PreventionName = Literal["NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT"]
Symbol = Annotated[str, typer.Argument(metavar="INSTRUMENT", help="A pair such as EUR/USD: the price is USD per EUR.")]
OrderId = Annotated[
    int,
    typer.Argument(
        metavar="NUMBER", min=1, max=2**64 - 1, help="The order's client order id, as 'order' and 'orders' show it."
    ),
]
Quantity = Annotated[str, typer.Argument(metavar="QUANTITY", help="How much of the first currency.")]
Price = Annotated[str, typer.Argument(metavar="PRICE", help="The worst price to accept.")]


@commands.command()
def order(
    instrument: Symbol,
    side: Annotated[str, typer.Argument(metavar="buy|sell", help="Whether to buy or sell the first currency.")],
    quantity: Quantity,
    price: Price,
    account: Account,
    ord_type: Annotated[
        OrdTypeName,
        typer.Option("--type", help="MARKET trades at once or not at all; STOP and STOP_LIMIT wait for --stop-price."),
    ] = "LIMIT",
    time_in_force: Annotated[
        TimeInForceName | None,
        typer.Option(
            "--time-in-force",
            help="GTC rests until filled or cancelled; GTD until --expires; IOC trades what it can at once; FOK all at"
            " once or nothing. By itself: IOC for MARKET, GTD with --expires, else GTC.",
        ),
    ] = None,
    post_only: Annotated[bool, typer.Option(help="Refuse the order if it would trade at once.")] = False,
    expires: Annotated[
        str | None, typer.Option(metavar="TIME", help="When it ends by itself, such as 2030-01-31T17:00:00Z.")
    ] = None,
    display: Annotated[str | None, typer.Option(metavar="QUANTITY", help="Show only so much of it at a time.")] = None,
    min_quantity: Annotated[
        str | None, typer.Option(metavar="QUANTITY", help="With IOC: trade at least so much, or nothing.")
    ] = None,
    stop_price: Annotated[
        str | None, typer.Option(metavar="PRICE", help="Wait until a trade at this price or beyond it.")
    ] = None,
    self_trade_prevention: Annotated[
        PreventionName, typer.Option(help="What ends before it would trade with an order of the same trade group.")
    ] = "NONE",
    client_order_id: ClientOrderId = None,
    venue: VenueDir = Path(),
    as_json: Json = False,
) -> None:
    """Enter an order, and show what became of it."""
    with answering(as_json):
        expire_ns = time_ns(expires)
        with session(venue, account) as client:
            done = with_own_id(
                lambda: client.new_order(
                    instrument, side, price, quantity, ord_type=OrdType[ord_type],
                    time_in_force=TimeInForce[time_in_force] if time_in_force else None, post_only=post_only,
                    expire_ns=expire_ns, display_quantity=display, min_quantity=min_quantity, stop_price=stop_price,
                    self_trade_prevention=SelfTradePrevention[self_trade_prevention], client_order_id=client_order_id,
                ),
                client_order_id,
            )  # fmt: skip
    show_order(done, as_json)


@commands.command()
def amend(
    client_order_id: OrderId,
    quantity: Annotated[
        str, typer.Argument(metavar="QUANTITY", help="The new total quantity, what has traded included.")
    ],
    price: Price,
    account: Account,
    filled: Annotated[
        str | None, typer.Option(metavar="QUANTITY", help="Change nothing unless exactly this much has traded.")
    ] = None,
    venue: VenueDir = Path(),
    as_json: Json = False,
) -> None:
    """Change an open order. The same price and less quantity keep its place in the queue."""
    with answering(as_json), session(venue, account) as client:
        client.open_orders()
        done = client.amend(client_order_id, price, quantity, expected_filled=filled)
    show_order(done, as_json)


@commands.command()
def cancel(client_order_id: OrderId, account: Account, venue: VenueDir = Path(), as_json: Json = False) -> None:
    """Cancel an open order; what it held is free to use again."""
    with answering(as_json), session(venue, account) as client:
        done = client.cancel(client_order_id)
    show_order(done, as_json)


@commands.command()
def cancel_all(
    account: Account,
    instrument: Annotated[str | None, typer.Option(metavar="INSTRUMENT", help="Only in this pair.")] = None,
    side: Annotated[str | None, typer.Option(metavar="buy|sell", help="Only on this side.")] = None,
    venue: VenueDir = Path(),
    as_json: Json = False,
) -> None:
    """Cancel all open orders and quotes of an account."""
    with answering(as_json), session(venue, account) as client:
        done = client.mass_cancel(instrument, side)
    if as_json:
        print_json({"canceled": done.count, "sequence": done.sequence})
    else:
        console.print(f"Cancelled {done.count} open orders and quotes.")


@commands.command()
def orders(account: Account, venue: VenueDir = Path(), as_json: Json = False) -> None:
    """Show an account's open orders and quotes."""
    with answering(as_json), session(venue, account) as client:
        found = client.open_orders()
    if as_json:
        print_json({"account": account, "orders": [order_line(row) for row in found]})
        return
    console.print(f"[bold]{escape(account)}[/] has {len(found)} open orders and quotes")
    if found:
        print_table(
            [">client order id", "book", "side", "type", ">price", ">open", ">filled"],
            [
                [str(o.client_order_id), o.instrument.symbol, o.side.name, _type_of(o), o.price, o.leaves, o.filled]
                for o in found
            ],
        )


@commands.command()
def status(client_order_id: OrderId, account: Account, venue: VenueDir = Path(), as_json: Json = False) -> None:
    """Show what became of a command: an order, a cancel, a swap. The venue knows it also when its answer was lost."""
    with answering(as_json), session(venue, account) as client:
        outcome = client.order_status(client_order_id)
    line = outcome_line(outcome)
    if as_json:
        print_json(line)
        return
    console.print(
        f"{outcome.command.name} {client_order_id}: [bold]{outcome.status.name}[/]   (command {line['sequence']})"
    )
    if outcome.reason:
        console.print(f"  {outcome.reason.text}")
    if outcome.instrument is not None:
        console.print(f"  {line['side']} {outcome.instrument.symbol}: filled {line['filled']}, open {line['leaves']}")


@commands.command()
def mass_quote(
    instrument: Symbol,
    account: Account,
    bids: Annotated[
        list[str] | None, typer.Option("--bid", metavar="PRICE:QUANTITY", help="A level to buy at; best first.")
    ] = None,
    offers: Annotated[
        list[str] | None, typer.Option("--offer", metavar="PRICE:QUANTITY", help="A level to sell at; best first.")
    ] = None,
    venue: VenueDir = Path(),
    as_json: Json = False,
) -> None:
    """Replace an account's quotes in a pair with these levels; without any, take them away."""
    with answering(as_json):
        levels = [_level(text) for text in bids or ()], [_level(text) for text in offers or ()]
        with session(venue, account) as client:
            result = client.mass_quote({instrument: levels})
            standing = list(client.quotes.values())
    refused = result.refused.get(instrument)
    if as_json:
        rows = [order_line(row) for row in standing]
        print_json({
            "client_order_id": result.client_order_id, "quoted": not refused, "levels": rows,
            "reason": int(refused) if refused else 0,
        })  # fmt: skip
    elif refused:
        console.print(f"Refused, and the quotes before it stand: {refused.text}")
    else:
        console.print(f"Quoted {instrument} with {len(levels[0])} bids and {len(levels[1])} offers.")
    if refused:
        raise typer.Exit(1)


@commands.command()
def dead_man(
    seconds: Annotated[
        int, typer.Argument(metavar="SECONDS", min=0, max=3_600, help="How long until it runs out; 0 stops it.")
    ],
    account: Account,
    venue: VenueDir = Path(),
    as_json: Json = False,
) -> None:
    """Have all of an account's orders cancelled unless this is said again in time."""
    with answering(as_json), session(venue, account) as client:
        client.dead_man(seconds * 1_000)
    if as_json:
        print_json({"account": account, "timeout_ms": seconds * 1_000})
    else:
        console.print(f"Set: runs out in {seconds} s." if seconds else "Stopped.")


@commands.command()
def reports(
    account: Account,
    first: Annotated[int, typer.Option("--from", min=1, metavar="NUMBER", help="The first report to show.")] = 1,
    venue: VenueDir = Path(),
    as_json: Json = False,
) -> None:
    """Show an account's reports on its orders again, from a number of its stream on, as far as they are held."""
    with answering(as_json), session(venue, account) as client:
        heard = [report for report in client.replay(first) if isinstance(report, Execution)]
    if as_json:
        print_json({"account": account, "reports": [execution_line(report) for report in heard]})
        return
    columns = {"number": ">number", "what": "what", "instrument": "book", "side": "side", "price": ">price"}
    columns |= {"quantity": ">quantity", "client_order_id": ">order"}
    lines = [execution_line(report) for report in heard]
    print_table(list(columns.values()), [[str(line[name]) for name in columns] for line in lines])


def _level(text: str) -> tuple[str, str]:
    price, colon, quantity = text.partition(":")
    if not colon:
        raise AmountError(f"{text!r} is no level: say PRICE:QUANTITY, such as 1.1171:500")
    return price, quantity


def _type_of(row: Order) -> str:
    if row.is_quote:
        return "QUOTE"
    return row.ord_type.name if row.ord_type is not None else ""
