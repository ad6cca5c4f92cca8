"""The engine: one writer that orders commands, journals them, applies them, and tells what is durable.

A command's journey, and the two rules on the way::

    submit ---> stamp ---> journal ---> core ---> queue ........ pump ---> observers
                              |                            ^               deferred answers
                              +---> disk, in groups ------>+

    1. Nothing is applied that is not in the journal: a replay sees what the core saw.
    2. Nothing leaves the queue that is not durable: no report, no market data, no settlement and
       no answer to a question can tell of something that a crash takes back.

Waiting for the disk is the queue's business, not the writer's: the next command is applied at
once, on a state that is ahead of what the world has been told.

Everything here runs on the caller's thread; only the disk is waited for on others, in the journal.
"""

import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from fxengine.codes import CommandKind
from fxengine.engine.disk import Disk, Durability
from fxengine.engine.frames import FRAME_RECORDS_MAX, Frame, Place
from fxengine.engine.journal import SEGMENT_BYTES, UNSYNCED_BYTES_MAX, Journal
from fxengine.engine.matching import CoreType, MatchingCore
from fxengine.engine.replica import Replica
from fxengine.engine.sequencer import Sequencer, Span, spans
from fxengine.engine.snapshot import SNAPSHOTS_NAME, Snapshots
from fxengine.errors import FxEngineError, JournalError
from fxengine.records import COMMAND, RECORD_BYTES, Records
from fxengine.venue import Venue

JOURNAL_NAME: Final = "journal"
"""The folder of a venue's data directory in which the journal's segments lie."""


@dataclass(frozen=True, slots=True)
class Released:
    """One frame of the journal, durable, and what it led to. The arrays are copies, and read-only."""

    commands: Records
    """``(n,) COMMAND``, stamped, as journaled."""
    events: Records
    """``(m,) EVENT``, in order."""
    first_sequence: int
    last_sequence: int
    time_ns: int
    """The stamp of its last command."""
    chain: bytes
    """The journal's chain hash at its end."""
    replayed: bool
    """It was read back at start-up; True for nothing that was submitted to this engine."""


Observer = Callable[[Released], None]
Begin = Callable[[MatchingCore, Place], None]
ANYWHERE: Final = 2**64
"""May begin after any command: for :meth:`Engine.attach`."""
_log = logging.getLogger(__name__)


def _begin_with_nothing(core: MatchingCore, place: Place) -> None:
    """Load nothing: for an observer that sums nothing up."""


class Engine:
    """A venue's single writer; the module's docstring says what it promises.

    ``core_type`` (default: the compiled core) is called with the venue's instruments and bounds;
    the journal lies in ``data_dir``/journal; ``clock_ns`` returns nanoseconds since 1970 UTC and
    may jump, stamps never go back. ``segment_bytes``, ``unsynced_bytes_max`` and ``disk`` are the
    journal's.
    A frame holds ``frame_commands_max`` commands at most: settlement cuts where a frame ends. A call after a fault (of
    the disk, of a core, of an observer) raises what stopped it.
    """

    def __init__(
        self,
        venue: Venue,
        data_dir: Path,
        *,
        durability: Durability | str = Durability.FSYNC,
        clock_ns: Callable[[], int] = time.time_ns,
        core_type: CoreType | None = None,
        segment_bytes: int = SEGMENT_BYTES,
        unsynced_bytes_max: int = UNSYNCED_BYTES_MAX,
        disk: Disk | None = None,
        frame_commands_max: int = FRAME_RECORDS_MAX,
    ) -> None:
        self.clock_ns = clock_ns
        self._frame_commands_max = frame_commands_max
        self._sequencer = Sequencer(clock_ns)
        self._replica = Replica(venue, self._sequencer, core_type)
        self.core = self._replica.core
        self.directory = self._replica.directory
        self.snapshot_sequence = 0
        """The command after which the last start began, from a snapshot; 0: from the journal's first."""
        self._journal_directory = data_dir / JOURNAL_NAME
        self._snapshots = (
            Snapshots(data_dir / SNAPSHOTS_NAME, venue.fingerprint, disk=disk)
            if Durability(durability) is not Durability.NONE
            else None
        )
        self._journal = Journal(
            self._journal_directory,
            venue.fingerprint,
            durability=Durability(durability),
            segment_bytes=segment_bytes,
            unsynced_bytes_max=unsynced_bytes_max,
            disk=disk,
        )
        self._observers: list[Observer] = []
        self._begins: list[Begin] = []
        self._begin_through = ANYWHERE
        self._queue: deque[tuple[int, Released | Callable[[], None]]] = deque()
        self._is_started = self._is_running = self._is_closed = self._is_pumping = False
        self._fault: BaseException | None = None

    def attach(self, observer: Observer, *, may_begin_after: int = 0, begin: Begin = _begin_with_nothing) -> None:
        """Let ``observer`` hear of every batch, in order. Before :meth:`start`.

        It hears from the journal's first command on, unless it can do without the first ``may_begin_after``
        of them (or ANYWHERE): then a start may begin from a snapshot at or before that command, and calls
        ``begin(core, place)`` first, for the observer to load from the core what it would have summed up.
        """
        if self._is_started:
            raise RuntimeError("attach observers before start(): they must hear of everything")
        self._observers.append(observer)
        self._begins.append(begin)
        self._begin_through = min(self._begin_through, may_begin_after)

    # -- start

    def start(self) -> None:
        """Replay the journal through the core and the observers, then open it for commands and seal it.

        Begins from the newest snapshot that every observer can begin from, where there is one.

        Raises :class:`JournalError` where it cannot be opened, and :class:`JournalDamaged` where its
        bytes do not agree or this core does not come to the state that a seal names. O(journal).
        """
        if self._is_started:
            raise RuntimeError("an engine starts once")
        self._is_started = True
        try:
            for frame in self._journal.replay(self._restore()):
                self._replay(frame)
            self._sequencer.time_ns = self.core.now_ns
            self._seal()
        except BaseException as e:
            self._fault = e
            self._journal.close()
            raise
        self._is_running = True

    def _restore(self) -> Place | None:
        """Begin from a snapshot; return its place."""
        if self._snapshots is None or not self._begin_through:
            return None
        place = self._replica.restore(self._snapshots, self._journal_directory, self._begin_through)
        if place is not None:
            self.snapshot_sequence = place.sequence
            for begin in self._begins:
                begin(self.core, place)
        return place

    def _replay(self, frame: Frame) -> None:
        applied = self._replica.follow(frame)
        if applied is not None:
            released = self._released(*applied, frame.first_sequence, frame.n_commands, frame.chain, replayed=True)
            for observer in self._observers:
                observer(released)

    # -- commands

    def submit(self, commands: Records) -> None:
        """Stamp, journal and apply commands: ``(n,)`` records of 64 bytes, any number of whole commands.

        The caller's array is left as it is. Observers hear of them from :meth:`pump`, once they are
        durable. They are numbered from ``core.sequence + 1`` in the order given; a CREDENTIAL gets
        its account number here. Raises ValueError, with nothing done, where records are not whole
        commands or a CREDENTIAL's text is not its identity's. O(n) beside the core's work.
        """
        self._require_running()
        if commands.ndim != 1 or commands.dtype.itemsize != RECORD_BYTES:
            raise ValueError("commands must be a one-dimensional array of 64-byte records")
        commands = np.ascontiguousarray(commands).view(COMMAND)
        cuts = list(spans(commands, commands_max=self._frame_commands_max))
        for span in cuts:
            if span.is_credential:
                self.directory.number_for(commands[span.first : span.last])
        time_ns = self._sequencer.now_ns()
        try:
            for span in cuts:
                self._sequence(commands, span, time_ns)
        except BaseException as e:
            self._fault = e
            raise

    def _sequence(self, commands: Records, span: Span, time_ns: int) -> None:
        sequencer, journal = self._sequencer, self._journal
        sequencer.load(commands, span, time_ns)
        loaded = sequencer.buffer[: span.last - span.first]
        if span.is_credential:
            loaded["account"][0] = self.directory.number_for(loaded)
        payload = loaded.tobytes()
        first_sequence = journal.next_sequence
        journal.append(payload, span.n_commands)
        applied = self._replica.apply(payload, span.n_commands)
        released = self._released(*applied, first_sequence, span.n_commands, journal.chain, replayed=False)
        self._queue.append((journal.position, released))

    def _released(
        self, commands: Records, events: Records, first_sequence: int, n_commands: int, chain: bytes, *, replayed: bool
    ) -> Released:
        last_sequence = first_sequence + n_commands - 1
        assert self.core.sequence == last_sequence, (self.core.sequence, last_sequence)
        return Released(commands, events, first_sequence, last_sequence, self.core.now_ns, chain, replayed)

    def tick(self) -> None:
        """Submit a TIME command if a timer of the core is due: an idle venue's time moves too."""
        self._require_running()
        if self.core.next_deadline_ns <= self._sequencer.now_ns():
            command = np.zeros(1, COMMAND)
            command["kind"], command["n_records"] = CommandKind.TIME, 1
            self.submit(command)

    # -- what is durable

    def defer(self, answer: Callable[[], None]) -> None:
        """Call ``answer`` from :meth:`pump` once all that was submitted so far is durable.

        For answers computed from ``core`` or ``directory``: these are ahead of the disk.
        """
        self._require_running()
        self._queue.append((self._journal.position, answer))
        if len(self._queue) == 1:
            self._journal.wake()

    def pump(self) -> None:
        """Deliver, in order, every batch that has become durable and every answer deferred until then.

        Raises :class:`JournalError` when the disk failed; what had not been delivered never is.
        A call from within an observer or an answer does nothing: the outer one goes on.
        """
        self._require_running()
        self._deliver()

    def sync(self) -> None:
        """Wait until the disk has all that was submitted, also where ``durability`` promises less.

        For an observer that acts on what it was told outside this machine's fate, as a ledger does.
        With durability ``none`` there is nothing to wait for. Raises :class:`JournalError` when the
        disk failed, now or before; may also be called after :meth:`close`.
        """
        self._journal.flush()

    def fileno(self) -> int:
        """A descriptor that polls readable when :meth:`pump` has something to do."""
        return self._journal.fileno()

    def _deliver(self) -> None:
        if self._is_pumping:
            return
        self._is_pumping = True
        try:
            durable = self._journal.acknowledged()
            while self._queue and self._queue[0][0] <= durable:
                item = self._queue.popleft()[1]
                if isinstance(item, Released):
                    for observer in self._observers:
                        observer(item)
                else:
                    item()
        except BaseException as e:
            self._fault = e
            raise
        finally:
            self._is_pumping = False

    # -- the end

    def close(self) -> None:
        """Deliver everything, seal the journal with the state's hash, write a snapshot, and let go of it. Idempotent.

        After a fault it only lets go: whatever was not durable was not acknowledged, and the next
        start reads what there is.
        """
        if self._is_closed:
            return
        self._is_closed = True
        try:
            if self._is_running and self._fault is None:
                while self._queue:
                    self._journal.flush()
                    self._deliver()
                self._journal.flush()  # so that the seal's frame says that all before it is durable
                self._seal()
                self._journal.flush()
                self._write_snapshot()
        finally:
            self._is_running = False
            self._journal.close()

    def _write_snapshot(self) -> None:
        """Spare the next start the replay. Failing to is no fault: the journal has everything."""
        place = self._journal.place
        if self._snapshots is None or place is None or place.sequence in (0, self.snapshot_sequence):
            return
        try:
            self._snapshots.write(place, self.core, self.directory)
        except OSError as e:
            _log.warning("no snapshot was written: %s. Nothing is lost: the next start replays the journal", e)

    def _seal(self) -> None:
        if not self._journal.is_sealed:
            self._journal.seal(self.core.state_hash(), self.core.now_ns)

    def _require_running(self) -> None:
        if self._fault is not None:
            kind = JournalError if isinstance(self._fault, JournalError) else FxEngineError
            raise kind(f"the engine has stopped: {self._fault}") from self._fault
        if not self._is_running:
            raise RuntimeError("the engine is not running: start() it first, and not after close()")
