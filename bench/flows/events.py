"""EVENT bytes into words, for tests that reason about them and for messages that people read.

::

    b"\x03\x01..."  --decode-->  Event(kind=FILL, side=1, account=4, ...)  --describe-->  one line
"""

from enum import IntEnum, IntFlag
from types import SimpleNamespace
from typing import Any

import numpy as np

from fxengine.codes import (
    CommandKind,
    ControlMode,
    EventFlag,
    EventKind,
    ExecInst,
    GuardAction,
    OrdStatus,
    OrdType,
    RejectReason,
    RevokeAction,
    SelfTradePrevention,
    Side,
    SwapFlag,
    SwapMode,
    TimeInForce,
    WithdrawalAction,
)
from fxengine.records import (
    AMEND,
    BUST,
    CANCEL,
    CANCEL_EVENT,
    COMMAND,
    CONTROL,
    CREDENTIAL,
    EVENT,
    EVENT_BYTES,
    EVENT_VIEWS,
    GUARD,
    MASS_CANCEL,
    MASS_QUOTE,
    MONEY,
    NEW_ORDER,
    ORDER_DETAIL,
    QUOTE_LEVEL,
    QUOTE_SET,
    RECORD_BYTES,
    REVOKE,
    SETTLED,
    SWAP,
    WITHDRAWAL,
    struct_of,
)

COMMAND_VIEWS = {
    CommandKind.CREDENTIAL: CREDENTIAL,
    CommandKind.NEW_ORDER: NEW_ORDER,
    CommandKind.CANCEL: CANCEL,
    CommandKind.SWAP: SWAP,
    CommandKind.DEPOSIT: MONEY,
    CommandKind.WITHDRAW: MONEY,
    CommandKind.FEE_PAYOUT: MONEY,
    CommandKind.AMEND: AMEND,
    CommandKind.MASS_CANCEL: MASS_CANCEL,
    CommandKind.MASS_QUOTE: MASS_QUOTE,
    CommandKind.GUARD: GUARD,
    CommandKind.REVOKE: REVOKE,
    CommandKind.SETTLED: SETTLED,
    CommandKind.WITHDRAWAL: WITHDRAWAL,
    CommandKind.CONTROL: CONTROL,
    CommandKind.BUST: BUST,
}
_ARRAYS = {"path"}
_KINDS = frozenset(EventKind)
_ACTIONS: dict[EventKind, type[IntEnum]] = {
    EventKind.GUARDED: GuardAction,
    EventKind.REVOKED: RevokeAction,
    EventKind.CONTROLLED: ControlMode,
}
_COMMAND_ACTIONS: dict[CommandKind, type[IntEnum]] = {
    CommandKind.GUARD: GuardAction,
    CommandKind.REVOKE: RevokeAction,
    CommandKind.WITHDRAWAL: WithdrawalAction,
}
_WORDS: dict[str, type[IntEnum | IntFlag]] = {
    "reason": RejectReason,
    "flags": EventFlag,
    "ord_type": OrdType,
    "time_in_force": TimeInForce,
    "self_trade_prevention": SelfTradePrevention,
    "exec_inst": ExecInst,
    "mode": SwapMode,
    "side": Side,
    "status": OrdStatus,
}


def _names(dtype: np.dtype[np.void]) -> list[str]:
    names: list[str] = []
    for name in dtype.names or ():
        if name in _ARRAYS:
            names += [f"{name}_{i}" for i in range(3)]
        elif not name.startswith("reserved"):
            names.append(name)
    return names


class Event(SimpleNamespace):
    """One event: the fields of its kind's dtype by name, as integers."""

    kind: EventKind

    def __getattr__(self, name: str) -> int:
        raise AttributeError(f"a {self.__dict__.get('kind')!r} event has no {name}")


_VIEWS = {kind: EVENT_VIEWS.get(kind, EVENT) for kind in EventKind} | {
    EventKind.REJECTED: CANCEL_EVENT,
}
_READ = {kind: (struct_of(view), _names(view)) for kind, view in _VIEWS.items()}


def decode(events: bytes) -> list[Event]:
    """Read whole EVENT records; a REJECTED one in the fields of CANCEL_EVENT."""
    found = []
    for at in range(0, len(events), EVENT_BYTES):
        kind = EventKind(events[at])
        layout, names = _READ[kind]
        event = Event(**dict(zip(names, layout.unpack_from(events, at), strict=True)))
        event.kind = kind
        found.append(event)
    return found


def describe(record: bytes) -> str:
    """Write one EVENT record as a line; bytes of no known kind as hex."""
    if record[0] not in _KINDS:
        return f"no event of a known kind: {record.hex(' ', 8)}"
    event = decode(record)[0]
    fields = dict(event.__dict__)
    kind = fields.pop("kind")
    if kind in (EventKind.REJECTED, EventKind.ORDER_STATUS):
        fields["answers"] = _word(CommandKind, fields.pop("side"))
    elif kind in _ACTIONS:
        fields["action"] = _word(_ACTIONS[kind], fields.pop("side"))
    return f"{kind.name:<12} {_fields(fields)}"


def describe_command(command: bytes) -> str:
    """Write one command as a line."""
    kind = command[0]
    view = COMMAND_VIEWS[CommandKind(kind)] if kind in COMMAND_VIEWS else COMMAND
    names = [name for name in view.names or () if not name.startswith("reserved")]
    fields = dict(zip(names, struct_of(view).unpack_from(command), strict=True))
    fields.pop("kind")
    if kind == CommandKind.CONTROL:
        fields["mode"] = _word(ControlMode, fields["mode"])
    if kind == CommandKind.SWAP:
        fields["flags"] = _word(SwapFlag, fields["flags"])
    if "action" in fields:
        fields["action"] = _word(_COMMAND_ACTIONS[CommandKind(kind)], fields["action"])
    return f"{_word(CommandKind, kind)} {_fields(fields)}{_more(kind, command[RECORD_BYTES:], fields)}"


def _more(kind: int, rest: bytes, fields: dict[str, Any]) -> str:
    """Write the records after a command's first."""
    if kind == CommandKind.NEW_ORDER and len(rest) == RECORD_BYTES:
        stop_price_ticks, min_lots = struct_of(ORDER_DETAIL).unpack(rest)
        return f" {_fields({'stop_price_ticks': stop_price_ticks, 'min_lots': min_lots})}"
    if kind != CommandKind.MASS_QUOTE:
        return f" +{len(rest) // RECORD_BYTES} records" if rest else ""
    heading, level, at, words = struct_of(QUOTE_SET), struct_of(QUOTE_LEVEL), 0, ""
    for _ in range(fields["n_sets"]):
        if at + heading.size > len(rest):
            return words + " and then too little"
        instrument, n_bids, n_offers = heading.unpack_from(rest, at)
        at += heading.size
        levels = [f"{p} x {n}" for p, n in level.iter_unpack(rest[at : at + (n_bids + n_offers) * level.size])]
        at += (n_bids + n_offers) * level.size
        words += f"; {instrument}: bids {', '.join(levels[:n_bids])} offers {', '.join(levels[n_bids:])}"
    return words


def _fields(fields: dict[str, Any]) -> str:
    """Write what is not zero, with names for numbers that have one."""
    words = []
    for name, value in fields.items():
        if isinstance(value, bytes):
            words.append(f"{name}={value.hex()}")
        elif value:
            words.append(f"{name}={_word(_WORDS[name], value) if name in _WORDS else value}")
    return " ".join(words)


def _word(enumeration: type[IntEnum | IntFlag], value: int) -> str:
    try:
        word = enumeration(value)
    except ValueError:
        return str(value)
    return f"{word.name or value}"
