"""The journal, applied anew: by the reference core, and by every other core beside it.

The reference is the specification, so its events and its state are the ones the audit goes by. Any
other core (the compiled one that the venue runs on) is led along the same commands, and must say
the same: byte for byte in its events after every frame, and in its state's hash at every SEAL and
at the end.
"""

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Protocol

import numpy as np

from fxengine.audit.journal import Frame, JournalAudit
from fxengine.records import COMMAND, EVENT, Records
from fxengine.reference import Core as ReferenceCore
from fxengine.venue import Venue


class AuditedCore(Protocol):
    """What the audit asks of a core."""

    @property
    def events(self) -> Records:
        """What the latest apply made."""

    @property
    def n_accounts(self) -> int:
        """Accounts there are."""

    @property
    def now_ns(self) -> int:
        """Time of the latest command."""

    def bind(self, commands: Records) -> None:
        """Take the array that commands stand in."""

    def apply(self, first: int, last: int) -> int:
        """Apply records ``[first, last)``; return the number of events."""

    def balance(self, account: int, currency: int) -> tuple[int, int]:
        """Return available and held units."""

    def state_bytes(self) -> bytes:
        """Return the state."""

    def state_hash(self) -> str:
        """Return the state's hash."""

    def check(self) -> None:
        """Raise AssertionError where an invariant does not hold."""


CoreType = Callable[..., AuditedCore]


def both_cores() -> tuple[CoreType, ...]:
    """Return the reference and the compiled core; the extension is imported only now."""
    compiled: CoreType = import_module("fxengine._core").Core
    return ReferenceCore, compiled


class Replay:
    """Iterate over it for each frame of commands with its events; then read what it found.

    ``core_types``: the first is gone by, the others are compared with it.
    """

    def __init__(self, journal: JournalAudit, venue: Venue, core_types: tuple[CoreType, ...]) -> None:
        self._journal = journal
        self._cores = [venue.core(core_type) for core_type in core_types]
        self.problems: list[str] = []
        self.n_commands = 0
        self.n_seals = 0

    @property
    def core(self) -> AuditedCore:
        """The core that is gone by, as far as it has come."""
        return self._cores[0]

    def __iter__(self) -> Iterator[tuple[Frame, bytes]]:
        for frame in self._journal:
            if frame.state_hash:
                self.n_seals += 1
                self._compare_states(frame.last_sequence, frame.state_hash)
                continue
            events = self._apply(frame)
            self.n_commands = frame.last_sequence
            yield frame, events
        self._compare_states(self.n_commands, self.core.state_hash())
        try:
            self.core.check()
        except AssertionError as e:
            self.problems.append(f"state: an invariant does not hold at the end: {e}")

    def _apply(self, frame: Frame) -> bytes:
        commands = np.frombuffer(frame.records, COMMAND).copy()
        results = []
        for core in self._cores:
            core.bind(commands)
            n_events = core.apply(0, len(commands))
            results.append(core.events[:n_events].tobytes())
        for core, result in zip(self._cores[1:], results[1:], strict=True):
            if result != results[0]:
                at = _first_difference(result, results[0]) // EVENT.itemsize
                self.problems.append(
                    f"replay: {_name(core)} and {_name(self.core)} disagree from event {at} of commands"
                    f" {frame.first_sequence}..{frame.last_sequence}"
                )
        return results[0]

    def _compare_states(self, sequence: int, expected: str) -> None:
        for core in self._cores:
            found = core.state_hash()
            if found != expected:
                self.problems.append(
                    f"replay: after command {sequence} the state's hash is {found} by {_name(core)},"
                    f" and should be {expected}"
                )


def _first_difference(one: bytes, two: bytes) -> int:
    pairs = enumerate(zip(one, two, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(two)))


def _name(core: AuditedCore) -> str:
    return f"{type(core).__module__}.{type(core).__name__}"
