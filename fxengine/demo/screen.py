"""What the demo shows: a live screen while the market is open, then a summary to read in peace."""

import threading
import time
from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from fxengine.client import SwapReceipt
from fxengine.demo.scene import Outcome
from fxengine.demo.scoreboard import Payment, Scoreboard, percentile

FRAME_S = 0.25
SEARCHED = 500
PAYMENTS_SHOWN = 5
"""Of those that are FINAL, and of those that are not yet."""


class Screen:
    """Draws on a terminal; elsewhere it only prints the steps and the summary."""

    def __init__(self, console: Console, *, seconds: float) -> None:
        self.console = console
        self._seconds = seconds

    def say(self, sentence: str) -> None:
        """Print a step."""
        self.console.print(f"[green]*[/] {sentence}")

    def watch(self, board: Scoreboard, closed: threading.Event) -> None:
        """Show the market until it closes."""
        opened = time.monotonic()
        self.say(f"the market is open for {self._seconds:g} seconds; Ctrl-C closes it early")
        if not self.console.is_terminal:
            closed.wait()
            return
        with Live(console=self.console, auto_refresh=False, transient=True) as live:
            while not closed.wait(FRAME_S):
                live.update(self._frame(board, time.monotonic() - opened), refresh=True)

    def _frame(self, board: Scoreboard, elapsed_s: float) -> RenderableType:
        finals = board.order_to_final_ms()
        headline = Text.assemble(
            (f" {elapsed_s:4.0f} s ", "reverse"),
            f"  {board.orders:,} orders   {board.trades:,} trades   {len(board.payments):,} invoices paid   ",
            f"{len(board.batches)} batches settled   order to FINAL {percentile(finals, 0.5) / 1000:.2f} s (median)",
        )
        return Group(headline, self._tape(board), self._payments(board))

    def _tape(self, board: Scoreboard) -> RenderableType:
        table = Table(box=None, pad_edge=False, expand=True)
        for column in ("book", ">quantity", ">price", ">worth"):
            table.add_column(column.lstrip(">"), justify="right" if column.startswith(">") else "left")
        for fill in list(board.tape)[-8:]:
            worth = f"{_short(fill.notional)} {fill.instrument.quote.code}"
            table.add_row(fill.instrument.symbol, _short(fill.quantity), fill.price, worth)
        return Panel(table, title="trades, as the books make them", title_align="left", border_style="dim")

    def _payments(self, board: Scoreboard) -> RenderableType:
        table = Table(box=None, pad_edge=False, expand=True)
        for column in ("payer", "pays", "delivers exactly", "route", ">over reference", "settlement"):
            table.add_column(column.lstrip(">"), justify="right" if column.startswith(">") else "left", no_wrap=True)
        for payment in _latest(board.payments):
            receipt = payment.receipt
            settled = f"[green]FINAL[/] {(payment.final_ns - payment.asked_ns) / 1e9:.2f} s"
            table.add_row(
                payment.payer,
                f"{_short(receipt.paid)} {receipt.pay.code}",
                f"{_short(receipt.received)} {receipt.receive.code} to {payment.payee}",
                _route(receipt),
                f"{payment.over_reference_bps:.2f} bp",
                settled if payment.final_ns else "[yellow]pending[/]",
            )
        return Panel(table, title="invoices, paid with exact-out swaps", title_align="left", border_style="dim")

    def summary(self, outcome: Outcome) -> None:
        """Print what was done, what it cost, how long it took, and whether the books are right."""
        board, out = outcome.board, self.console
        out.print()
        out.rule("[bold]what happened", align="left")
        out.print(f"{board.orders:,} orders, {board.trades:,} trades, {len(board.payments):,} invoices paid, "
                  f"{len(board.batches)} settlement batches")  # fmt: skip
        finals, costs = board.order_to_final_ms(), board.over_reference_bps()
        out.print(f"order to FINAL      median {percentile(finals, 0.5):,.0f} ms, 99th percentile "
                  f"{percentile(finals, 0.99):,.0f} ms (trades of one second settle together)")  # fmt: skip
        out.print(f"all-in cost         median {percentile(costs, 0.5):.2f} bp, 99th percentile "
                  f"{percentile(costs, 0.99):.2f} bp over the reference rate, spread and fees together")  # fmt: skip
        if outcome.chain is not None:
            posted = board.order_to_posted_ms()
            out.print(f"on chain            {outcome.chain['batches']} batches, "
                      f"{outcome.chain['gas_per_trade']:,} gas a trade, order to POSTED median "
                      f"{percentile(posted, 0.5):,.0f} ms")  # fmt: skip
        self._routes(board)
        self._balances(outcome)
        out.rule("[bold]are the books right?", align="left")
        audit = outcome.audit
        out.print("Another process replayed the journal with the plain-Python reference and compared the ledger:")
        out.print(f"  money conserved, to the last unit   {_mark(audit.get('conserved'))}")
        out.print(f"  state replayed from the journal     {_mark(audit.get('state_hash_replayed'))}")
        out.print(f"  every trade and balance agrees      {_mark(audit.get('ok'))}")
        out.print(f"  every invoice FINAL                 {_mark(not board.unsettled)}")
        if outcome.chain is not None:
            out.print(f"  the chain's heads are the journal's {_mark(outcome.chain['head_equal'])}")
            out.print(f"  the chain's balances too            {_mark(outcome.chain['balances_equal'])}")
        for problem in [*board.faults, *audit.get("problems", [])]:
            out.print(f"  [red]{problem}[/]", markup=True)
        if board.refusals:
            out.print(f"  {len(board.refusals)} swaps were refused, the first: {board.refusals[0].text}")

    def _routes(self, board: Scoreboard) -> None:
        routes: dict[tuple[str, str, str], list[float]] = {}
        for payment in board.payments:
            receipt = payment.receipt
            key = receipt.pay.code, receipt.receive.code, _route(receipt)
            routes.setdefault(key, []).append(payment.over_reference_bps)
        table = Table(box=None, pad_edge=False, title="routes that were best", title_justify="left")
        for column in ("pays", "delivers", "through", ">times", ">median cost"):
            table.add_column(column.lstrip(">"), justify="right" if column.startswith(">") else "left")
        for (pay, receive, route), costs in sorted(routes.items()):
            table.add_row(pay, receive, route, str(len(costs)), f"{percentile(costs, 0.5):.2f} bp")
        self.console.print(table)

    def _balances(self, outcome: Outcome) -> None:
        table = Table(box=None, pad_edge=False, title="balances that changed", title_justify="left")
        on_chain = outcome.balances_on_chain
        for column in ("account", "currency", ">before", ">after", *([">in the vault"] if on_chain else [])):
            table.add_column(column.lstrip(">"), justify="right" if column.startswith(">") else "left")
        for account, after in outcome.balances_after.items():
            before = outcome.balances_before.get(account, {})
            for code in sorted(after.keys() | before.keys()):
                if before.get(code) != after.get(code):
                    tables = [before, after, *([on_chain[account]] if on_chain else [])]
                    table.add_row(account, code, *(_short(amounts.get(code, "0")) for amounts in tables))
        self.console.print(table)


def _latest(payments: Sequence[Payment]) -> list[Payment]:
    """Return the latest payments that are FINAL, then the latest that wait for their batch."""
    final = [payment for payment in payments[-SEARCHED:] if payment.final_ns]
    pending = [payment for payment in payments[-SEARCHED:] if not payment.final_ns]
    return final[-PAYMENTS_SHOWN:] + pending[-PAYMENTS_SHOWN:]


def _route(receipt: SwapReceipt) -> str:
    """Write the books of a receipt: one after the other where they are one path, else as what was split over."""
    held, is_path = receipt.pay, True
    for leg in receipt.legs:
        is_path &= leg.pays == held
        held = leg.receives
    between = " > " if is_path and held == receipt.receive else " + "
    return between.join(instrument.symbol for instrument in receipt.route)


def _short(amount: str) -> str:
    """Group a decimal text's thousands and cut its fraction to cents, for showing only.

    >>> _short("250000.000000")
    '250,000.00'
    """
    whole, _, fraction = amount.partition(".")
    return f"{int(whole):,}.{fraction[:2]:0<2}"


def _mark(holds: object) -> str:
    return "[bold green]yes[/]" if holds else "[bold red]NO[/]"
