"""Commands of those who check: auditors, regulators, customers."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from fxengine.audit import verify as audit
from fxengine.cli.output import Json, answering, console, errors
from fxengine.ledger.base import ledger_of

commands = typer.Typer()
PANEL = "Check"


@commands.command(rich_help_panel=PANEL)
def verify(
    directory: Annotated[Path, typer.Argument(metavar="DATA_DIR", help="The venue's directory.")],
    ledger: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            envvar="FXENGINE_LEDGER",
            help="Where its trades settled: sqlite:PATH, postgresql://... or evm[:DIR]. Default: DIR/ledger.sqlite.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Recompute a venue from its journal alone, and compare every trade and balance with its ledger.

    Trusts neither the running venue nor the compiled core: the journal is read anew and replayed by the plain-Python
    reference. Exits with 0 only when all agrees.
    """
    columns = (TextColumn("replaying"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with answering(as_json), Progress(*columns, console=errors, transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("replaying", total=None)
        url = ledger_of(directory, ledger)
        found = audit(directory, url, progress=lambda done, total: bar.update(task, completed=done, total=total))
    if as_json:
        print(found.line(), flush=True)
    else:
        console.print(f"{found.commands} commands, {found.trades} trades, {found.batches} settlement batches")
        console.print(f"  money conserved           {_mark(found.conserved)}")
        console.print(f"  state replayed            {_mark(found.state_hash_replayed)}   {found.state_hash}")
        console.print(f"  journal and ledger agree  {_mark(found.ok)}")
        for note in found.notes:
            console.print(f"  note: {escape(note)}")
        for problem in found.problems:
            console.print(f"  [red]{escape(problem)}[/]")
    if not found.ok:
        raise typer.Exit(1)


def _mark(holds: bool) -> str:
    return "[green]yes[/]" if holds else "[bold red]NO[/]"
