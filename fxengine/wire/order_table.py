"""Orders of many frames at once: found by how they are laid out, and read column by column.

Read one by one, an order costs a microsecond and more, nearly all of it for Python objects that live as
long. But orders look alike: the same msgpack tags at the same places, other numbers between them. So
the tags of one order make a layout; every order that has them is found with one comparison, and numpy
reads each field of all of those at once::

    order     9e 0a | ce 00 01 00 07 | 02 | 01 | ...     [10, 65543, 2, 1, ...], a NEW_ORDER
    mask      ff ff | ff 00 00 00 00 | 80 | 80 | ...     a tag must be the same; a small number is its
    pattern   9e 0a | ce 00 00 00 00 | 00 | 00 | ...     own tag, and has its top bit clear
    dtype     head  | tag  >u4       | u1 | u1 | ...

Where an order may begin is wherever its first two bytes stand, also within a number. What settles it is
that orders must tile their frame: as many as it claims, none into another, nothing between them::

    frame     dc 00 41 01 | order | order | order | ... | order |

A layout is made only of tags whose every number the field may hold, so what fits needs no further check.
A frame that is not tiled by orders is left for :func:`fxengine.wire.decode_requests`, which says what is
wrong with it, if anything. Source: https://github.com/msgpack/msgpack/blob/master/spec.md
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from fxengine.codes import CommandKind
from fxengine.messages import PROTOCOL_VERSION, TYPE_OF, Amend, Cancel, NewOrder, Whole, fields_of
from fxengine.records import AMEND, CANCEL, NEW_ORDER, Records, join, select
from fxengine.wire.frames import REQUEST_BYTES_MAX, REQUEST_MESSAGES_MAX

ORDERS_FROM: Final = 1_024
"""Frames of fewer bytes than this, all together, are read faster one by one."""
_LAYOUTS_MAX: Final = 16
"""Layouts kept of one kind of order, and tried on it."""

_KINDS: Final = (
    (NewOrder, CommandKind.NEW_ORDER, NEW_ORDER),
    (Cancel, CommandKind.CANCEL, CANCEL),
    (Amend, CommandKind.AMEND, AMEND),
)
_ZERO_ONLY: Final = ("stop_price_ticks", "min_lots")
"""Fields of a NEW_ORDER that take it a second record: an order that has one is not read here."""

# What each kind of field may be, by its letter in ``struct``: the tag of a wider number, and its type.
_FORMS: Final = {
    "B": {0xCC: ">u1"},
    "H": {0xCC: ">u1", 0xCD: ">u2"},
    "Q": {0xCC: ">u1", 0xCD: ">u2", 0xCE: ">u4", 0xCF: ">u8"},
    "q": {0xCC: ">u1", 0xCD: ">u2", 0xCE: ">u4", 0xD0: ">i1", 0xD1: ">i2", 0xD2: ">i4", 0xD3: ">i8"},
}
_SMALL_MAX: Final = 0x7F
_NEGATIVE_MIN: Final = 0xE0
_FIX_ARRAY: Final = 0x90
_ARRAY_16: Final = 0xDC
_HEAD_BYTES: Final = 2
_WIDEST: Final = 9
"""Bytes of a number with its tag, at most."""

Bytes = npt.NDArray[np.uint8]
Places = npt.NDArray[np.intp]


class _Layout(NamedTuple):
    """Where the tags and numbers of an order stand."""

    row: np.dtype[np.void]
    names: tuple[str, ...]  # of the numbers, as the command's record has them
    mask: Bytes
    pattern: Bytes


def _layout_of(order: bytes, message: type[Any]) -> _Layout | None:
    """Make a layout of the order that ``order`` begins with; None where it is none, or an unusual one."""
    columns, names = [("head", f"V{_HEAD_BYTES}")], []
    mask, pattern = bytearray(b"\xff" * _HEAD_BYTES), bytearray(order[:_HEAD_BYTES])
    for field in fields_of(message):
        assert isinstance(field.kind, Whole)
        tag = order[len(mask)]
        form = _FORMS[field.kind.code].get(tag)
        if field.name in _ZERO_ONLY:
            if tag:
                return None
            columns.append((field.name, "u1"))
            mask.append(0xFF)
            pattern.append(0)
            continue
        names.append(field.name)
        if form is not None:
            columns += [(f"tag of {field.name}", "u1"), (field.name, form)]
            mask += b"\xff" + bytes(np.dtype(form).itemsize)
            pattern += bytes([tag]) + bytes(np.dtype(form).itemsize)
        elif tag <= _SMALL_MAX:
            columns.append((field.name, "u1"))
            mask.append(_SMALL_MAX + 1)
            pattern.append(0)
        elif tag >= _NEGATIVE_MIN and field.kind.code == "q":
            columns.append((field.name, "i1"))
            mask.append(_NEGATIVE_MIN)
            pattern.append(_NEGATIVE_MIN)
        else:
            return None
    as_bytes = (np.frombuffer(bytes(part), np.uint8) for part in (mask, pattern))
    return _Layout(np.dtype(columns), tuple(names), *as_bytes)


class _Found(NamedTuple):
    """Orders of one layout: ``(n,)`` each."""

    starts: Places
    lengths: Places
    commands: Records


class _Kind:
    """One kind of order, and the layouts it was met in."""

    def __init__(self, message: type[Any], kind: CommandKind, record: np.dtype[np.void]) -> None:
        n_fields = len(fields_of(message))
        self._message, self._kind, self._record = message, kind, record
        self._head = np.array([_FIX_ARRAY | 1 + n_fields, int(TYPE_OF[message])], np.uint8)
        self._shortest, self.longest = _HEAD_BYTES + n_fields, _HEAD_BYTES + _WIDEST * n_fields
        self._layouts: list[_Layout] = []

    def find(self, content: Bytes) -> list[_Found]:
        """Find whatever looks like such an order. ``content`` ends with bytes that nobody sent.

        What it costs is bounded by the content's length, whatever that holds: who means harm gets no more of the
        venue's time than who sends orders. What is given up on is read one by one.
        """
        starts = np.flatnonzero((content[:-1] == self._head[0]) & (content[1:] == self._head[1]))
        if len(starts) * self._shortest > len(content):
            return []  # more than there is room for
        found = []
        tried = strange = 0
        while len(starts) and tried + strange < _LAYOUTS_MAX:
            if tried == len(self._layouts):
                layout = _layout_of(content[starts[0] : starts[0] + self.longest].tobytes(), self._message)
                if layout is None:
                    starts = starts[1:]
                    strange += 1
                    continue
                self._layouts.append(layout)
            layout = self._layouts[tried]
            tried += 1
            length = layout.row.itemsize
            rows = _windows(content, length)[starts]
            fits = ((rows.view(np.uint8).reshape(-1, length) & layout.mask) == layout.pattern).all(axis=1)
            if fits.any():
                whole = bool(fits.all())
                found.append(self._read(layout, starts if whole else starts[fits], rows if whole else rows[fits]))
                starts = starts[~fits]
        if tried == _LAYOUTS_MAX:
            self._layouts.clear()  # clients have changed their ways, or send all kinds of things
        return found

    def _read(self, layout: _Layout, starts: Places, rows: Records) -> _Found:
        fields = rows.view(layout.row)
        commands: npt.NDArray[Any] = np.zeros(len(rows), self._record)
        commands["kind"], commands["n_records"] = self._kind, 1
        for name in layout.names:
            commands[name] = fields[name]
        return _Found(starts, np.full(len(starts), layout.row.itemsize), commands.view(NEW_ORDER))


def _windows(content: Bytes, length: int) -> Records:
    """Return every stretch of so many bytes, as a view: as bytes, which numpy moves fast."""
    windows: Records = np.ndarray((len(content) - length + 1,), f"V{length}", content, strides=(1,))
    return windows


class OrderReader:
    """Reads frames of nothing but new orders, cancels and amends; remembers how those before were laid out."""

    def __init__(self) -> None:
        self._kinds = [_Kind(*kind) for kind in _KINDS]
        self._padding = bytes(max(kind.longest for kind in self._kinds))

    def read(self, frames: Sequence[bytes]) -> tuple[Records, Places]:
        """Return the commands of ``n`` frames, in order, and ``(n,)`` how many each has; 0: it was not read.

        A command is one record, and nobody's yet. O(bytes), about 0.3 us an order.
        """
        content = np.frombuffer(b"".join((*frames, self._padding)), np.uint8)
        found = [part for kind in self._kinds for part in kind.find(content)]
        n_orders = np.zeros(len(frames), np.intp)
        if not found:
            return np.zeros(0, NEW_ORDER), n_orders
        starts = np.concatenate([part.starts for part in found])
        order = np.argsort(starts)
        starts = starts[order]
        lengths = np.concatenate([part.lengths for part in found])[order]
        begins, firsts, ends, n_claimed = _frames_in(content, frames)
        frame = np.searchsorted(begins, starts, "right") - 1
        inside = (starts >= firsts[frame]) & (starts + lengths <= ends[frame])
        overlap = np.zeros(len(starts), np.bool_)
        overlap[1:] = (starts[:-1] + lengths[:-1] > starts[1:]) & (frame[:-1] == frame[1:])
        n_found = np.bincount(frame, minlength=len(frames))
        n_bad = np.bincount(frame[~inside | overlap], minlength=len(frames))
        n_bytes = np.bincount(frame, lengths, len(frames)).astype(np.intp)
        is_tiled = (n_found == n_claimed) & (n_bad == 0) & (n_bytes == ends - firsts)
        n_orders[is_tiled] = n_found[is_tiled]
        commands = select(join([part.commands for part in found]), order)
        taken = is_tiled[frame]
        return commands if taken.all() else select(commands, taken), n_orders


def _frames_in(content: Bytes, frames: Sequence[bytes]) -> tuple[Places, Places, Places, Places]:
    """Return where frames begin, where their first messages do, where they end, and how many they claim; -1: none."""
    lengths = np.fromiter(map(len, frames), np.intp, len(frames))
    ends = np.cumsum(lengths)
    begins = ends - lengths
    head = content[begins].astype(np.intp)
    is_long = head == _ARRAY_16
    is_short = head & 0xF0 == _FIX_ARRAY
    claimed = np.where(is_long, content[begins + 1].astype(np.intp) << 8 | content[begins + 2], head & 0x0F) - 1
    firsts = begins + np.where(is_long, 4, 2)
    sound = (is_long | is_short) & (content[firsts - 1] == PROTOCOL_VERSION) & (lengths <= REQUEST_BYTES_MAX)
    return begins, firsts, ends, np.where(sound & (claimed <= REQUEST_MESSAGES_MAX), claimed, -1)
