"""Withdrawals and external references, followed by their events alone: each number begins once and ends once."""

from bench.flows import Core, Event
from fxengine.codes import CUSTODY_ACCOUNT, EventKind

_ENDS = (EventKind.WITHDRAWN, EventKind.WITHDRAWAL_RETURNED)
_NONE = bytes(16)


class WithdrawalAudit:
    """Follows what is held for withdrawals; AssertionError where one ends otherwise than it began, or twice."""

    def __init__(self) -> None:
        self.open: dict[int, tuple[int, int, int, int]] = {}
        self.references: set[bytes] = set()

    def observe(self, core: Core, events: list[Event]) -> None:
        """Follow one command's events."""
        for event in events:
            if event.kind is EventKind.WITHDRAWAL_HELD:
                assert event.withdrawal == event.sequence, f"a withdrawal is numbered otherwise: {event}"
                assert (event.counterparty, event.amount_units > 0) == (CUSTODY_ACCOUNT, True), event
                self.open[event.withdrawal] = (event.withdrawal, event.account, event.instrument, event.amount_units)
            elif event.kind in _ENDS:
                began = self.open.pop(event.withdrawal, None)
                ended = (event.withdrawal, event.account, event.instrument, event.amount_units)
                assert began == ended, f"{ended} ends, and {began} was asked for"
                if event.kind is EventKind.WITHDRAWN:
                    assert event.withdrawal <= core.final_sequence, f"paid before it was FINAL: {event}"
            elif event.kind is EventKind.DEPOSITED and event.external_id != _NONE:
                assert event.external_id not in self.references, f"one reference was credited twice: {event}"
                self.references.add(event.external_id)

    def compare(self, core: Core) -> None:
        """Hold what waits against what the core says."""
        assert core.open_withdrawals(0, 0, 100_000) == list(self.open.values())
