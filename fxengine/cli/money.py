"""Commands that move money beside the books: deposits, withdrawals, what waits to be paid, and busts."""

from pathlib import Path
from typing import Annotated, cast

import typer
from rich.markup import escape

from fxengine.cli.connect import (
    Amount,
    ClientOrderId,
    Currency,
    Ledger,
    VenueDir,
    account_number,
    mover,
    operator,
    own_books,
    session,
    wait_final,
    with_own_id,
)
from fxengine.cli.output import Json, answering, console, print_json, print_table
from fxengine.client import Client, MoneyMovement, SettlementNotice
from fxengine.codes import Side
from fxengine.errors import FxEngineError

commands = typer.Typer()
withdrawal = typer.Typer(
    name="withdrawal",
    no_args_is_help=True,
    help="Pay or give back a withdrawal that waits: with the operator's authority, or the issuer's of its currency.",
)
_TRADE = (
    "SELECT maker, taker, maker_side, price_ticks, quantity_lots, maker_fee_units, taker_fee_units"
    " FROM trades WHERE instrument = ? AND number = ?"
)

Whose = Annotated[
    str | None,
    typer.Option("--as", metavar="ACCOUNT", help="Who asks; the account's token is kept by 'fxengine token issue'."),
]
Mover = Annotated[
    str | None,
    typer.Option("--as", metavar="ACCOUNT", help="As an account of the currency's issuer. Default: the operator."),
]
Number = Annotated[
    int, typer.Argument(metavar="NUMBER", min=1, max=2**64 - 1, help="The withdrawal's number, as 'withdrawals' shows.")
]


@commands.command()
def deposit(
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help="Whose money it is, such as payer-1.")],
    currency: Currency,
    amount: Amount,
    reference: Annotated[
        str,
        typer.Option(metavar="TEXT", help="What the bank or the chain calls it: the same reference is credited once."),
    ] = "",
    issuer: Mover = None,
    client_order_id: ClientOrderId = None,
    venue: VenueDir = Path(),
    as_json: Json = False,
) -> None:
    """Credit an account once the money has reached the custodian: with the operator's authority, or the issuer's.

    A currency that an issuer is listed for in the venue file comes in at that issuer's word alone. Refused where less
    is attested than would be owed: 'fxengine attest' first. An account opens at its first logon; one whose token is
    kept here is logged on for it.
    """
    with answering(as_json), mover(venue, issuer) as (client, home):
        number = account_number(client, home, account)
        done = with_own_id(
            lambda: client.deposit(number, currency, amount, reference=reference, client_order_id=client_order_id),
            client_order_id,
        )
        final = wait_final(client, done.sequence, done.client_order_id)
    if as_json:
        print_json(_line(account, number, done, final) | {"deposit": done.amount, "reference": reference})
    else:
        what = f"Deposited {done.amount} {currency} for [bold]{escape(account)}[/]: {final.status.name}"
        console.print(f"{what}   (client order id {done.client_order_id})")


@commands.command()
def withdraw(
    currency: Currency,
    amount: Amount,
    account: Whose = None,
    whose: Annotated[
        str | None, typer.Option("--for", metavar="ACCOUNT", help="Or: whose money, with the operator's authority.")
    ] = None,
    client_order_id: ClientOrderId = None,
    venue: VenueDir = Path(),
    as_json: Json = False,
) -> None:
    """Ask for money to be paid out. It is held until it has been paid, or is given back.

    Say who asks with --as, or --for ACCOUNT as the operator. Waits until all up to it is FINAL in the ledger: then it
    may be paid, with 'fxengine withdrawal pay'.
    """
    with answering(as_json):
        if (account is None) == (whose is None):
            raise FxEngineError("say whose money: --as ACCOUNT to ask as the account itself, or --for ACCOUNT")
        if account is not None:
            with session(venue, account) as client:
                number = client.account
                done, final = _ask(client, currency, amount, 0, client_order_id)
        else:
            with operator(venue) as (client, home):
                number = account_number(client, home, str(whose))
                done, final = _ask(client, currency, amount, number, client_order_id)
    name = account or str(whose)
    if as_json:
        print_json(_line(name, number, done, final) | {"withdrawal": done.withdrawal, "held": done.amount})
    else:
        what = f"Held {done.amount} {currency} of [bold]{escape(name)}[/] for withdrawal [bold]{done.withdrawal}[/]"
        console.print(f"{what}: {final.status.name}   (client order id {done.client_order_id})")


def _ask(
    client: Client, currency: str, amount: str, number: int, client_order_id: int | None
) -> tuple[MoneyMovement, SettlementNotice]:
    done = with_own_id(
        lambda: client.withdraw(currency, amount, account=number, client_order_id=client_order_id), client_order_id
    )
    return done, wait_final(client, done.sequence, done.client_order_id)


def _line(account: str, number: int, done: MoneyMovement, final: SettlementNotice) -> dict[str, object]:
    return {
        "account": account, "number": number, "currency": done.currency.code,
        "client_order_id": done.client_order_id, "sequence": done.sequence, "batch": final.batch_id,
        "settlement": final.status.name,
    }  # fmt: skip


@commands.command()
def withdrawals(account: Whose = None, venue: VenueDir = Path(), as_json: Json = False) -> None:
    """Show the withdrawals that wait to be paid: an account's own, or a currency's for its issuer, with --as.

    Else everybody's, for the operator.
    """
    with answering(as_json):
        if account is not None:
            with session(venue, account) as client:
                waiting = client.open_withdrawals()
        else:
            with operator(venue) as (client, _):
                waiting = client.open_withdrawals()
    if as_json:
        rows = [
            {
                "withdrawal": w.number, "number": w.account, "currency": w.currency.code, "amount": w.amount,
                "final": w.is_final,
            }
            for w in waiting
        ]  # fmt: skip
        print_json({"withdrawals": rows})
        return
    console.print(f"{len(waiting)} withdrawals wait to be paid")
    if waiting:
        print_table(
            [">withdrawal", ">account number", "currency", ">amount", "may be paid"],
            [
                [str(w.number), str(w.account), w.currency.code, w.amount, "yes" if w.is_final else "not FINAL yet"]
                for w in waiting
            ],
        )


@commands.command()
def bust(
    instrument: Annotated[str, typer.Argument(metavar="INSTRUMENT", help="The trade's pair, such as EUR/USD.")],
    number: Annotated[
        int, typer.Argument(metavar="NUMBER", min=1, max=2**63 - 1, help="The trade's number, as its reports show.")
    ],
    ledger: Ledger = None,
    client_order_id: ClientOrderId = None,
    venue: VenueDir = Path(),
    as_json: Json = False,
) -> None:
    """Undo a trade, with the operator's authority: both legs and both fees are reversed, and nothing else.

    Refused when somebody has spent what would be taken back, or when it was undone before.
    """
    with answering(as_json), operator(venue) as (client, home):
        if instrument not in home.venue.instrument:
            raise FxEngineError(f"{instrument} is not listed here; listed are {', '.join(home.venue.instrument)}")
        with own_books(home, ledger) as books:
            rows = books.rows(_TRADE, home.venue.instrument[instrument].index, number)
        if not rows:
            raise FxEngineError(f"the ledger has no trade {number} of {instrument}; it has each once it is settled")
        maker, taker, side, *terms = cast(tuple[int, int, str, int, int, int, int], rows[0])
        names = ("price_ticks", "quantity_lots", "maker_fee_units", "taker_fee_units")
        done = with_own_id(
            lambda: client.bust(
                instrument, number, maker=maker, taker=taker, maker_side=Side[side],
                **dict(zip(names, terms, strict=True)), client_order_id=client_order_id,
            ),
            client_order_id,
        )  # fmt: skip
        final = wait_final(client, done.sequence, done.client_order_id)
    if as_json:
        print_json({
            "instrument": instrument, "trade": number, "maker": maker, "taker": taker,
            "client_order_id": done.client_order_id, "sequence": done.sequence, "batch": final.batch_id,
            "settlement": final.status.name,
        })  # fmt: skip
    else:
        what = f"Undone: trade {number} of {instrument} between accounts {maker} and {taker}: {final.status.name}"
        console.print(f"{what}   (client order id {done.client_order_id})")


@withdrawal.command()
def pay(
    number: Number,
    issuer: Mover = None,
    client_order_id: ClientOrderId = None,
    venue: VenueDir = Path(),
    as_json: Json = False,
) -> None:
    """Say that a withdrawal was paid: what was held leaves the venue's books.

    Refused until all up to the withdrawal is FINAL in the ledger, so only settled money leaves.
    """
    _end("paid", number, issuer, venue, client_order_id, as_json)


@withdrawal.command("return")
def give_back(
    number: Number,
    issuer: Mover = None,
    client_order_id: ClientOrderId = None,
    venue: VenueDir = Path(),
    as_json: Json = False,
) -> None:
    """Give back what is held for a withdrawal that will not be paid: the account is free to use it again."""
    _end("returned", number, issuer, venue, client_order_id, as_json)


def _end(word: str, number: int, issuer: str | None, venue: Path, client_order_id: int | None, as_json: bool) -> None:
    with answering(as_json), mover(venue, issuer) as (client, _):
        end = client.withdrawal_paid if word == "paid" else client.withdrawal_returned
        done = with_own_id(lambda: end(number, client_order_id=client_order_id), client_order_id)
        final = wait_final(client, done.sequence, done.client_order_id)
    if as_json:
        print_json({
            "withdrawal": number, "state": word.upper(), "client_order_id": done.client_order_id,
            "sequence": done.sequence, "batch": final.batch_id, "settlement": final.status.name,
        })  # fmt: skip
    else:
        what = f"Withdrawal {number} {word}: {final.status.name}"
        console.print(f"{what}   (client order id {done.client_order_id})")
