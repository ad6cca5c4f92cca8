"""Commands of those who check: auditors, regulators, customers."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from fxengine.audit import verify as audit
from fxengine.cli.output import Json, answering, console, errors
from fxengine.ledger.base import CHAIN_NAME, ledger_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from fxengine.audit.settled import ChainAudit
    from fxengine.venue import Venue

commands = typer.Typer()


@commands.command()
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
    chain: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="A node of the chain that it settles on, to compare with the vault there; '-' takes the address from "
            "FXENGINE_RPC, where a key in it belongs.",
        ),
    ] = None,
    deployment: Annotated[
        Path | None,
        typer.Option("--dir", metavar="DIR", help="With --chain: where its deployment is. Default: DATA_DIR/chain."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Recompute a venue from its journal alone, and compare every trade and balance with its ledger.

    Trusts neither the running venue nor the compiled core: the journal is read anew and replayed by the plain-Python
    reference. With --chain the vault's heads and balances are rebuilt from its events and calldata too, and compared
    with the journal; where the chain's books are gone, chain and journal alone. Exits with 0 only when all agrees.
    """
    columns = (TextColumn("replaying"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with answering(as_json), Progress(*columns, console=errors, transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("replaying", total=None)
        found = audit(
            directory,
            _books(directory, ledger, chain, deployment),
            chain=_chain_audit(chain, deployment or directory / CHAIN_NAME) if chain else None,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    if as_json:
        print(found.line(), flush=True)
    else:
        console.print(f"{found.commands} commands, {found.trades} trades, {found.batches} settlement batches")
        console.print(f"  money conserved           {_mark(found.conserved)}")
        console.print(f"  state replayed            {_mark(found.state_hash_replayed)}   {found.state_hash}")
        console.print(f"  journal and ledger agree  {_mark(found.ok)}")
        if found.chain is not None:
            console.print(
                f"  the chain's head          {_mark(found.chain.head_equal)}   {found.chain.batches} batches"
            )
            console.print(
                f"  the chain's balances      {_mark(found.chain.balances_equal)}   block {found.chain.block}"
            )
        for note in found.notes:
            console.print(f"  note: {escape(note)}")
        for problem in found.problems:
            console.print(f"  [red]{escape(problem)}[/]")
    if not found.ok:
        raise typer.Exit(1)


def _books(directory: Path, ledger: str | None, chain: str | None, deployment: Path | None) -> str:
    """Return the ledger to compare with; none where a chain is asked for whose books are not here."""
    if chain is None or ledger is not None:
        return ledger_of(directory, ledger)
    beside = deployment or directory / CHAIN_NAME
    return f"evm:{beside}" if (beside / "books.sqlite").exists() else ""


def _chain_audit(url: str, directory: Path) -> "Callable[[Venue], ChainAudit]":
    from fxengine.audit.settled import ChainAudit
    from fxengine.audit.vault import read_vault
    from fxengine.chain.rpc import ENVIRONMENT, RPC_DEFAULT, Rpc

    address = os.environ.get(ENVIRONMENT, RPC_DEFAULT) if url == "-" else url
    return lambda venue: ChainAudit(read_vault(Rpc(address), directory), venue)


def _mark(holds: bool) -> str:
    return "[green]yes[/]" if holds else "[bold red]NO[/]"
