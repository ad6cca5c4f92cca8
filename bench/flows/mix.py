"""What a flow consisted of: shares of kinds, trades and refusals, and the reasons that were met."""

from collections import Counter

from fxengine.codes import (
    CommandKind,
    EventFlag,
    EventKind,
    OrdType,
    RejectReason,
    SelfTradePrevention,
    TimeInForce,
)
from fxengine.records import EVENT_BYTES, NEW_ORDER, ORDER_DETAIL, RECORD_BYTES, struct_of

_FIRST_REASON_OF_THE_CORE = RejectReason.UNKNOWN_INSTRUMENT

CORE_REASONS: frozenset[RejectReason] = frozenset(
    {
        RejectReason.UNKNOWN_COMMAND,
        RejectReason.CURRENCY_NOT_PERMITTED,
        RejectReason.CREDENTIAL_EXPIRED,
        RejectReason.CREDENTIAL_SUPERSEDED,
        RejectReason.NOT_AUTHORIZED,
        RejectReason.UNKNOWN_ACCOUNT,
        RejectReason.IDENTITY_MISMATCH,
        RejectReason.PAYEE_NOT_PERMITTED,
        RejectReason.TOKEN_REVOKED,
        RejectReason.ACCOUNT_FROZEN,
    }
    | {reason for reason in RejectReason if reason >= _FIRST_REASON_OF_THE_CORE}
) - {RejectReason.RESERVES_EXCEEDED}
"""The reasons that the core itself gives; the rest are the gateway's."""


FEATURES: frozenset[str] = frozenset(
    {word.name for word in (*OrdType, *TimeInForce)}
    | {mode.name for mode in SelfTradePrevention if mode}
    | {"POST_ONLY", "ICEBERG", "MIN_QTY"}
)
"""What an accepted order may be, by name."""
_ORDER, _DETAIL = struct_of(NEW_ORDER), struct_of(ORDER_DETAIL)


def features_of(command: bytes) -> set[str]:
    """Name what an accepted NEW_ORDER is: its type, its time in force, and what else it asks for."""
    *_, ord_type, time_in_force, exec_inst, prevention, _, _, _, display_lots = _ORDER.unpack_from(command)
    min_lots = _DETAIL.unpack_from(command, RECORD_BYTES)[1] if len(command) > RECORD_BYTES else 0
    found = {OrdType(ord_type).name, TimeInForce(time_in_force).name}
    asked = {"POST_ONLY": exec_inst, "ICEBERG": display_lots, "MIN_QTY": min_lots}
    return (
        found
        | {name for name, value in asked.items() if value}
        | ({SelfTradePrevention(prevention).name} if prevention else set())
    )


class Mix:
    """Counts of commands by kind, and of what they led to."""

    def __init__(self) -> None:
        self.commands = 0
        self.kinds: Counter[int] = Counter()
        self.events: Counter[EventKind] = Counter()
        self.trades = 0
        self.refused: Counter[RejectReason] = Counter()
        self.canceled: Counter[RejectReason] = Counter()
        self.features: Counter[str] = Counter()

    def count(self, command: bytes, events: bytes) -> None:
        """Count one command and its events."""
        self.commands += 1
        self.kinds[command[0]] += 1
        if command[0] == CommandKind.NEW_ORDER and EventKind.ACCEPTED in events[::EVENT_BYTES]:
            self.features.update(features_of(command))
        for at in range(0, len(events), EVENT_BYTES):
            kind = EventKind(events[at])
            self.events[kind] += 1
            if kind is EventKind.FILL:
                self.trades += bool(events[at + 7] & EventFlag.MAKER)
            elif kind is EventKind.REJECTED or kind is EventKind.CANCELED:
                reason = RejectReason(int.from_bytes(events[at + 2 : at + 4], "little"))
                (self.refused if kind is EventKind.REJECTED else self.canceled)[reason] += 1

    def add(self, other: "Mix") -> None:
        """Take another mix's counts into this one."""
        self.commands += other.commands
        self.trades += other.trades
        for mine, theirs in zip(self._counters(), other._counters(), strict=True):
            mine.update(theirs)

    def _counters(self) -> tuple[Counter[int], ...]:
        return self.kinds, self.events, self.refused, self.canceled, self.features  # type: ignore[return-value]

    def share(self, kind: CommandKind) -> float:
        """Return a kind's share of all commands."""
        return self.kinds[kind] / self.commands

    @property
    def trade_share(self) -> float:
        """Trades (each two fills) per command."""
        return self.trades / self.commands

    @property
    def refused_share(self) -> float:
        """Refusals per command."""
        return self.events[EventKind.REJECTED] / self.commands

    @property
    def reasons(self) -> set[RejectReason]:
        """Every reason met, in refusals and in cancels."""
        return {*self.refused, *self.canceled} - {RejectReason.NONE}

    def __str__(self) -> str:
        kinds = ", ".join(f"{kind.name} {self.share(kind):.1%}" for kind in CommandKind)
        return (
            f"{self.commands} commands: {kinds}; {self.trade_share:.1%} trades, {self.refused_share:.1%} refused, "
            f"{len(self.reasons)} reasons"
        )
