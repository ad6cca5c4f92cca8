"""The ledger in this process's memory: for tests, trials and as the simplest reading of the protocol.

It keeps every promise of :mod:`fxengine.ledger.base` while the process lives, and none after: after
a restart its cursor is zero again and settlement posts the whole journal anew, which comes to the
same balances. Its finality policy says so in its name.
"""

import threading
from typing import Final

from fxengine.codes import SettlementStatus
from fxengine.errors import LedgerError
from fxengine.ledger.base import Balances, FinalAtOnce, check_balance, check_names, is_next
from fxengine.ledger.batch import AccountName, Batch, Cursor
from fxengine.venue import Venue


class MemoryLedger(FinalAtOnce):
    """Batches and balances in dictionaries."""

    finality: Final = "memory"

    def __init__(self, venue: Venue) -> None:
        self._lock = threading.Lock()
        self._cursor = Cursor.genesis(venue)
        self._heads = [self._cursor.head]
        self._balances: Balances = {}
        self._names: dict[int, AccountName] = {}

    def cursor(self) -> Cursor:
        """Return how far the ledger has come."""
        with self._lock:
            return self._cursor

    def post(self, batch: Batch) -> None:
        """Post a batch once; see :meth:`fxengine.ledger.base.Ledger.post`."""
        batch.check()
        with self._lock:
            if not is_next(batch, self._cursor, self._heads.__getitem__):
                return
            check_names(batch.names, self._names.values())
            after: Balances = {}
            for account, currency, _, amount_units in batch.deltas.tolist():
                units = self._balances.get((account, currency), 0) + amount_units
                check_balance(account, currency, units)
                after[account, currency] = units
            self._balances.update(after)
            self._names.update((name.account, name) for name in batch.names)
            self._heads.append(batch.head)
            self._cursor = batch.cursor

    def status(self, batch_id: int) -> SettlementStatus:
        """Return FINAL for a posted batch: nothing in memory can undo it."""
        with self._lock:
            return SettlementStatus.FINAL if 1 <= batch_id < len(self._heads) else SettlementStatus.PENDING

    def balance(self, account: int, currency: int) -> int:
        """Return one balance in units."""
        with self._lock:
            return self._balances.get((account, currency), 0)

    def balances(self) -> Balances:
        """Return a copy of every balance."""
        with self._lock:
            return dict(self._balances)

    def close(self) -> None:
        """Do nothing: there is nothing open."""


def open_memory(rest: str, venue: Venue) -> MemoryLedger:
    """Open ``memory:``; it takes no more than that."""
    if rest:
        raise LedgerError(f"the URL of the memory ledger is 'memory:' alone, not 'memory:{rest}'")
    return MemoryLedger(venue)
