"""How a message is checked against its field table: fast where it is right, exact where it is not.

What is right is decided by a few calls into C, whatever its length: the types of all values are
compared at once (so that a bool is no int and a float nothing at all) and one ``struct.pack``
checks every range. Only what fails them is walked, field by field, for the first reason::

    [10, 8, 0, 1, ...]     type: int int int int ...     pack("<BQHB...")        -> NewOrder
    [[99, 5, 98, 7], ...]  per list: all int             pack("<4q")             -> a side of a quote
    [10, 8, 0.5, ...]      not all int: walk             instrument is a float   -> FLOAT_FORBIDDEN
"""

import struct
from collections import deque
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from itertools import chain, starmap
from operator import countOf
from typing import Any

from fxengine.codes import RejectReason
from fxengine.messages import Rows, Text, Whole, fields_of

Kind = Whole | Text | Rows
Fits = Callable[[Any], bool]


class Shape:
    """How one message type is checked."""

    def __init__(self, number: int, message: type[Any]) -> None:
        self.number = number
        self.make = partial(tuple.__new__, message)
        self.fields = fields_of(message)
        kinds = [field.kind for field in self.fields]
        self.arity = 1 + len(kinds)
        self.is_plain = all(_fills_its_storage(kind) for kind in kinds)
        """It is all numbers whose ranges are those of their storage: :attr:`pack` checks them."""
        codes = "".join(kind.code for kind in kinds if isinstance(kind, Whole))
        self.pack = struct.Struct("<B" + codes).pack
        self._fits = tuple(_fits(kind) for kind in kinds)

    def problem(self, body: Sequence[Any]) -> RejectReason:
        """Check the fields in order and return the first reason to refuse, or NONE."""
        if len(body) != self.arity:
            return RejectReason.MISSING_FIELD
        if self.is_plain and self._is_in_range(body):
            return RejectReason.NONE
        for field, fits, value in zip(self.fields, self._fits, body[1:], strict=True):
            if not fits(value):
                reason = _reason(field.kind, value)
                if reason:
                    return reason
        return RejectReason.NONE

    def _is_in_range(self, body: Sequence[Any]) -> bool:
        if countOf(map(type, body), int) != self.arity:
            return False
        try:
            self.pack(*body)
        except struct.error:
            return False
        return True


def only_ints(bodies: Sequence[Any]) -> bool:
    """Say whether every value of every message is an int, and no bool."""
    return countOf(map(type, bodies), tuple) == len(bodies) and {*map(type, chain.from_iterable(bodies))} == {int}


def _reason(kind: Kind, value: object) -> RejectReason:
    """Walk a field's value for the first reason to refuse it, or NONE."""
    if type(value) is float:
        return RejectReason.FLOAT_FORBIDDEN
    if isinstance(kind, Whole):
        if type(value) is not int:
            return RejectReason.WRONG_FIELD_TYPE
        return RejectReason.NONE if kind.low <= value <= kind.high else RejectReason.FIELD_OUT_OF_RANGE
    if isinstance(kind, Text):
        if type(value) is not str:
            return RejectReason.WRONG_FIELD_TYPE
        fits = len(value) <= kind.bytes_max and len(value.encode()) <= kind.bytes_max
        return RejectReason.NONE if fits else RejectReason.FIELD_OUT_OF_RANGE
    if type(value) is not tuple:
        return RejectReason.WRONG_FIELD_TYPE
    for row in value:
        reason = _row_reason(kind.columns, row)
        if reason:
            return reason
    return RejectReason.NONE if _has_right_length(kind, value) else RejectReason.FIELD_OUT_OF_RANGE


def _row_reason(columns: Sequence[Kind], row: object) -> RejectReason:
    cells = row if len(columns) > 1 else (row,)
    if type(cells) is not tuple or len(cells) != len(columns):
        return RejectReason.FLOAT_FORBIDDEN if type(row) is float else RejectReason.WRONG_FIELD_TYPE
    for column, cell in zip(columns, cells, strict=True):
        reason = _reason(column, cell)
        if reason:
            return reason
    return RejectReason.NONE


def _has_right_length(kind: Rows, value: tuple[Any, ...]) -> bool:
    return len(value) % kind.multiple == 0 and (not kind.rows_max or len(value) <= kind.rows_max)


# -- the quick checks: True is certain, False only sends the value to the walk


def _fills_its_storage(kind: Kind) -> bool:
    return isinstance(kind, Whole) and kind.high - kind.low + 1 == 256 ** struct.calcsize("<" + kind.code)


def _fits(kind: Kind) -> Fits:
    """Make the quick check of a field."""
    if isinstance(kind, Whole):
        low, high = kind.low, kind.high
        return lambda value: type(value) is int and low <= value <= high
    if isinstance(kind, Text) or any(isinstance(column, Text) for column in kind.columns):
        return lambda _: False
    if not all(_fills_its_storage(column) for column in kind.columns):
        return _fits_lists(kind)
    return _fits_values(kind) if len(kind.columns) == 1 else _fits_table(kind)


def _fits_values(kind: Rows) -> Fits:
    """Check a list of numbers."""
    [column] = kind.columns
    assert isinstance(column, Whole)
    code = column.code

    def fits(values: object) -> bool:
        if type(values) is not tuple or countOf(map(type, values), int) != len(values):
            return False
        try:
            _packer(code, len(values))(*values)
        except struct.error:
            return False
        return _has_right_length(kind, values)

    return fits


def _fits_table(kind: Rows) -> Fits:
    """Check a list of lists of numbers."""
    width = len(kind.columns)
    pack = struct.Struct("<" + "".join(column.code for column in kind.columns if isinstance(column, Whole))).pack

    def fits(rows: object) -> bool:
        if type(rows) is not tuple or countOf(map(type, rows), tuple) != len(rows):
            return False
        if countOf(map(type, chain.from_iterable(rows)), int) != len(rows) * width:
            return False
        try:
            deque(starmap(pack, rows), maxlen=0)
        except struct.error:
            return False
        return _has_right_length(kind, rows)

    return fits


def _fits_lists(kind: Rows) -> Fits:
    """Check a list of lists that hold lists, by the quick check of each column."""
    columns = tuple(_fits(column) for column in kind.columns)
    width = len(columns)

    def fits(rows: object) -> bool:
        if type(rows) is not tuple or not _has_right_length(kind, rows):
            return False
        for row in rows:
            if type(row) is not tuple or len(row) != width:
                return False
            for column, cell in zip(columns, row, strict=True):
                if not column(cell):
                    return False
        return True

    return fits


@lru_cache(maxsize=1_024)
def _packer(code: str, count: int) -> Callable[..., bytes]:
    """Return what packs so many numbers of a kind, or raises ``struct.error`` where one is out of range."""
    return struct.Struct(f"<{count}{code}").pack
