"""The settlement cycle: gathers what the engine releases, cuts it into batches, has them posted once.

A cycle opens with the first movement of money, or step of a withdrawal, after the last cut, and is cut
when it has lasted ``cycle_ns`` or holds ``batch_trades_max`` trades, always at the end of a released stretch of the
journal, so that a batch's last command has a chain hash that the journal can prove. Stretches
without a movement make no batch of their own: the next batch's range covers them. Only at a clean
stop does a last batch cover them though it moves nothing, so that the ledger's cursor, which names
the journal's hash there, tells of a journal that later loses its end::

    released  |1..8  |9..9  |10..31|32..40|41..41|42..60|
    movements   2      -      5      1      -      -     stop
    batches   |  1: 1..31           |2: 32..40|3: 41..60|     every command in exactly one batch

A ledger may bound what one batch moves between accounts, as a chain does by the gas of a transaction. A cycle that
comes to more is posted as several batches, each ending with a released stretch.

After a restart the engine releases its journal again, from a snapshot at or before the ledger's cursor
where there is one. The cursor then tells which stretches the ledger has; those are skipped, and at the
cursor the journal's chain hash must be the one that the ledger stored, else the two are of different
histories and nothing may be posted. A cut that was not posted before the crash may fall elsewhere the
second time; it is the ledger's record of a batch that is the batch, and a verifier cuts by that.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np

from fxengine.codes import EventKind
from fxengine.engine import MatchingCore, Place, Released
from fxengine.errors import LedgerMismatch
from fxengine.ledger.base import Ledger
from fxengine.ledger.batch import AccountName, Batch, Cursor
from fxengine.money import INT64_MAX
from fxengine.records import EVENT, Records
from fxengine.settlement.naming import credentialed_names
from fxengine.settlement.netting import net
from fxengine.settlement.overdue import Overdue
from fxengine.settlement.posting import BackOff, BatchStatus, Posting
from fxengine.venue import Venue

__all__ = ["BackOff", "BatchStatus", "Settlement"]

_FILL: Final = bytes([EventKind.FILL])
_OF_MONEY: Final = tuple(
    bytes([kind])
    for kind in (
        EventKind.RECEIVED, EventKind.DEPOSITED, EventKind.WITHDRAWAL_HELD, EventKind.WITHDRAWN,
        EventKind.WITHDRAWAL_RETURNED,
        EventKind.BUSTED,
    )
)  # fmt: skip
_FILLS_PER_TRADE: Final = 2
_SPANS_IN_THE_BOUND: Final = 8
DRAIN_NS: Final = 30_000_000_000
"""How long a venue that ends waits for a ledger whose batches take time to be FINAL."""


class _Stretch(NamedTuple):
    """A released stretch in which money moved, or a withdrawal took a step."""

    last_sequence: int
    time_ns: int
    journal_hash: bytes
    events: Records


@dataclass(slots=True)
class _Cycle:
    """What was released since the last cut."""

    last_sequence: int = 0
    time_ns: int = 0
    journal_hash: bytes = b""
    stretches: list[_Stretch] = field(default_factory=list)
    names: list[tuple[int, AccountName]] = field(default_factory=list)
    """Each with the last command of the stretch in which it was given."""
    n_trades: int = 0
    since_ns: int = INT64_MAX
    """When its first movement was made, by the journal."""
    due_ns: int = INT64_MAX

    def batches(self, previous: Cursor, instruments: Records, fits: Callable[[Batch], bool]) -> Iterator[Batch]:
        """Net the cycle into the batches after ``previous``: one, or as many as it takes for each to fit.

        Halves what does not fit, so that no batch is much smaller than it need be; a single stretch cannot be
        halved. O(n log n), at worst times the logarithm of the stretches.
        """
        todo = [self.stretches]
        while todo:
            part = todo.pop()
            result = net(np.concatenate([np.zeros(0, EVENT), *(stretch.events for stretch in part)]), instruments)
            ending = part[-1] if todo else self
            first, last = previous.last_sequence + 1, ending.last_sequence
            names = {name.account: name for at, name in self.names if first <= at <= last}
            batch = Batch.after(
                previous,
                last_sequence=last,
                time_ns=ending.time_ns,
                journal_hash=ending.journal_hash,
                deltas=result.deltas,
                trades=result.trades,
                transfers=result.transfers,
                withdrawals=result.withdrawals,
                busts=result.busts,
                names=tuple(sorted(names.values())),
            )
            if len(part) > 1 and not fits(batch):
                todo += [part[len(part) // 2 :], part[: len(part) // 2]]
                continue
            previous = batch.cursor
            yield batch


class Settlement:
    """Turns the engine's released stretches into posted batches; an engine's observer.

    Attach :meth:`observe` to the engine, start the engine, then call :meth:`start`, and
    :meth:`tick` at :attr:`next_cut_ns`. All methods belong to the engine's thread; posting has its own.
    ``cycle_ns`` and ``pending_trades_max`` are the venue's where they are not given. ``sync`` is called before a live
    batch is posted, where what was released may not be on the disk yet: a ledger ahead of its journal is refused.
    ``drain_ns`` is how long the end waits for batches that are not FINAL.
    """

    def __init__(
        self,
        ledger: Ledger,
        venue: Venue,
        *,
        clock_ns: Callable[[], int],
        cycle_ns: int | None = None,
        batch_trades_max: int = 1_000,
        pending_trades_max: int | None = None,
        back_off: BackOff = BackOff(),  # noqa: B008 - frozen
        wait: Callable[[int], None] | None = None,
        sync: Callable[[], None] = lambda: None,
        drain_ns: int = DRAIN_NS,
    ) -> None:
        self._sync = sync
        self._fits = ledger.fits
        self._instruments = venue.instrument_records
        self._clock_ns = clock_ns
        self._cycle_ns = venue.settlement_cycle_ms * 1_000_000 if cycle_ns is None else cycle_ns
        self._batch_trades_max = batch_trades_max
        self._overdue = Overdue(venue, ledger, pending_trades_max)
        self._span_ns = max(self._cycle_ns, self._overdue.stale_ns // _SPANS_IN_THE_BOUND)
        self._settled = ledger.cursor()
        self._sequence = 0
        self._started = False
        self._cycle = _Cycle()
        self._posting = Posting(
            ledger,
            self._settled,
            clock_ns=clock_ns,
            back_off=back_off,
            wait=wait,
            drain_ns=drain_ns,
            span_ns=self._span_ns,
        )

    @property
    def alarm(self) -> str | None:
        """Return why nothing is posted, as a sentence for an operator; None while all is well."""
        return self._posting.alarm

    @property
    def pending_trades(self) -> int:
        """Return how many trades are PENDING: matched, and not known to be POSTED."""
        return self._cycle.n_trades + self._posting.pending_trades

    @property
    def oldest_ns(self) -> int:
        """Return when the oldest movement of money that is not FINAL was made; 2**63 - 1: all is FINAL."""
        return min(self._posting.oldest_ns, self._cycle.since_ns)

    @property
    def stale_ns(self) -> int:
        """Return how old that may become before no more should be made."""
        return self._overdue.stale_ns

    def overdue(self) -> str | None:
        """Return why no more trades should be made; None where they may. See :class:`Overdue`."""
        return self._overdue.why(self.pending_trades, self._clock_ns() - self.oldest_ns)

    @property
    def cursor(self) -> Cursor:
        """Return the last batch that the ledger is known to have."""
        return self._posting.cursor

    @property
    def final(self) -> tuple[int, int]:
        """Return the last batch that is FINAL and the last command that it settles; zeros where there is none."""
        return self._posting.final

    @property
    def next_cut_ns(self) -> int:
        """Return when :meth:`tick` next has something to cut; 2**63 - 1 for never."""
        return self._cycle.due_ns

    def observe(self, released: Released) -> None:
        """Take in one released stretch of the journal. O(1) in trades: netting is for the posting thread.

        Raises :class:`LedgerMismatch` when the ledger does not belong to this journal.
        """
        if released.first_sequence != self._sequence + 1:
            raise LedgerMismatch(f"command {released.first_sequence} was released after command {self._sequence}")
        if not (released.replayed or self._started):
            raise AssertionError("start() settlement after the engine and before it takes commands")
        self._sequence = released.last_sequence
        if released.first_sequence <= self._settled.last_sequence:
            self._skip(released)
        else:
            self._gather(released)

    def begin(self, core: MatchingCore, place: Place) -> None:
        """Go on behind a snapshot, in place of hearing of what came before it: an engine may begin with one.

        Not behind one after the ledger's cursor: what is between them must be heard. Raises
        :class:`LedgerMismatch` when the ledger does not belong to this journal.
        """
        assert place.sequence <= self._settled.last_sequence, (place.sequence, self._settled.last_sequence)
        self._sequence = place.sequence
        if place.sequence == self._settled.last_sequence:
            self._check_history(place.released_chain)

    def start(self) -> None:
        """Check, once the journal has been replayed, that the ledger is not ahead of it; then go live.

        Raises :class:`LedgerMismatch` when it is: the ledger has settled what this journal does not hold.
        """
        if self._sequence < self._settled.last_sequence:
            raise LedgerMismatch(
                f"the ledger has settled up to command {self._settled.last_sequence}, but the journal ends"
                f" with command {self._sequence}: the ledger belongs to another journal, or the journal lost its end"
            )
        self._started = True

    def tick(self) -> None:
        """Cut the cycle if it has lasted long enough."""
        if self._clock_ns() >= self._cycle.due_ns:
            self._cut()

    def poll(self) -> list[BatchStatus]:
        """Return what became of batches since the last call, in order. Never waits."""
        return self._posting.poll()

    def fileno(self) -> int:
        """Return a descriptor that is readable when :meth:`poll` or :attr:`alarm` has news."""
        return self._posting.fileno()

    def drain(self) -> None:
        """Cut a last batch, have all posted that is queued, and end the posting thread.

        The last batch ends with the last command released, and is empty where nothing moved since
        the last cut; with no command since, there is none. Batches that are not FINAL yet are waited for, but not
        for ever. What is left then, and all where the ledger does not answer, is for the next start; :attr:`alarm`
        tells of the latter. :meth:`poll` still returns the last news until :meth:`close`.
        """
        try:
            if self._started and self._cycle.last_sequence:
                self._cut()
        finally:
            self._posting.close()

    def close(self) -> None:
        """Drain, and close the descriptor. Idempotent. The ledger stays open: its opener closes it."""
        try:
            self.drain()
        finally:
            self._posting.release()

    def _skip(self, released: Released) -> None:
        """Pass over what the ledger has, and compare the hashes where it ends."""
        if released.last_sequence < self._settled.last_sequence:
            return
        self._check_history(released.chain)

    def _check_history(self, chain: bytes) -> None:
        """Refuse a ledger whose last batch ended where the journal has another chain hash."""
        if chain != self._settled.journal_hash:
            raise LedgerMismatch(
                f"the ledger's batch {self._settled.batch_id} ends with command {self._settled.last_sequence} of"
                " another journal: the chain hashes differ there"
            )

    def _gather(self, released: Released) -> None:
        cycle = self._cycle
        kinds = released.events["kind"].tobytes()
        moves = any(kind in kinds for kind in (_FILL, *_OF_MONEY))
        if self._posting.is_stopped:  # the next start settles it from the journal
            self._cycle = _Cycle(
                n_trades=cycle.n_trades + kinds.count(_FILL) // _FILLS_PER_TRADE,
                since_ns=min(cycle.since_ns, released.time_ns if moves else INT64_MAX),
            )
            return
        if released.time_ns - cycle.since_ns >= self._span_ns:  # after a restart, when the clock has long gone on
            self._cut()
            cycle = self._cycle
        cycle.last_sequence, cycle.time_ns = released.last_sequence, released.time_ns
        cycle.journal_hash = released.chain
        for name in credentialed_names(released.commands, released.events, released.first_sequence):
            cycle.names.append((released.last_sequence, name))
        n_fills = kinds.count(_FILL)
        if moves:
            if not cycle.stretches:
                cycle.due_ns, cycle.since_ns = self._clock_ns() + self._cycle_ns, released.time_ns
            cycle.stretches.append(_Stretch(released.last_sequence, released.time_ns, released.chain, released.events))
            cycle.n_trades += n_fills // _FILLS_PER_TRADE
            if cycle.n_trades >= self._batch_trades_max:
                self._cut()

    def _cut(self) -> None:
        cycle, instruments, fits = self._cycle, self._instruments, self._fits
        self._cycle = _Cycle()
        if self._started:  # what was replayed has been synced
            self._sync()
        self._posting.put(lambda previous: cycle.batches(previous, instruments, fits), cycle.n_trades, cycle.since_ns)
