"""Settlements under test: a ledger that fails when told to, and how to wait for news without sleeping."""

import select
import threading
from collections.abc import Callable

from fxengine.codes import SettlementStatus
from fxengine.ledger import Batch, Cursor, Ledger
from fxengine.ledger.base import FinalAtOnce
from fxengine.settlement import BatchStatus, Settlement
from tests.unit.settlement.trading import Trading

Make = Callable[..., Settlement]


class Wrapped(FinalAtOnce):
    """A ledger that records what is posted, and fails before or after it does, or when it is asked then, if told to."""

    def __init__(self, inner: Ledger) -> None:
        self.inner = inner
        self.finality = inner.finality
        self.posted: list[Batch] = []
        self.before: list[Exception | None] = []
        self.after: list[Exception | None] = []
        self.asked: list[Exception | None] = []
        self.gate = threading.Event()
        self.gate.set()

    def post(self, batch: Batch) -> None:
        self.gate.wait()
        _raise_first(self.before)
        self.inner.post(batch)
        self.posted.append(batch)
        _raise_first(self.after)

    def cursor(self) -> Cursor:
        if self.posted:
            _raise_first(self.asked)
        return self.inner.cursor()

    def status(self, batch_id: int) -> SettlementStatus:
        return self.inner.status(batch_id)

    def balance(self, account: int, currency: int) -> int:
        return self.inner.balance(account, currency)

    def balances(self) -> dict[tuple[int, int], int]:
        return self.inner.balances()

    def close(self) -> None:
        self.inner.close()


def _raise_first(faults: list[Exception | None]) -> None:
    fault = faults.pop(0) if faults else None
    if fault is not None:
        raise fault


def run(trading: Trading, settlement: Settlement) -> None:
    trading.start(settlement.observe)
    settlement.start()


def news(settlement: Settlement, n: int) -> list[BatchStatus]:
    """Wait until ``n`` batches are reported (or an alarm), by the descriptor alone."""
    found: list[BatchStatus] = []
    while len(found) < n and settlement.alarm is None:
        assert select.select([settlement.fileno()], [], [], 20)[0], "no news within 20 seconds"
        found += settlement.poll()
    return found


def settled_by(ledger: Ledger) -> dict[tuple[int, int], int]:
    return {key: units for key, units in ledger.balances().items() if units}
