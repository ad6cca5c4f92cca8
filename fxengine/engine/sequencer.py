r"""Putting submitted commands in their final form: where frames are cut, and what time they get.

Commands arrive as a run of records. A frame of the journal holds whole commands and at most
``FRAME_RECORDS_MAX`` records, and a CREDENTIAL travels in a frame of its own, because the account
number it gets depends on whether the one before it was accepted::

    order order cred detail text order cancel        records submitted
    \_________/ \_______________/ \__________/        spans, one frame each

Only the first record of a command, its head, is stamped: the others are detail and text, and have
other things where a head has its time. Almost all commands are one record, so the run is checked
for that first, at once; only where it is not so are heads looked for.

Time never goes back: a command's stamp is the clock's, or the previous stamp where the clock is behind.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fxengine.codes import CommandKind
from fxengine.engine.frames import FRAME_RECORDS_MAX
from fxengine.records import COMMAND, RECORD_BYTES, Records

_Places = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Span:
    """Records ``[first, last)`` of what was submitted: whole commands, one frame."""

    first: int
    last: int
    heads: _Places | None
    """Where commands begin, counted from ``first``; None: every record is a command."""
    is_credential: bool

    @property
    def n_commands(self) -> int:
        """Commands in the span."""
        return self.last - self.first if self.heads is None else len(self.heads)


def spans(commands: Records, limit: int = FRAME_RECORDS_MAX, commands_max: int = FRAME_RECORDS_MAX) -> Iterator[Span]:
    """Cut ``(n,) COMMAND`` records into spans of at most ``limit`` records (255 or more) and ``commands_max`` commands.

    Raises ValueError, before the first span is yielded, where a command's ``n_records`` is 0 or
    reaches beyond the end. O(n) at C speed; O(n) in Python only in commands of several records.
    """
    n_records = commands["n_records"]
    several = np.flatnonzero(n_records != 1)
    if not len(several):
        step = min(limit, commands_max)
        for first in range(0, len(commands), step):
            yield Span(first, min(first + step, len(commands)), None, is_credential=False)
        return
    heads = _heads(n_records, several)
    credentials = heads[(commands["kind"][heads] == CommandKind.CREDENTIAL) & (n_records[heads] != 1)]
    first = 0
    for place in credentials.tolist():
        yield from _plain(heads, first, place, limit, commands_max)
        first = place + int(n_records[place])
        yield Span(place, first, np.zeros(1, np.intp), is_credential=True)
    yield from _plain(heads, first, len(commands), limit, commands_max)


def _heads(n_records: npt.NDArray[np.uint8], several: _Places) -> _Places:
    is_head = np.ones(len(n_records), bool)
    end = 0
    for place in several.tolist():
        if place < end:
            continue  # a detail or text record: what stands there is not a count
        end = place + int(n_records[place])
        if end == place or end > len(n_records):
            raise ValueError(f"record {place}: a command of {end - place} records does not fit where it stands")
        is_head[place + 1 : end] = False
    return np.flatnonzero(is_head)


def _plain(heads: _Places, first: int, end: int, limit: int, commands_max: int) -> Iterator[Span]:
    while first < end:
        last = end
        if last - first > limit:
            last = int(heads[np.searchsorted(heads, first + limit, side="right") - 1])
        over = int(np.searchsorted(heads, first)) + commands_max
        if over < len(heads):
            last = min(last, int(heads[over]))
        inside = heads[np.searchsorted(heads, first) : np.searchsorted(heads, last)]
        yield Span(first, last, inside - first, is_credential=False)
        first = last


class Sequencer:
    """Stamps commands in a buffer that the core is bound to. ``clock_ns`` returns nanoseconds since 1970 UTC."""

    def __init__(self, clock_ns: Callable[[], int]) -> None:
        self.buffer: Records = np.zeros(FRAME_RECORDS_MAX, COMMAND)
        self._raw = self.buffer.view("<u8").reshape(FRAME_RECORDS_MAX, -1)
        self._times = self.buffer["time_ns"]
        self._clock_ns = clock_ns
        self.time_ns = 0
        """The latest stamp."""

    def now_ns(self) -> int:
        """Return the stamp that a command would get now: never before the latest."""
        return max(self.time_ns, self._clock_ns())

    def load(self, commands: Records, span: Span, time_ns: int) -> None:
        """Copy a span to the start of the buffer and stamp its heads."""
        n = span.last - span.first
        self._raw[:n] = commands[span.first : span.last].view("<u8").reshape(n, -1)
        if span.heads is None:
            self._times[:n] = time_ns
        else:
            self._times[span.heads] = time_ns
        self.time_ns = time_ns

    def reload(self, payload: bytes) -> int:
        """Copy a journaled frame, stamped as it is, to the start of the buffer; return its records' number."""
        n = len(payload) // RECORD_BYTES
        self._raw[:n] = np.frombuffer(payload, "<u8").reshape(n, -1)
        return n
