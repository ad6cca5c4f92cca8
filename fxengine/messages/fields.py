"""What a message's field can be: the types on the wire, their ranges, and a message's table.

A message class is a NamedTuple whose annotations carry one of these and a sentence::

    price_ticks: Annotated[int, I64, "limit, in ticks of the instrument"]
"""

from dataclasses import dataclass
from typing import Any, Final, get_type_hints

TOKEN_BYTES_MAX: Final = 4_096
NAME_BYTES_MAX: Final = 255
BOOK_DEPTH_MAX: Final = 5_000
"""Levels a side that one BOOK carries at most."""
QUOTE_SETS_MAX: Final = 15
"""Sets that one MASS_QUOTE carries at most: so many full ones fit in one command of 255 records."""
QUOTE_VALUES_MAX: Final = 64
"""Values a side of a quote set: a price and a quantity for each of at most 32 levels."""


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number between ``low`` and ``high``. ``code`` is its letter in ``struct``."""

    name: str
    low: int
    high: int
    code: str


@dataclass(frozen=True, slots=True)
class Text:
    """UTF-8 text of at most ``bytes_max`` bytes."""

    bytes_max: int

    @property
    def name(self) -> str:
        """How the documents call the type."""
        return "text"


@dataclass(frozen=True, slots=True)
class Rows:
    """A list of lists, each with these columns, which may be lists; where there is one column, a list of values.

    At most ``rows_max`` of them (0: as many as fit in a frame), and a multiple of ``multiple``.
    """

    columns: "tuple[Whole | Text | Rows, ...]"
    rows_max: int = 0
    multiple: int = 1

    @property
    def name(self) -> str:
        """How the documents call the type."""
        inner = ", ".join(column.name for column in self.columns)
        return f"[{inner}, ...]" if len(self.columns) == 1 else f"[[{inner}], ...]"


U8: Final = Whole("u8", 0, 2**8 - 1, "B")
U16: Final = Whole("u16", 0, 2**16 - 1, "H")
U32: Final = Whole("u32", 0, 2**32 - 1, "I")
U64: Final = Whole("u64", 0, 2**64 - 1, "Q")
I64: Final = Whole("i64", -(2**63), 2**63 - 1, "q")
HEARTBEAT_MS: Final = Whole("u32", 0, 60_000, "I")
DEAD_MAN_MS: Final = Whole("u32", 0, 3_600_000, "I")
SESSION_MODE: Final = Whole("u8", 1, 2, "B")
REPORT_FORMAT: Final = Whole("u8", 1, 2, "B")
YES_NO: Final = Whole("u8", 0, 1, "B")
DEPTH: Final = Whole("u16", 1, BOOK_DEPTH_MAX, "H")
TOKEN: Final = Text(TOKEN_BYTES_MAX)
NAME: Final = Text(NAME_BYTES_MAX)


@dataclass(frozen=True, slots=True)
class Field:
    """One row of a message's table."""

    name: str
    kind: Whole | Text | Rows
    meaning: str


def fields_of(message: type[Any]) -> tuple[Field, ...]:
    """Return a message's table, read from its annotations.

    >>> from fxengine.messages import Heartbeat
    >>> [field.name for field in fields_of(Heartbeat)]
    ['number']
    """
    hints = get_type_hints(message, include_extras=True)
    return tuple(Field(name, *hint.__metadata__) for name, hint in hints.items())
