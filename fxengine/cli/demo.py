"""The command that shows the whole thing at work."""

import tempfile
import threading
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from fxengine.cli.output import Json, answering, console, print_json
from fxengine.demo.scene import Outcome, Scene
from fxengine.demo.scoreboard import percentile
from fxengine.demo.screen import Screen

commands = typer.Typer()


@commands.command(rich_help_panel="Start here")
def demo(
    seconds: Annotated[float, typer.Option(min=1, max=86_400, help="How long the market is open.")] = 15,
    directory: Annotated[
        Path | None,
        typer.Option("--dir", metavar="DIR", help="Keep the venue in this new directory, to look into or serve again."),
    ] = None,
    seed: Annotated[int, typer.Option(help="What the makers' prices wander by.")] = 20261030,
    ledger: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            envvar="FXENGINE_LEDGER",
            help="Where its trades settle: a new sqlite:PATH or postgresql://.... Default: the venue's own file.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Watch a venue at work: ten stablecoins, three market makers, three payers, real reference rates.

    Makes a venue, serves it in a process of its own, lets makers quote over ZeroMQ and payers settle invoices with
    exact-out swaps, settles every trade in a ledger, and has another process check the books. Exits with 0 only when
    every payment is FINAL and the books are right.
    """
    with answering(as_json), tempfile.TemporaryDirectory(prefix="fxengine-demo-") as scratch:
        screen = Screen(Console(quiet=as_json, highlight=False), seconds=seconds)
        scene = Scene(directory or Path(scratch) / "venue", seed=seed, say=screen.say, ledger=ledger)

        def watch(closed: threading.Event) -> None:
            try:
                screen.watch(scene.board, closed)
            except KeyboardInterrupt:
                screen.say("closing early")

        outcome = scene.play(seconds, watch)
    if as_json:
        print_json(_line(outcome))
    else:
        screen.summary(outcome)
        if directory is not None:
            console.print(
                f"\nThe venue is kept: [bold]fxengine verify {directory}[/], [bold]fxengine serve {directory}[/]"
            )
    if not outcome.ok:
        raise typer.Exit(1)


def _line(outcome: Outcome) -> dict[str, object]:
    board, audit = outcome.board, outcome.audit
    finals, costs = board.order_to_final_ms(), board.over_reference_bps()
    return {
        "ok": outcome.ok,
        "orders": board.orders,
        "trades": audit.get("trades", 0),
        "swaps": len(board.payments),
        "swaps_refused": len(board.refusals),
        "unsettled": board.unsettled,
        "batches": audit.get("batches", 0),
        "order_to_final_ms": {"p50": round(percentile(finals, 0.5), 1), "p99": round(percentile(finals, 0.99), 1)},
        "all_in_bps": {"p50": round(percentile(costs, 0.5), 3), "p99": round(percentile(costs, 0.99), 3)},
        "conserved": bool(audit.get("conserved")),
        "state_hash_replayed": bool(audit.get("state_hash_replayed")),
        "state_hash": audit.get("state_hash", ""),
        "problems": [*board.faults, *audit.get("problems", [])],
    }
