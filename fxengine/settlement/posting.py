"""Posting: one thread that takes cut cycles in order, nets them, posts each batch once, and tells how far it is.

Matching never waits for the ledger. What is cut stands in a queue; the thread works on its head and
takes it off only when the ledger has it, so no batch is ever skipped::

    cut 7 | cut 8 | cut 9          posted: in flight until it is FINAL, news into the outbox at every change
      |                            unavailable: wait, twice as long each time, and post the same again;
      |                                         after some time an alarm, until the ledger is back
      `-- net, chain, post         anything else: alarm, and posting stops until the next start

In between the ledger brings what is in flight further (``Ledger.advance``), as often as it wishes. Where a
posted batch is FINAL at once there is nothing to bring, and its one news is FINAL.

Posting again is harmless, because a ledger takes a batch once whatever is repeated. After an alarm
nothing is lost either: the journal has it all, and the next start goes on from the ledger's cursor.
"""

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, NamedTuple

from fxengine.codes import SettlementStatus
from fxengine.errors import LedgerUnavailable
from fxengine.ledger.base import InFlight, Ledger
from fxengine.ledger.batch import Batch, Cursor
from fxengine.money import INT64_MAX

_NS_PER_SECOND: Final = 1_000_000_000
_IDLE_NS: Final = 10 * _NS_PER_SECOND
"""How often a ledger is called that has nothing in flight: a vault that hears nothing may be frozen within a minute."""


@dataclass(frozen=True, slots=True)
class BackOff:
    """How long to wait between attempts on a ledger that does not answer, and after how many there is an alarm.

    With the defaults it comes after 13 seconds.
    """

    first_ns: int = 50_000_000
    longest_ns: int = 10 * _NS_PER_SECOND
    alarm_after: int = 8

    def delay_ns(self, retry: int) -> int:
        """Return the wait before retry 1, 2, 3 ...: doubled each time, up to the longest."""
        return min(self.first_ns << min(retry - 1, 62), self.longest_ns)


class BatchStatus(NamedTuple):
    """News of one batch, for all whose commands ``first_sequence..last_sequence`` moved money."""

    batch_id: int
    status: SettlementStatus
    finality: str  # the ledger's policy by which it says so
    first_sequence: int
    last_sequence: int
    accounts: tuple[int, ...]  # whom it concerns, ascending
    posted_ns: int  # when this became known


class _Queued(NamedTuple):
    """A cut cycle, and when its first movement was made."""

    ready: Callable[[Cursor], Iterator[Batch]]
    since_ns: int


@dataclass(slots=True)
class _Told:
    """A batch in flight, since when its oldest movement waits, and what was last told of it."""

    batch: InFlight
    since_ns: int
    status: SettlementStatus = SettlementStatus.PENDING


class Posting:
    """The posting thread, its queue and its outbox.

    ``ready`` items yield their batches, each built from the cursor before it; the thread calls them, so netting
    costs the caller nothing. ``wait(delay_ns)`` stands between two attempts; without one, the
    thread waits in real time and :meth:`close` cuts the wait short. ``drain_ns`` is how long :meth:`close` waits
    for batches in flight; ``span_ns`` how long before a batch's last command its first movement may have been.
    """

    def __init__(
        self,
        ledger: Ledger,
        cursor: Cursor,
        *,
        clock_ns: Callable[[], int],
        back_off: BackOff,
        wait: Callable[[int], None] | None,
        drain_ns: int,
        span_ns: int,
    ) -> None:
        self._ledger = ledger
        self._cursor = cursor
        self._clock_ns = clock_ns
        self._back_off = back_off
        self._wait = wait or self._wait_for_close
        self._wait_for_chain = wait or _sleep
        self._drain_ns = drain_ns
        self._queue: deque[_Queued] = deque()
        self._in_flight = deque(_Told(batch, batch.time_ns - span_ns) for batch in ledger.unfinished())
        self._dropped_ns = INT64_MAX
        self._final = _final_before(self._in_flight, cursor)
        self._pending_trades = sum(told.batch.n_trades for told in self._in_flight)
        self._stopped = False
        self._outbox: deque[BatchStatus] = deque()
        self._alarm: str | None = None
        self._advance_alarm: str | None = None
        self._failures = 0
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        self._thread = threading.Thread(target=self._run, name="settlement", daemon=True)
        self._thread.start()

    @property
    def alarm(self) -> str | None:
        """Return why nothing is posted, as a sentence; None while it goes on, and again when the ledger is back."""
        return self._alarm or self._advance_alarm

    @property
    def is_stopped(self) -> bool:
        """Say whether posting has ended before the next start."""
        return self._stopped

    @property
    def pending_trades(self) -> int:
        """Return how many trades were put that are not known to be POSTED."""
        return self._pending_trades

    @property
    def oldest_ns(self) -> int:
        """Return when the oldest movement that was put and is not FINAL was made; 2**63 - 1: there is none."""
        with self._changed:
            told = self._in_flight[0].since_ns if self._in_flight else INT64_MAX
            return min(told, self._queue[0].since_ns if self._queue else INT64_MAX, self._dropped_ns)

    @property
    def cursor(self) -> Cursor:
        """Return the last batch that the ledger is known to have."""
        return self._cursor

    @property
    def final(self) -> tuple[int, int]:
        """Return the last batch that is FINAL and its last command; zeros where there is none."""
        return self._final

    def put(self, ready: Callable[[Cursor], Iterator[Batch]], n_trades: int, since_ns: int) -> None:
        """Queue the next batches; once posting has stopped, drop them: the next start makes them again.

        ``since_ns`` is when the first movement in them was made; 2**63 - 1 where there is none.
        """
        with self._changed:
            self._pending_trades += n_trades
            if self._stopped:
                self._dropped_ns = min(self._dropped_ns, since_ns)
            else:
                self._queue.append(_Queued(ready, since_ns))
                self._changed.notify()

    def fileno(self) -> int:
        """Return a descriptor that is readable when :meth:`poll` or :attr:`alarm` has news."""
        return self._wake_read

    def poll(self) -> list[BatchStatus]:
        """Return what changed since the last call, in order. Never waits."""
        with self._changed:
            try:
                os.read(self._wake_read, 4096)
            except BlockingIOError:
                return []
            news = list(self._outbox)
            self._outbox.clear()
        return news

    def close(self) -> None:
        """Post what is queued, then end the thread; a ledger that does not answer gets one last attempt.

        What is in flight then is waited for, but not for ever: the next start brings the rest further. What
        :meth:`poll` has not returned yet, it still returns, until :meth:`release`.
        """
        with self._changed:
            self._closing.set()
            self._changed.notify()
        self._thread.join()

    def release(self) -> None:
        """Close the wake-up descriptor; the object is of no more use. Idempotent."""
        if self._wake_read >= 0:
            os.close(self._wake_read)
            os.close(self._wake_write)
            self._wake_read = self._wake_write = -1

    def _run(self) -> None:
        try:
            delay_ns: int | None = 0  # the ledger may have something left from before
            while queued := self._next(delay_ns):
                if queued is not _NOTHING:
                    self._post_all(queued)
                delay_ns = self._advance()
            self._drain(delay_ns)
        except Exception as e:  # whatever it is, the next batch must not be posted before this one
            with self._changed:
                self._stopped = True
                self._alarm = f"settlement stopped before batch {self._cursor.batch_id + 1}: {e}"
                self._dropped_ns = min([queued.since_ns for queued in self._queue], default=INT64_MAX)
                self._queue.clear()
                self._wake()

    def _next(self, delay_ns: int | None) -> _Queued | None:
        """Return what to post next, _NOTHING when the ledger is to be called first, None at the end."""
        timeout = (_IDLE_NS if delay_ns is None else delay_ns) / _NS_PER_SECOND
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._closing.is_set(), timeout)
            if self._queue:
                return self._queue[0]
            return None if self._closing.is_set() else _NOTHING

    def _post_all(self, queued: _Queued) -> None:
        for batch in queued.ready(self._cursor):
            self._post(batch)
            told = InFlight(
                batch.id, batch.first_sequence, batch.last_sequence, batch.accounts(), len(batch.trades), batch.time_ns
            )
            with self._changed:
                self._cursor = batch.cursor
                self._alarm = None
                self._in_flight.append(_Told(told, queued.since_ns))
            with suppress(LedgerUnavailable):  # it is posted all the same, and told of as soon as the ledger answers
                self._tell()
        with self._changed:
            self._queue.popleft()

    def _advance(self) -> int | None:
        """Let the ledger bring batches further, and tell how far; return when it wants to be called again."""
        try:
            delay_ns = self._ledger.advance()
            self._tell()
        except LedgerUnavailable as e:
            self._failures += 1
            if self._failures > self._back_off.alarm_after or e.needs_somebody:
                first = self._in_flight[0].batch.batch_id if self._in_flight else self._cursor.batch_id + 1
                with self._changed:
                    self._advance_alarm = f"batch {first} waits to be settled, and all behind it: {e}"
                    self._wake()
            with suppress(LedgerUnavailable):  # what is in flight may have come further all the same
                self._tell()
            return self._back_off.delay_ns(self._failures)
        self._failures = 0
        if self._advance_alarm is not None:
            with self._changed:
                self._advance_alarm = None
                self._wake()
        return delay_ns

    def _drain(self, delay_ns: int | None) -> None:
        """Wait for what is in flight, in steps that the ledger names, no longer than ``drain_ns``.

        A ledger that fails is given the retries that it has before there is an alarm.
        """
        waited_ns = 0
        while delay_ns is not None and self._failures <= self._back_off.alarm_after:
            delay_ns = max(delay_ns, 1)
            waited_ns += delay_ns
            if waited_ns > self._drain_ns:
                return
            self._wait_for_chain(delay_ns)
            delay_ns = self._advance()

    def _tell(self) -> None:
        """Put into the outbox what has changed of the batches in flight, in their order."""
        if not self._in_flight:
            return
        progress = self._ledger.progress()
        with self._changed:
            for told in self._in_flight:
                batch = told.batch
                if batch.batch_id <= progress.final:
                    status = SettlementStatus.FINAL
                    self._final = batch.batch_id, batch.last_sequence
                else:
                    is_posted = batch.batch_id <= progress.posted
                    status = SettlementStatus.POSTED if is_posted else SettlementStatus.PENDING
                if status is told.status:
                    continue
                was_pending, is_pending = (s is SettlementStatus.PENDING for s in (told.status, status))
                self._pending_trades += batch.n_trades * (is_pending - was_pending)
                told.status = status
                news = batch.first_sequence, batch.last_sequence, batch.accounts, self._clock_ns()
                self._outbox.append(BatchStatus(batch.batch_id, status, self._ledger.finality, *news))
            while self._in_flight and self._in_flight[0].status is SettlementStatus.FINAL:
                self._in_flight.popleft()
            self._wake()

    def _post(self, batch: Batch) -> None:
        retry = 0
        while True:
            last_attempt = self._closing.is_set()
            try:
                self._ledger.post(batch)
                return
            except LedgerUnavailable as e:
                if last_attempt:
                    raise
                if retry == self._back_off.alarm_after:
                    with self._changed:
                        self._alarm = f"batch {batch.id} waits for the ledger, and all behind it: {e}"
                        self._wake()
            retry += 1
            self._wait(self._back_off.delay_ns(retry))

    def _wait_for_close(self, delay_ns: int) -> None:
        self._closing.wait(delay_ns / _NS_PER_SECOND)

    def _wake(self) -> None:
        try:
            os.write(self._wake_write, b"\0")
        except BlockingIOError:
            return  # a full pipe is readable


def _nothing(previous: Cursor) -> Iterator[Batch]:
    return iter(())


_NOTHING: Final = _Queued(_nothing, INT64_MAX)


def _final_before(in_flight: deque[_Told], cursor: Cursor) -> tuple[int, int]:
    """Return the last batch before those in flight, and its last command."""
    if not in_flight:
        return cursor.batch_id, cursor.last_sequence
    first = in_flight[0].batch
    return first.batch_id - 1, first.first_sequence - 1


def _sleep(delay_ns: int) -> None:
    time.sleep(delay_ns / _NS_PER_SECOND)
