"""A payer of the demo: settles its invoices one after the other with exact-out swaps.

For each it states the most it would pay, the reference rate's cost and a margin, and notes when it
asked, when the answer came, and when the ledger called the payment FINAL.
"""

import csv
import itertools
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

from fxengine.client import Call, Client, SettlementNotice, SwapReceipt
from fxengine.demo.rates import ReferenceRates
from fxengine.demo.scoreboard import Payment, Scoreboard
from fxengine.errors import RequestRejected

PAUSE_S = 0.12
MARGIN_BPS = 30
"""How far above the reference cost a payer lets a payment go."""


@dataclass(frozen=True, slots=True)
class Invoice:
    """What one company owes another, in the payee's currency, and what it pays with."""

    payer: str
    payee: str
    owes: str
    amount: str
    pays: str
    purpose: str


def load_invoices() -> list[Invoice]:
    """Read the invoices that come with the package."""
    lines = (files("fxengine.demo") / "invoices.csv").read_text(encoding="utf-8").splitlines()
    return [Invoice(**row) for row in csv.DictReader(line for line in lines if not line.startswith("#"))]


class Payer:
    """One payer's session; ``payees`` gives account numbers by name."""

    def __init__(
        self,
        client: Client,
        invoices: Sequence[Invoice],
        payees: Mapping[str, int],
        rates: ReferenceRates,
        board: Scoreboard,
    ) -> None:
        self.client = client
        self._invoices = invoices
        self._payees = payees
        self._rates = rates
        self._board = board
        self._unsettled: list[tuple[Payment, Call[SettlementNotice]]] = []

    def run(self, stop: threading.Event) -> None:
        """Pay until told to stop, then wait for what is not FINAL yet."""
        for invoice in itertools.cycle(self._invoices):
            if stop.is_set():
                break
            self.pay(invoice)
            self._listen(until=time.monotonic() + PAUSE_S)
        self._listen(until=time.monotonic() + self.client.timeout_s, empty=True)

    def pay(self, invoice: Invoice) -> None:
        """Settle one invoice."""
        listing = self.client.protocol.listing
        assert listing is not None
        owed, paying = listing.currency(invoice.owes), listing.currency(invoice.pays)
        fair_units = self._rates.worth_units(owed.units(invoice.amount), owed, paying)
        most_units = int(fair_units * (10_000 + MARGIN_BPS) / 10_000)
        asked_ns = time.monotonic_ns()
        try:
            receipt = self.client.swap(
                invoice.pays,
                invoice.owes,
                exact_out=invoice.amount,
                max_in=paying.text(most_units),
                payee=self._payees[invoice.payee],
            )
        except RequestRejected as refusal:
            self._board.refused(refusal)
            return
        payment = Payment(invoice.payer, invoice.payee, receipt, self._over_reference_bps(receipt), asked_ns)
        self._board.paid(payment, time.monotonic_ns())
        self._unsettled.append((payment, self.client.protocol.final(receipt.sequence)))

    def _over_reference_bps(self, receipt: SwapReceipt) -> float:
        """Return what the payment cost above the reference rate, spread and fees together, for showing."""
        rates, pay, receive = self._rates, receipt.pay, receipt.receive
        given = rates.worth_units(receipt.paid_units, pay, receive)
        kept = sum(rates.worth_units(units, currency, receive) for currency, units in receipt.change)
        return float((given - kept) / receipt.received_units - 1) * 10_000

    def _listen(self, *, until: float, empty: bool = False) -> None:
        """Take in what arrives until a time, or until every payment is FINAL."""
        while (left := until - time.monotonic()) > 0 and not (empty and not self._unsettled):
            self._board.heard(self.client.poll(min(left, 0.05)))
            now_ns = time.monotonic_ns()
            waiting = []
            for payment, call in self._unsettled:
                if call.done:
                    self._board.settled(payment, call.result(), now_ns)
                else:
                    waiting.append((payment, call))
            self._unsettled = waiting
