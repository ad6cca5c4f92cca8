"""Commands of those who pay in one currency what is owed in another: quote, swap, pay; and the routes, drawn."""

from pathlib import Path
from typing import Annotated

import typer

from fxengine.cli.connect import Account, Amount, ClientOrderId, Currency, VenueDir, session, wait_final, with_own_id
from fxengine.cli.output import Json, answering, console, print_json
from fxengine.cli.shown import fill_line, show_fills
from fxengine.cli.times import time_ns
from fxengine.client import SettlementNotice, SwapLeg, SwapPath, SwapReceipt, SwapResult
from fxengine.errors import AmountError, VenueUnreachable

commands = typer.Typer()
TOLERANCE_BP = 20
BAR_CELLS = 10
BP_ONE = 10_000

Pay = Annotated[str, typer.Argument(metavar="PAY", help="The currency to pay with, such as JPY.")]
Receive = Annotated[str, typer.Argument(metavar="RECEIVE", help="The currency wanted, such as HKD.")]
ExactOut = Annotated[str | None, typer.Option(metavar="AMOUNT", help="Receive exactly this much ...")]
MaxIn = Annotated[str | None, typer.Option(metavar="AMOUNT", help="... and pay at most this.")]
ExactIn = Annotated[str | None, typer.Option(metavar="AMOUNT", help="Or: pay this much ...")]
MinOut = Annotated[str | None, typer.Option(metavar="AMOUNT", help="... and receive at least this.")]
WorstPrice = Annotated[
    str | None,
    typer.Option(
        metavar="PRICE", help="No part of it at more than so much of PAY for one RECEIVE, fees counted, such as 20.15."
    ),
]
Partial = Annotated[
    bool, typer.Option("--allow-partial", help="If not all of the amount can be had, take what can be.")
]
Payee = Annotated[
    int, typer.Option(metavar="NUMBER", min=0, max=2**32 - 1, help="Deliver to this account number, not your own.")
]

Deadline = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="Only strictly before this time, by the venue's clock: 2030-01-31T17:00:00Z."),
]


@commands.command()
def quote(
    pay: Pay,
    receive: Receive,
    account: Account,
    exact_out: Annotated[str | None, typer.Option(metavar="AMOUNT", help="Receive exactly this much.")] = None,
    exact_in: Annotated[str | None, typer.Option(metavar="AMOUNT", help="Or: pay this much.")] = None,
    worst_price: WorstPrice = None,
    allow_partial: Partial = False,
    venue: VenueDir = Path(),
    as_json: Json = False,
) -> None:
    """Show what a swap would cost or bring now, over which books. Nothing is done, and nothing is held for you.

    Say --exact-out or --exact-in.
    """
    with answering(as_json):
        if (exact_out is None) == (exact_in is None):
            raise AmountError("say --exact-out or --exact-in, one of them")
        with session(venue, account) as client:
            found = client.quote(
                pay, receive, exact_in=exact_in, exact_out=exact_out, worst_price=worst_price,
                allow_partial=allow_partial,
            )  # fmt: skip
    if as_json:
        print_json(result_line(found))
        return
    console.print(f"[bold]{found.paid} {found.pay.code}[/] would bring [bold]{found.received} {found.receive.code}[/]")
    show_result(found)


@commands.command()
def swap(
    pay: Pay,
    receive: Receive,
    account: Account,
    exact_out: ExactOut = None,
    max_in: MaxIn = None,
    exact_in: ExactIn = None,
    min_out: MinOut = None,
    worst_price: WorstPrice = None,
    allow_partial: Partial = False,
    payee: Payee = 0,
    deadline: Deadline = None,
    client_order_id: ClientOrderId = None,
    venue: VenueDir = Path(),
    as_json: Json = False,
) -> None:
    """Pay one currency and receive another, at once and whole, split over all the books that lead there.

    Say --exact-out and --max-in, or --exact-in and --min-out. Waits until the swap is FINAL in the ledger. The
    best split is never worse than the best single path; 'quote' shows both without doing anything.
    """
    with answering(as_json):
        pair = (exact_out is not None and max_in is not None, exact_in is not None and min_out is not None)
        one_sided = (exact_out is None) != (max_in is None) or (exact_in is None) != (min_out is None)
        if pair.count(True) != 1 or one_sided:
            raise AmountError("say --exact-out and --max-in, or --exact-in and --min-out: a swap needs its bound")
        deadline_ns = time_ns(deadline)
        with session(venue, account) as client:
            receipt = with_own_id(
                lambda: client.swap(
                    pay, receive, exact_in=exact_in, min_out=min_out, exact_out=exact_out, max_in=max_in,
                    worst_price=worst_price, allow_partial=allow_partial, payee=payee,
                    deadline_ns=deadline_ns, client_order_id=client_order_id,
                ),
                client_order_id,
            )  # fmt: skip
            final = wait_final(client, receipt.sequence, receipt.client_order_id)
    _show_receipt(receipt, final, as_json)


@commands.command()
def pay(
    payee: Annotated[
        str, typer.Argument(metavar="PAYEE", help="Who is paid: an account's number, which 'balances' tells its owner.")
    ],
    amount: Amount,
    currency: Currency,
    account: Account,
    pay_with: Annotated[str, typer.Option("--with", metavar="PAY", help="The currency to pay with, such as JPY.")],
    max_in: Annotated[
        str | None, typer.Option(metavar="AMOUNT", help="Pay at most this. By itself: what it costs now and a little.")
    ] = None,
    tolerance: Annotated[
        int,
        typer.Option(metavar="BP", min=0, max=BP_ONE, help="How much that little is, in hundredths of a percent."),
    ] = TOLERANCE_BP,
    deadline: Deadline = None,
    client_order_id: ClientOrderId = None,
    venue: VenueDir = Path(),
    as_json: Json = False,
) -> None:
    """Pay somebody an exact amount in their currency, out of yours. They get it to the last unit; change stays yours.

    The same as a swap with --exact-out and --payee. Waits until the payment is FINAL in the ledger.
    """
    with answering(as_json):
        if client_order_id is not None and max_in is None:
            raise AmountError("say --max-in with --client-order-id: a payment is repeated only if it is the very same")
        deadline_ns, number = time_ns(deadline), _account_number(payee)
        with session(venue, account) as client:
            if max_in is None:
                cost = client.quote(pay_with, currency, exact_out=amount, payee=number)
                max_in = cost.pay.text(-(-cost.paid_units * (BP_ONE + tolerance) // BP_ONE))
            bound = max_in
            try:
                receipt = with_own_id(
                    lambda: client.pay(
                        number,
                        currency,
                        amount,
                        pay_with=pay_with,
                        max_in=bound,
                        deadline_ns=deadline_ns,
                        client_order_id=client_order_id,
                    ),
                    client_order_id,
                )
                final = wait_final(client, receipt.sequence, receipt.client_order_id)
            except VenueUnreachable as lost:
                raise VenueUnreachable(f"{lost}; it was sent with --max-in {bound}") from None
    _show_receipt(receipt, final, as_json)


def _account_number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and 0 < int(text) < 2**32):
        raise AmountError(f"{text!r} is no account's number: its owner sees it with 'fxengine balances'")
    return int(text)


def _show_receipt(receipt: SwapReceipt, final: SettlementNotice, as_json: bool) -> None:
    if as_json:
        line = {"client_order_id": receipt.client_order_id, "sequence": receipt.sequence, **result_line(receipt)}
        fills = {"fills": [fill_line(fill) for fill in receipt.fills]}
        print_json(line | fills | {"settlement": final.status.name, "batch": final.batch_id})
        return
    console.print(f"Paid [bold]{receipt.paid} {receipt.pay.code}[/]   (client order id {receipt.client_order_id})")
    delivered = f"[bold]{receipt.received} {receipt.receive.code}[/]"
    console.print(f"Delivered {delivered} to account {receipt.payee}: {final.status.name}")
    show_result(receipt)
    show_fills(receipt.fills)


def result_line(result: SwapResult) -> dict[str, object]:
    """Return the fields of what a swap did, or would do."""
    return {
        "pay": result.pay.code, "paid": result.paid, "receive": result.receive.code, "received": result.received,
        "payee": result.payee, "rate": result.rate, "unfilled": result.unfilled,
        "route": [i.symbol for i in result.route],
        "fees": {currency.code: currency.text(units) for currency, units in result.fees},
        "change": {currency.code: currency.text(units) for currency, units in result.change},
        "legs": [_leg_line(leg) for leg in result.legs],
        "single_paths": [
            {"path": [c.code for c in path.stops], "paid": path.paid, "received": path.received, "fills": path.n_fills}
            for path in result.paths
        ],
    }  # fmt: skip


def _leg_line(leg: SwapLeg) -> dict[str, object]:
    return {
        "instrument": leg.instrument.symbol, "side": leg.side.name, "pays": leg.pays.code, "spent": leg.spent,
        "receives": leg.receives.code, "received": leg.received, "fee": leg.fee, "price": leg.price,
        "fills": leg.n_fills,
    }  # fmt: skip


def show_result(result: SwapResult) -> None:
    """Draw the routes of a swap, and what the best single paths would have given instead."""
    if not result.legs:
        return
    console.print(f"  1 {result.pay.code} brings {result.rate} {result.receive.code}, after all fees")
    if result.unfilled_units:
        console.print(f"  a part only: {result.unfilled} of the amount could not be had")
    outgoing: dict[str, int] = {}
    for leg in result.legs:
        outgoing[leg.pays.code] = outgoing.get(leg.pays.code, 0) + leg.spent_units
    for leg in result.legs:
        share = _bar(leg.spent_units, outgoing[leg.pays.code])
        fills = "1 fill" if leg.n_fills == 1 else f"{leg.n_fills} fills"
        console.print(
            f"  {leg.pays.code} {share} {leg.receives.code}   {leg.instrument.symbol} at {leg.price}, {fills}"
        )
        receipt = f"{leg.spent} {leg.pays.code} for {leg.received} {leg.receives.code}, less a fee of {leg.fee}"
        console.print(f"      {receipt}", style="dim")
    for currency, units in result.change:
        console.print(f"  change kept by the payer: {currency.text(units)} {currency.code}")
    if result.paths:
        console.print("  the best single paths instead:")
        for path in result.paths:
            console.print(f"    {_stops(path)}: {path.paid} {path.pay.code} for {path.received} {path.receive.code}")


def _stops(path: SwapPath) -> str:
    return " > ".join(currency.code for currency in path.stops)


def _bar(part: int, whole: int) -> str:
    """Draw a part of a whole, and say it in percent.

    >>> _bar(600, 1000)
    '██████░░░░  60 % >'
    """
    filled = (part * BAR_CELLS + whole // 2) // whole
    return f"{'█' * filled}{'░' * (BAR_CELLS - filled)} {(part * 200 + whole) // (2 * whole):>3} % >"
