"""Either core behind one call: bytes of commands in, bytes of events out.

The core reads commands from an array that was bound to it once, and leaves its events in another;
a feed owns the first and copies the second, so that two cores may be compared at leisure.
"""

from collections.abc import Callable
from typing import Protocol

import numpy as np

from fxengine.records import COMMAND, RECORD_BYTES, Records


class Core(Protocol):
    """What the compiled core and the reference have in common."""

    @property
    def events(self) -> Records:
        """``(capacity,) EVENT`` records; those of the last apply stand first."""

    @property
    def sequence(self) -> int:
        """Number of the last command."""

    @property
    def now_ns(self) -> int:
        """Time of the last command."""

    @property
    def next_deadline_ns(self) -> int:
        """When the core next has something to do by itself."""

    @property
    def n_accounts(self) -> int:
        """Accounts there are, the venue's own two included."""

    @property
    def n_orders(self) -> int:
        """Open orders."""

    def bind(self, commands: Records) -> None:
        """Use this array as input."""

    def apply(self, first: int, last: int) -> int:
        """Apply records and return how many events they made."""

    def balance(self, account: int, currency: int) -> tuple[int, int]:
        """Return available and held units."""

    def client_id_highest(self, account: int) -> int:
        """Return the highest client id used."""

    def depth(self, instrument: int, side: int, levels: int) -> list[tuple[int, int]]:
        """Return the best levels."""

    def state_bytes(self) -> bytes:
        """Return the whole state."""

    def state_hash(self) -> str:
        """Return its hash."""

    def check(self) -> None:
        """Walk every invariant."""


CoreType = Callable[..., Core]


class Feed:
    """A core with its input array; ``n_records`` bounds what one call may bring."""

    def __init__(self, core: Core, n_records: int = 4096) -> None:
        self.core = core
        self._commands = np.zeros(n_records, COMMAND)
        self._input = memoryview(self._commands.view(np.uint8).data)
        core.bind(self._commands)

    def apply(self, commands: bytes) -> bytes:
        """Apply whole commands, one or many, and return the bytes of their events."""
        self._input[: len(commands)] = commands
        n_events = self.core.apply(0, len(commands) // RECORD_BYTES)
        return self.core.events[:n_events].tobytes()
