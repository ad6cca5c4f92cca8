"""The command that shows the whole thing at work."""

import signal
import sys
import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from fxengine.cli.output import Json, answering, console, print_json
from fxengine.demo.scene import ON_CHAIN, Outcome, Scene
from fxengine.demo.scoreboard import percentile
from fxengine.demo.screen import Screen
from fxengine.errors import FxEngineError

commands = typer.Typer()


@commands.command()
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
            help="Where its trades settle: a new sqlite:PATH or postgresql://...; or evm, on a chain of its own, which "
            "is started for it. Default: the venue's own file.",
        ),
    ] = None,
    keep: Annotated[
        bool,
        typer.Option(
            "--keep", help="With --ledger evm: leave the chain up until a key or a signal, for another client to read."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Watch a venue at work: ten stablecoins, three market makers, three payers, real reference rates.

    Makes a venue, serves it in a process of its own, lets makers quote over ZeroMQ and payers settle invoices with
    exact-out swaps, settles every trade in a ledger, and has another process check the books. Exits with 0 only when
    every payment is FINAL and the books are right.

    With --ledger evm (the extra evm) it starts anvil, deploys the settlement vault and a stablecoin for each
    currency, and settles there; the other process then compares the chain's heads and balances too.
    """
    with ExitStack() as stack:
        stack.enter_context(answering(as_json))
        scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="fxengine-demo-"))
        screen = Screen(Console(quiet=as_json, highlight=False), seconds=seconds)
        if keep and ledger != ON_CHAIN:
            raise FxEngineError("--keep leaves a chain up, and there is one with --ledger evm alone")
        scene = stack.enter_context(
            Scene(directory or Path(scratch) / "venue", seed=seed, say=screen.say, ledger=ledger)
        )

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
        if keep and outcome.chain is not None:
            if not as_json:
                kept = f"[bold]{outcome.chain['rpc']}[/], the vault at {outcome.chain['vault']}"
                console.print(f"\nThe chain is up at {kept}. Press Enter to end it.", soft_wrap=True)
            _wait_for_a_key()
    if not outcome.ok:
        raise typer.Exit(1)


def _wait_for_a_key() -> None:
    """Return at a line on standard input, or at a signal to end."""
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())

    def read() -> None:
        if sys.stdin.readline():
            ended.set()

    threading.Thread(target=read, daemon=True).start()
    ended.wait()


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
    } | ({"chain": _chain(outcome)} if outcome.chain is not None else {})


def _chain(outcome: Outcome) -> dict[str, object]:
    assert outcome.chain is not None
    times = {
        "order_to_posted_ms": outcome.board.order_to_posted_ms(),
        "order_to_final_ms": outcome.board.order_to_final_ms(),
    }
    shown = {
        name: {"p50": round(percentile(taken, 0.5), 1), "p99": round(percentile(taken, 0.99), 1)}
        for name, taken in times.items()
    }
    return outcome.chain | shown
