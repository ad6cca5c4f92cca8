"""What the venue has earned in fees: shown, and paid out to an account."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from fxengine.cli.connect import (
    ClientOrderId,
    Ledger,
    VenueDir,
    account_number,
    operator,
    own_books,
    wait_final,
    with_own_id,
)
from fxengine.cli.output import Json, answering, console, print_json, print_table
from fxengine.codes import FEES_ACCOUNT
from fxengine.errors import FxEngineError
from fxengine.home import Home

commands = typer.Typer()

_SETTLED = "SELECT currency, amount_units FROM balances WHERE account = ? AND amount_units <> 0 ORDER BY currency"


@commands.command()
def fees(
    account: Annotated[
        str | None, typer.Option("--to", metavar="ACCOUNT", help="Who receives them, such as treasury-1.")
    ] = None,
    currency: Annotated[
        str | None, typer.Option("--currency", metavar="CURRENCY", help="A currency's code, such as HKD.")
    ] = None,
    amount: Annotated[
        str | None, typer.Option("--amount", metavar="AMOUNT", help="An exact decimal amount, such as 250000.00.")
    ] = None,
    ledger: Ledger = None,
    client_order_id: ClientOrderId = None,
    venue: VenueDir = Path(),
    as_json: Json = False,
) -> None:
    """Show the fees that have settled, or with --to pay some of them out, with the operator's authority.

    They become that account's money, which trades and leaves like any other: with 'fxengine withdraw', or through the
    vault on a chain. The account's credential must hold, and permit the currency.
    """
    with answering(as_json):
        if account is None:
            if not (currency is None and amount is None and client_order_id is None):
                raise FxEngineError("say who receives the fees: --to ACCOUNT")
            _show(Home(venue), ledger, as_json)
        elif currency is None or amount is None:
            raise FxEngineError("say how much is paid out: --currency CURRENCY and --amount AMOUNT")
        else:
            _pay_out(venue, account, currency, amount, client_order_id, as_json)


def _pay_out(venue: Path, account: str, currency: str, amount: str, client_order_id: int | None, as_json: bool) -> None:
    with operator(venue) as (client, home):
        number = account_number(client, home, account)
        done = with_own_id(
            lambda: client.pay_out_fees(number, currency, amount, client_order_id=client_order_id), client_order_id
        )
        final = wait_final(client, done.sequence, done.client_order_id)
    if as_json:
        print_json({
            "account": account, "number": number, "currency": done.currency.code, "paid_out": done.amount,
            "client_order_id": done.client_order_id, "sequence": done.sequence, "batch": final.batch_id,
            "settlement": final.status.name,
        })  # fmt: skip
    else:
        what = f"Paid out {done.amount} {done.currency.code} of fees to [bold]{escape(account)}[/]: {final.status.name}"
        console.print(f"{what}   (client order id {done.client_order_id})")


def _show(home: Home, ledger: str | None, as_json: bool) -> None:
    listed = home.venue.currencies
    with own_books(home, ledger) as books:
        settled = [(listed[int(str(row[0]))], int(str(row[1]))) for row in books.rows(_SETTLED, FEES_ACCOUNT)]
    rows = [(currency.code, currency.text(units)) for currency, units in settled]
    if as_json:
        print_json({"fees": dict(rows)})
    elif rows:
        print_table(["currency", ">fees, settled"], [list(row) for row in rows])
    else:
        console.print("No fees have settled that are not paid out")
