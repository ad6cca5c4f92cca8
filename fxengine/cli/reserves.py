"""Commands about reserves: what custodians attest, against what the ledger says is owed."""

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from fxengine.cli.connect import Ledger, VenueDir, own_books
from fxengine.cli.output import Json, answering, console, errors, print_json, print_table
from fxengine.errors import FxEngineError
from fxengine.home import SANDBOX_DAYS, Home
from fxengine.reserves import Attestation, AttestationFlaw, Position, ReserveStatus, liabilities, positions
from fxengine.reserves.attestation import BYTES_MAX
from fxengine.signed import NS_PER_SECOND

commands = typer.Typer()
reserves = typer.Typer(
    name="reserves",
    invoke_without_command=True,
    help=(
        "Hold what is owed against what custodians attest that they hold, for each currency.\n\n"
        "Exits with 1 when a currency is not OK: STALE (the attestation is too old), UNDER (less is held than owed) or "
        "MISSING (nothing was ever attested)."
    ),
)
_HOUR_S = 3_600


@commands.command()
def attest(
    currency: Annotated[str | None, typer.Argument(metavar="CURRENCY", help="A currency's code, such as HKD.")] = None,
    amount: Annotated[
        str | None, typer.Argument(metavar="AMOUNT", help="What the custodian holds of it: an exact decimal amount.")
    ] = None,
    renew: Annotated[
        bool, typer.Option("--renew", help="Say the newest amount of every currency again, as of now.")
    ] = False,
    reference: Annotated[
        str, typer.Option(metavar="TEXT", help="What it rests on, such as a statement's number.")
    ] = "sandbox",
    hours: Annotated[int, typer.Option(min=1, max=366 * 24, help="For how long its word is good.")] = SANDBOX_DAYS * 24,
    custodian: Annotated[
        str | None, typer.Option(metavar="ISS", help="Which custodian signs, where several keys are kept here.")
    ] = None,
    venue: VenueDir = Path(),
    as_json: Json = False,
) -> None:
    """Let a sandbox custodian attest what it holds of a currency.

    It signs with a key that is kept in DIR/keys. A real custodian signs elsewhere, and its attestation is taken in by
    'fxengine reserves take FILE'.
    """
    with answering(as_json):
        home = Home(venue)
        if renew == (currency is not None) or (currency is None) != (amount is None):
            raise FxEngineError("say CURRENCY and AMOUNT, or --renew for all that was attested before")
        wanted = _newest_amounts(home) if renew else [(currency or "", amount or "", custodian)]
        made = [
            home.attest(code, text, reference=reference, lifetime_s=hours * _HOUR_S, custodian=by)
            for code, text, by in wanted
        ]
    _show_attestations(home, made, as_json)


@reserves.callback()
def show(
    ctx: typer.Context,
    ledger: Ledger = None,
    venue: VenueDir = Path(),
    as_json: Json = False,
) -> None:
    """Show every currency's reserves, unless another command follows."""
    if ctx.invoked_subcommand:
        return
    with answering(as_json):
        home = Home(venue)
        with own_books(home, ledger) as reader:
            owed = liabilities(reader)
        now_ns = time.time_ns()
        found = positions(home.venue, owed, home.attestations.all(), now_ns)
    covered = all(position.status is ReserveStatus.OK for position in found)
    if as_json:
        print_json({"ok": covered, "currencies": {p.currency.code: _line(p, now_ns) for p in found}})
    else:
        rows = [
            [p.currency.code, p.currency.text(p.liabilities_units), p.currency.text(p.holdings_units),
             f"{p.ratio_text} %" if p.ratio_text else "", _age(p, now_ns), _mark(p.status)]
            for p in found
        ]  # fmt: skip
        print_table(["currency", ">owed", ">attested", ">ratio", ">age", "status"], rows)
        for position in found:
            if position.status is not ReserveStatus.OK:
                console.print(f"{position.currency.code}: {position.status.value}")
    if not covered:
        raise typer.Exit(1)


@reserves.command()
def take(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An attestation that a custodian sent: a JWT.")],
    venue: VenueDir = Path(),
    as_json: Json = False,
) -> None:
    """Check an attestation that a custodian sent, and keep it. It counts from then on."""
    with answering(as_json):
        home = Home(venue)
        with file.open("rb") as opened:
            token = opened.read(BYTES_MAX + 2).decode("ascii", "replace")
        taken = home.attestations.take(token, time.time_ns())
    if isinstance(taken, AttestationFlaw):
        if as_json:
            print_json({"error": {"code": taken.name, "text": taken.value}})
        else:
            errors.print(f"[bold red]error[/] [dim]{taken.name}[/]  ", end="")
            errors.print(taken.value, markup=False)
        raise typer.Exit(1)
    _show_attestations(home, [taken[0]], as_json)


def _newest_amounts(home: Home) -> list[tuple[str, str, str | None]]:
    currency = home.venue.currency
    newest: list[tuple[str, str, str | None]] = [
        (a.currency, currency[a.currency].text(a.amount_units), a.custodian) for a in home.attestations.all()
    ]
    if not newest:
        raise FxEngineError("nothing was attested before; say fxengine attest CURRENCY AMOUNT")
    return newest


def _show_attestations(home: Home, made: list[Attestation], as_json: bool) -> None:
    currency = home.venue.currency
    rows = [(a.custodian, a.currency, currency[a.currency].text(a.amount_units), a.reference) for a in made]
    if as_json:
        names = ("custodian", "currency", "amount", "reference")
        print_json({"attested": [dict(zip(names, row, strict=True)) for row in rows]})
        return
    for by, code, amount, _ in rows:
        console.print(f"{escape(by)} attests {amount} {code}")


def _line(position: Position, now_ns: int) -> dict[str, object]:
    text = position.currency.text
    return {
        "status": position.status.name,
        "liabilities": text(position.liabilities_units),
        "holdings": text(position.holdings_units),
        "fresh": text(position.fresh_units),
        "ratio_percent": position.ratio_text,
        "age_s": None if position.issued_at_ns is None else (now_ns - position.issued_at_ns) // NS_PER_SECOND,
    }


def _age(position: Position, now_ns: int) -> str:
    if position.issued_at_ns is None:
        return ""
    minutes = (now_ns - position.issued_at_ns) // NS_PER_SECOND // 60
    return f"{minutes // 1440} d {minutes // 60 % 24} h" if minutes >= 1440 else f"{minutes // 60} h {minutes % 60} min"


def _mark(status: ReserveStatus) -> str:
    return f"[green]{status.name}[/]" if status is ReserveStatus.OK else f"[bold red]{status.name}[/]"
