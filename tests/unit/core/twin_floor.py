"""The compiled core and the reference side by side: every command to both, events and bytes compared."""

import numpy as np

from bench.flows import Feed
from fxengine._core import Core
from fxengine.records import EVENT, Records
from fxengine.reference import Core as ReferenceCore
from tests.unit.core.trading_floor import instruments, opening


class Twins:
    """Two cores that must not differ; ``core`` is the compiled one. Open with ``n_traders`` rich traders."""

    def __init__(self, n_traders: int = 2, n_instruments: int = 1, **bounds: int) -> None:
        rows = instruments(n_instruments)
        window, expires_ns = bounds.pop("window", 1024), bounds.pop("expires_ns", 2**62)
        self.core = Core(rows, n_currencies=2, **bounds)
        self._reference = ReferenceCore(rows, n_currencies=2, **bounds)
        self._feeds = [Feed(self.core, 1 << 16), Feed(self._reference, 1 << 16)]
        for command in opening(n_traders, window=window, expires_ns=expires_ns):
            self.apply(command)

    def apply(self, commands: bytes) -> Records:
        """Apply to both, compare everything, and return the events."""
        compiled, reference = (feed.apply(commands) for feed in self._feeds)
        assert compiled == reference
        states = [feed.core.state_bytes() for feed in self._feeds]
        assert states[0] == states[1]
        assert self.core.next_deadline_ns == self._reference.next_deadline_ns
        self.core.check()
        return np.frombuffer(compiled, EVENT)
