"""Commands about a ledger itself: does it keep its promises where it is to be kept?"""

from contextlib import closing
from typing import Annotated

import typer
from rich.markup import escape

from fxengine.cli.output import Json, answering, console, print_json
from fxengine.ledger.base import shown

commands = typer.Typer(name="ledger", no_args_is_help=True, help="Look into where trades settle.")


@commands.callback()
def _group() -> None:
    """Look into where trades settle."""


@commands.command()
def check(
    url: Annotated[
        str,
        typer.Argument(
            metavar="URL",
            envvar="FXENGINE_LEDGER",
            help="sqlite:PATH, postgresql://..., memory:, or an installed backend's. A password belongs into "
            "PGPASSWORD, a password file, or the variable FXENGINE_LEDGER, not onto the command line.",
        ),
    ],
    seed: Annotated[int, typer.Option(help="What the batches are made by.")] = 1,
    as_json: Json = False,
) -> None:
    """Put a ledger to everything that settlement relies on, promise by promise, on the disk or server it names.

    Real books are not touched: for sqlite:PATH a scratch file beside PATH is used, for PostgreSQL a schema of its own
    in the same database; both are removed afterwards. Any other backend's ledger must be empty. Processes are killed
    in the middle of posting. Exits with 1 at the first promise that is broken.
    """
    from fxengine.ledger.check import GUARANTEES, Trial, check_venue
    from fxengine.ledger.scratch import scratch_ledger

    with answering(as_json), scratch_ledger(url, check_venue()) as scratch, closing(Trial(scratch, seed)) as trial:
        if not as_json:
            console.print(f"Ledger {escape(shown(url))}, final by {escape(trial.ledger.finality)}, seed {seed}")
        passed: list[str] = []
        broken: dict[str, str] = {}
        for guarantee in GUARANTEES:
            because = guarantee.broken_by(trial)
            if not as_json:
                mark = "[green]passed[/]" if because is None else "[bold red]FAILED[/]"
                console.print(f"  {guarantee.name:<22} {mark}  {guarantee.promise}", soft_wrap=True)
            if because is not None:
                broken = {"failed": guarantee.name, "because": because}
                break
            passed.append(guarantee.name)
    if as_json:
        print_json({"ok": not broken, "ledger": shown(url), "passed": passed, **broken})
    elif broken:
        console.print(f"[bold red]NOT HELD[/]: {escape(broken['because'])}")
    else:
        console.print(f"All {len(passed)} promises are kept.")
    if broken:
        raise typer.Exit(1)
