"""Commands that read the books for people: an account's statement, and tables for analysts."""

import csv
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from fxengine.cli.connect import Ledger, VenueDir
from fxengine.cli.output import Json, answering, console, errors, print_json, print_table
from fxengine.errors import FxEngineError
from fxengine.home import Home
from fxengine.ledger.holders import find_holder
from fxengine.ledger.reading import open_reader
from fxengine.statements.export import Format
from fxengine.statements.export import export as write_table
from fxengine.statements.lines import Line
from fxengine.statements.period import period, utc_text
from fxengine.statements.statement import Posting, Statement
from fxengine.statements.tables import TABLES, table_named

commands = typer.Typer()
_CSV_COLUMNS = (
    "entry", "batch", "time", "sequence", "currency", "amount", "balance", "instrument", "number", "counterparty",
)  # fmt: skip


@commands.command()
def statement(
    who: Annotated[
        str, typer.Argument(metavar="ACCOUNT", help="An account's number, or the name its KYC issuer knows it by.")
    ],
    start: Annotated[
        str | None,
        typer.Option("--from", metavar="DATE", help="The first day, UTC, or a time. Default: the beginning."),
    ] = None,
    end: Annotated[
        str | None,
        typer.Option("--to", metavar="DATE", help="The last day, UTC, or a time before which. Default: now."),
    ] = None,
    issuer: Annotated[
        str | None, typer.Option(metavar="ISS", help="The KYC issuer, where several have a customer of that name.")
    ] = None,
    ledger: Ledger = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, for a spreadsheet.")] = False,
    venue: VenueDir = Path(),
    as_json: Json = False,
) -> None:
    """Show what an account had, every posting with what it was made of, and what the account has then.

    Amounts are exact. In each currency the opening balance and the postings make the closing balance, and each
    posting's lines make the posting: the statement is refused where the books say otherwise.
    """
    with answering(as_json):
        if as_csv and as_json:
            raise FxEngineError("say --csv or --json, not both")
        wanted = period(start, end)
        with open_reader(Home(venue).ledger(ledger)) as reader:
            found = Statement(reader, find_holder(reader, who, issuer), wanted)
            if as_json:
                print_json(_as_json(found))
            elif as_csv:
                _print_csv(found)
            else:
                _print_tables(found)


@commands.command()
def export(
    name: Annotated[str, typer.Argument(metavar="TABLE", help=f"One of {', '.join(TABLES)}.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The file to write; replaced when it is whole.")],
    kind: Annotated[
        Format, typer.Option("--format", help="csv, or parquet (needs the extra: pip install 'fxengine[parquet]').")
    ] = Format.CSV,
    ledger: Ledger = None,
    venue: VenueDir = Path(),
    as_json: Json = False,
) -> None:
    """Write a table of the ledger to a file, for analysts.

    Amounts stay whole numbers, with the currency and its decimals beside them; times are UTC. Of a venue that is
    running it is one moment.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with answering(as_json):
        table = table_named(name)
        with (
            open_reader(Home(venue).ledger(ledger)) as reader,
            Progress(*columns, console=errors, transient=True, disable=not sys.stderr.isatty()) as bar,
        ):
            task = bar.add_task(name, total=None)
            rows = write_table(
                reader, table, kind, out, progress=lambda done, total: bar.update(task, completed=done, total=total)
            )
    if as_json:
        print_json({"table": name, "format": kind.value, "rows": rows, "file": str(out)})
    else:
        console.print(f"Wrote {rows} rows of {name} to {escape(str(out))}")


def _as_json(found: Statement) -> dict[str, Any]:
    currencies: dict[int, dict[str, Any]] = {currency: _balances_json(found, currency) for currency in found.opening}
    for posting in found.postings():
        currency = found.currencies[posting.currency]
        said = currencies.setdefault(posting.currency, _balances_json(found, posting.currency))
        said["postings"].append(
            {
                "batch": posting.batch,
                "time": utc_text(posting.time_ns),
                "amount": currency.text(posting.amount_units),
                "balance": currency.text(posting.balance_units),
                "lines": [_line_json(line, found) for line in posting.lines],
            }
        )
    holder = found.holder
    return {
        "account": holder.account, "role": holder.role, "issuer": holder.issuer, "subject": holder.subject,
        "from": None if found.period.start_ns is None else utc_text(found.period.start_ns),
        "to": None if found.period.end_ns is None else utc_text(found.period.end_ns),
        "currencies": {found.currencies[currency].code: said for currency, said in currencies.items()},
    }  # fmt: skip


def _balances_json(found: Statement, currency: int) -> dict[str, Any]:
    text = found.currencies[currency].text
    opening, closing = found.opening.get(currency, 0), found.closing.get(currency, 0)
    return {"opening": text(opening), "closing": text(closing), "postings": []}


def _line_json(line: Line, found: Statement) -> dict[str, object]:
    said: dict[str, object] = {
        "kind": line.kind,
        "sequence": line.sequence,
        "amount": found.currencies[line.currency].text(line.amount_units),
    }
    if line.number is not None:
        said |= {"instrument": line.instrument, "number": line.number}
    if line.counterparty is not None:
        said["counterparty"] = line.counterparty
    return said


def _print_csv(found: Statement) -> None:
    """Print rows as they are read. The amounts of a currency's lines add up from its opening to its closing balance."""
    rows = csv.writer(sys.stdout, lineterminator="\n")
    rows.writerow(_CSV_COLUMNS)
    rows.writerows(_csv_balances("opening", found.opening, found))
    for posting in found.postings():
        rows.writerows(_csv_lines(posting, found))
    rows.writerows(_csv_balances("closing", found.closing, found))


def _csv_balances(entry: str, balances: dict[int, int], found: Statement) -> list[list[object]]:
    shown = [(found.currencies[currency], units) for currency, units in balances.items()]
    return [[entry, "", "", "", currency.code, "", currency.text(units), "", "", ""] for currency, units in shown]


def _csv_lines(posting: Posting, found: Statement) -> list[list[object]]:
    shown = found.currencies[posting.currency]
    balance = posting.balance_units - posting.amount_units
    rows: list[list[object]] = []
    for line in posting.lines:
        balance += line.amount_units
        rows.append([
            line.kind, line.batch, utc_text(posting.time_ns), line.sequence, shown.code,
            shown.text(line.amount_units), shown.text(balance), line.instrument,
            "" if line.number is None else line.number, "" if line.counterparty is None else line.counterparty,
        ])  # fmt: skip
    return rows


def _print_tables(found: Statement) -> None:
    holder = found.holder
    console.print(f"[bold]{escape(holder.name)}[/], account {holder.account}")
    tables: dict[int, list[list[str]]] = {currency: [] for currency in found.opening}
    for posting in found.postings():
        shown = found.currencies[posting.currency]
        rows = tables.setdefault(posting.currency, [])
        rows += [["", "", f"  {_what(line)}", shown.text(line.amount_units), ""] for line in posting.lines]
        at = utc_text(posting.time_ns)[:19].replace("T", " ")
        batch = str(posting.batch)
        rows.append([at, batch, "posting", shown.text(posting.amount_units), shown.text(posting.balance_units)])
    for currency, rows in tables.items():
        shown = found.currencies[currency]
        opening = ["", "", "opening balance", "", shown.text(found.opening.get(currency, 0))]
        closing = ["", "", "closing balance", "", shown.text(found.closing.get(currency, 0))]
        columns = ["time (UTC)", ">batch", "", ">amount", ">balance"]
        print_table(columns, [opening, *rows, closing], title=f"\n{shown.code}")


def _what(line: Line) -> str:
    of_trade = "" if line.number is None else f" {line.instrument} {line.number}"
    other = "" if line.counterparty is None else f" {'to' if line.amount_units < 0 else 'from'} {line.counterparty}"
    return f"{line.kind}{of_trade}{other}"
