"""Either core behind one call: bytes of commands in, bytes of events out.

The core reads commands from an array that was bound to it once, and leaves its events in another;
a feed owns the first and copies the second, so that two cores may be compared at leisure.
"""

import numpy as np

from fxengine.engine import CoreType
from fxengine.engine import MatchingCore as Core
from fxengine.records import COMMAND, RECORD_BYTES

__all__ = ["Core", "CoreType", "Feed"]


class Feed:
    """A core with its input array; ``n_records`` bounds what one call may bring."""

    def __init__(self, core: Core, n_records: int = 4096) -> None:
        self.core = core
        self._commands = np.zeros(n_records, COMMAND)
        self._input = memoryview(self._commands.view(np.uint8).data)
        core.bind(self._commands)

    def load(self, commands: bytes) -> None:
        """Put commands where the core will read them, for whoever applies them itself."""
        self._input[: len(commands)] = commands

    def apply(self, commands: bytes) -> bytes:
        """Apply whole commands, one or many, and return the bytes of their events."""
        self.load(commands)
        n_events = self.core.apply(0, len(commands) // RECORD_BYTES)
        return self.core.events[:n_events].tobytes()
