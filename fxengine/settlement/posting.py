"""Posting: one thread that takes cut cycles in order, nets them, and posts each batch once.

Matching never waits for the ledger. What is cut stands in a queue; the thread works on its head and
takes it off only when the ledger has it, so no batch is ever skipped::

    cut 7 | cut 8 | cut 9          posted: status FINAL into the outbox, next
      |                            unavailable: wait, twice as long each time, and post the same again;
      |                                         after some time an alarm, until the ledger is back
      `-- net, chain, post         anything else: alarm, and posting stops until the next start

Posting again is harmless, because a ledger takes a batch once whatever is repeated. After an alarm
nothing is lost either: the journal has it all, and the next start goes on from the ledger's cursor.
"""

import os
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from fxengine.codes import SettlementStatus
from fxengine.errors import LedgerUnavailable
from fxengine.ledger.base import Ledger
from fxengine.ledger.batch import Batch, Cursor

_NS_PER_SECOND: Final = 1_000_000_000


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
    posted_ns: int


class Posting:
    """The posting thread, its queue and its outbox.

    ``ready`` items build their batch from the cursor before it; the thread calls them, so netting
    costs the caller nothing. ``wait(delay_ns)`` stands between two attempts; without one, the
    thread waits in real time and :meth:`close` cuts the wait short.
    """

    def __init__(
        self,
        ledger: Ledger,
        cursor: Cursor,
        *,
        clock_ns: Callable[[], int],
        back_off: BackOff,
        wait: Callable[[int], None] | None,
    ) -> None:
        self._ledger = ledger
        self._cursor = cursor
        self._clock_ns = clock_ns
        self._back_off = back_off
        self._wait = wait or self._wait_for_close
        self._queue: deque[tuple[Callable[[Cursor], Batch], int]] = deque()
        self._pending_trades = 0
        self._stopped = False
        self._outbox: deque[BatchStatus] = deque()
        self._alarm: str | None = None
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
        return self._alarm

    @property
    def is_stopped(self) -> bool:
        """Say whether posting has ended before the next start."""
        return self._stopped

    @property
    def pending_trades(self) -> int:
        """Return how many trades were put that the ledger is not known to have."""
        return self._pending_trades

    @property
    def cursor(self) -> Cursor:
        """Return the last batch that the ledger is known to have."""
        return self._cursor

    def put(self, ready: Callable[[Cursor], Batch], n_trades: int) -> None:
        """Queue the next batch; once posting has stopped, drop it: the next start makes it again."""
        with self._changed:
            self._pending_trades += n_trades
            if not self._stopped:
                self._queue.append((ready, n_trades))
                self._changed.notify()

    def fileno(self) -> int:
        """Return a descriptor that is readable when :meth:`poll` or :attr:`alarm` has news."""
        return self._wake_read

    def poll(self) -> list[BatchStatus]:
        """Return the batches that became settled since the last call, in order. Never waits."""
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

        What :meth:`poll` has not returned yet, it still returns, until :meth:`release`.
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
        while waiting := self._next():
            ready, n_trades = waiting
            try:
                batch = ready(self._cursor)
                status = self._post(batch)
            except Exception as e:  # whatever it is, the next batch must not be posted before this one
                with self._changed:
                    self._stopped = True
                    self._alarm = f"settlement stopped before batch {self._cursor.batch_id + 1}: {e}"
                    self._queue.clear()
                    self._wake()
                return
            news = BatchStatus(
                batch.id,
                status,
                self._ledger.finality,
                batch.first_sequence,
                batch.last_sequence,
                batch.accounts(),
                self._clock_ns(),
            )
            with self._changed:
                self._cursor = batch.cursor
                self._alarm = None
                self._queue.popleft()
                self._pending_trades -= n_trades
                self._outbox.append(news)
                self._wake()

    def _next(self) -> tuple[Callable[[Cursor], Batch], int] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._closing.is_set())
            return self._queue[0] if self._queue else None

    def _post(self, batch: Batch) -> SettlementStatus:
        retry = 0
        while True:
            last_attempt = self._closing.is_set()
            try:
                self._ledger.post(batch)
                return self._ledger.status(batch.id)
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
