"""The ledger on a chain: books in a file, and beside every batch the call that settles it in the vault.

The books are an SQLite ledger's, with all its tables, rules and checks. A batch and its row in the outbox are one
transaction; when :meth:`EvmLedger.post` returns, the batch will be on the chain, whatever dies in between, and
:meth:`EvmLedger.advance` brings it there. The books may be ahead of the chain, never the other way round.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

import numpy as np

from fxengine.chain.deltas import LANES, RECORD, RECORDS_MAX, encode, net_on_chain
from fxengine.chain.head import chain_head
from fxengine.chain.keys import Key
from fxengine.codes import SettlementStatus
from fxengine.errors import ChainError, ChainUnavailable, LedgerError, LedgerUnavailable
from fxengine.ledger.base import InFlight, Progress
from fxengine.ledger.batch import Batch
from fxengine.ledger.evm.fees import GWEI, MAX_FEE_GWEI
from fxengine.ledger.evm.gas import GAS_BASE, GAS_OF_NEW, GAS_WANTED, RECORDS_SURE, gas_limit, is_wanted
from fxengine.ledger.evm.lease import Lease
from fxengine.ledger.evm.outbox import Entry, Outbox, Rows, insertion
from fxengine.ledger.evm.poster import Poster
from fxengine.ledger.evm.vault import Vault
from fxengine.ledger.reading import BOOKS_OF_A_CHAIN
from fxengine.ledger.sqlite import SqliteLedger
from fxengine.venue import Venue

LEASE_NAME: Final = "poster.lock"
_OTHERS: Final = 3
"""Beside the makers of a command: its taker, the fees account, and the payee of a swap."""
_ACCOUNTS_AT_ONCE: Final = 500
_NS_PER_S: Final = 1_000_000_000
_ACCOUNTS: Final = """
SELECT account FROM postings WHERE batch = ?1
UNION SELECT maker FROM trades WHERE batch = ?1 UNION SELECT taker FROM trades WHERE batch = ?1
UNION SELECT account FROM deposits WHERE batch = ?1
UNION SELECT payer FROM payments WHERE batch = ?1 UNION SELECT payee FROM payments WHERE batch = ?1
UNION SELECT account FROM withdrawals WHERE held_batch = ?1 OR ended_batch = ?1
ORDER BY 1"""


@dataclass(frozen=True, slots=True)
class Settings:
    """How a poster deals with a chain, beside what its deployment says."""

    max_fee: int = MAX_FEE_GWEI * GWEI  # wei per gas
    resend_final: bool = False


class EvmLedger(SqliteLedger):
    """Books in ``directory`` and the vault that settles them. Open it with ``open_ledger("evm:DIRECTORY", venue)``."""

    def __init__(
        self,
        directory: Path,
        venue: Venue,
        vault: Vault,
        key: Key,
        settings: Settings,
        *,
        finality: str,
        silence_s: int,
        exit_delay_s: int,
    ) -> None:
        """Settle in ``vault``, whose terms are ``finality``, ``silence_s`` and ``exit_delay_s``."""
        self.settle_within_ns = exit_delay_s * _NS_PER_S // 2  # see fxengine.settlement.overdue
        self.frame_commands_max = _frame_commands_max(venue)
        self._lease = Lease(directory / LEASE_NAME)
        try:
            super().__init__(directory / BOOKS_OF_A_CHAIN, venue)
        except BaseException:
            self._lease.end()
            raise
        try:
            self._finality = finality
            self._vault = vault
            self._outbox = Outbox(self._rows, self._change, self._genesis.head)
            self._poster = Poster(
                vault,
                key,
                self._outbox,
                max_fee=settings.max_fee,
                silence_s=silence_s,
                resend_final=settings.resend_final,
            )
            self._refuse_another_chain()
        except BaseException:
            self.close()
            raise

    @property
    def finality(self) -> str:
        """Name the deployment's policy and its chain."""
        return self._finality

    def fits(self, batch: Batch) -> bool:
        """Say whether the batch settles for well less gas than a transaction may use."""
        return is_wanted(*self._words(encode(net_on_chain(batch)), self._rows))

    def progress(self) -> Progress:
        """Return how far the vault had come at the last look."""
        posted, final = min(self._poster.posted, self._outbox.last), self._outbox.final
        return Progress(max(posted, final), final)

    def advance(self) -> int | None:
        """Look at the chain and do what is due; see :class:`fxengine.ledger.evm.poster.Poster`."""
        return self._poster.tick()

    def unfinished(self) -> list[InFlight]:
        """Return the batches that are not FINAL, as the books have them."""
        sql = "SELECT batch, first_sequence, last_sequence, trades, time_ns FROM batches WHERE batch > ? ORDER BY batch"
        found = cast(list[tuple[int, int, int, int, int]], self._rows(sql, self._outbox.final))
        return [
            InFlight(batch, first, last, tuple(cast(int, row[0]) for row in self._rows(_ACCOUNTS, batch)), *rest)
            for batch, first, last, *rest in found
        ]

    def status(self, batch_id: int) -> SettlementStatus:
        """Return how far a batch had come at the last look."""
        progress = self.progress()
        if 1 <= batch_id <= progress.final:
            return SettlementStatus.FINAL
        return SettlementStatus.POSTED if 1 <= batch_id <= progress.posted else SettlementStatus.PENDING

    def close(self) -> None:
        """Close the books and the connection, and let another process post."""
        super().close()
        self._vault.rpc.close()
        self._lease.end()

    def _write_beside(self, batch: Batch) -> None:
        before = self._db.execute("SELECT head FROM outbox WHERE batch = ?", (batch.id - 1,)).fetchone()
        previous: bytes = before[0] if before else self._genesis.head
        deltas = encode(net_on_chain(batch))
        if len(deltas) > RECORDS_MAX * RECORD.itemsize:
            raise LedgerError(
                f"batch {batch.id} changes {len(deltas) // RECORD.itemsize} balance words, and the vault takes"
                f" {RECORDS_MAX} at once: one command moved more accounts than a transaction can [BATCH_TOO_LARGE]"
            )
        facts = batch.id, batch.last_sequence, len(batch.trades)
        head = chain_head(previous, *facts, batch.trades_root, batch.journal_hash, deltas)
        calldata = self._vault.settle_batch.call(*facts, previous, batch.trades_root, batch.journal_hash, deltas)
        gas = gas_limit(*self._words(deltas, lambda sql, *values: self._db.execute(sql, values).fetchall()))
        self._db.execute(*insertion(Entry(batch.id, head, gas, calldata)))

    def _note_posted(self, batch: Batch) -> None:
        (gas,) = self._db.execute("SELECT gas FROM outbox WHERE batch = ?", (batch.id,)).fetchone()
        self._outbox.added(batch.id, gas)

    def _words(self, deltas: bytes, rows: Rows) -> tuple[int, int]:
        """Return how many of a settlement's records write a word that holds something, and how many do not."""
        records = np.frombuffer(deltas, RECORD)
        accounts = np.unique(records["account"]).tolist()
        held: set[tuple[object, ...]] = set()
        for at in range(0, len(accounts), _ACCOUNTS_AT_ONCE):
            some = accounts[at : at + _ACCOUNTS_AT_ONCE]
            marks = ", ".join("?" * len(some))
            sql = f"SELECT DISTINCT account, currency / {LANES} FROM balances WHERE amount_units > 0 AND account IN"
            held.update(rows(f"{sql} ({marks})", *some))
        keys = zip(records["account"].tolist(), records["group"].tolist(), strict=True)
        n_known = sum(key in held for key in keys)
        return n_known, len(records) - n_known

    def _refuse_another_chain(self) -> None:
        """Refuse what is plainly wrong at once; a node that is away, or not ready, is waited for instead."""
        try:
            self._poster.look()
        except (ChainUnavailable, LedgerUnavailable):
            return
        except ChainError as e:
            if e.code == "NO_VAULT":
                return
            raise LedgerError(str(e)) from None


def _frame_commands_max(venue: Venue) -> int:
    """Return how many commands surely settle in one transaction, if each trades with as many makers as it may.

    A maker of a trade has two currencies changed, which lie in one record or in two; the taker, the fees account and
    who is paid by a swap may have any. Raises :class:`LedgerError` where not even one command does.
    """
    groups = -(-len(venue.currencies) // LANES)
    of_maker = min(2, groups)
    records = of_maker * venue.max_fills + _OTHERS * groups
    if records > RECORDS_SURE:
        most = (RECORDS_SURE - _OTHERS * groups) // of_maker
        raise LedgerError(
            f"one order of this venue may trade {venue.max_fills} times, and what it moves then does not fit into one"
            f" transaction: set max_fills in venue.toml to {most} at most, before the venue's first start"
        )
    return max(1, (GAS_WANTED - GAS_BASE) // GAS_OF_NEW // records)
