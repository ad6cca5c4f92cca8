"""The canonical state bytes as named parts, so that two states can be compared in words.

Written from the layout in ``fxengine.reference.canonical``'s docstring and not with its code: it
also says whether that docstring is true.
"""

import struct
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

_HEAD = struct.Struct("<8sQqIIII")
_ACCOUNT = struct.Struct("<16sBB2sIqq4Q16sIQQI")
_BALANCE = struct.Struct("<qq")
_OUTCOME = struct.Struct("<QQQQBBH4xqq")
_BOOK = struct.Struct("<QIIII")
_ORDER = struct.Struct("<IIQQIIBBBBHBxIqqqqqq")
_NUMBER = struct.Struct("<I")
_MARK = struct.Struct("<IIq")
_TOKEN = struct.Struct("<16s")
_SEQUENCE = struct.Struct("<Q")
_BUST = struct.Struct(">QQ")
_CONTROLS = struct.Struct("<II")
_WITHDRAWAL = struct.Struct("<QqIH2x")

_HEAD_NAMES = ("magic", "sequence", "now_ns", "currencies", "instruments", "accounts", "slots")
_ACCOUNT_NAMES = (
    "identity", "flags", "level", "jurisdiction", "window", "issued_at_ns", "expires_ns",
    "permitted_0", "permitted_1", "permitted_2", "permitted_3", "token_id", "trade_group", "client_id_highest",
    "stream", "outcomes",
)  # fmt: skip
_OUTCOME_NAMES = (
    "client_order_id", "body_hash", "sequence", "order_id", "kind", "status", "reason", "done", "notional_units",
)  # fmt: skip
_ORDER_NAMES = (
    "slot", "account", "client_order_id", "entry_sequence", "price_ticks", "stop_price_ticks", "side", "ord_type",
    "exec_inst", "self_trade_prevention", "instrument", "is_quote", "fee_credit", "leaves_lots", "shown_lots",
    "display_lots", "cum_lots", "notional_units", "expire_ns",
)  # fmt: skip


class Part(NamedTuple):
    """One record of the state: where it belongs, and its fields."""

    where: str
    fields: dict[str, Any]


def parts(state: bytes) -> Iterator[Part]:
    """Walk the state; struct.error when it ends early."""
    at = 0

    def take(layout: struct.Struct, names: Sequence[str]) -> dict[str, Any]:
        nonlocal at
        values = layout.unpack_from(state, at)
        at += layout.size
        return dict(zip(names, values, strict=True))

    head = take(_HEAD, _HEAD_NAMES)
    yield Part("head", head)
    for number in range(head["accounts"]):
        account = take(_ACCOUNT, _ACCOUNT_NAMES)
        yield Part(f"account {number}", account)
        for currency in range(head["currencies"]):
            yield Part(f"account {number}, balance in currency {currency}", take(_BALANCE, ("available", "held")))
        for _ in range(account["outcomes"]):
            outcome = take(_OUTCOME, _OUTCOME_NAMES)
            yield Part(f"account {number}, outcome of client id {outcome['client_order_id']}", outcome)
    for slot in range(head["slots"]):
        yield Part(f"slot {slot + 1}", take(_NUMBER, ("generation",)))
    free = take(_NUMBER, ("free",))
    yield Part("free slots", free)
    for place in range(free["free"]):
        yield Part(f"free slot {place}, the last is used next", take(_NUMBER, ("slot",)))
    for instrument in range(head["instruments"]):
        book = take(_BOOK, ("stream", "last_price_ticks", "bids", "asks", "stops"))
        yield Part(f"book {instrument}", book)
        for side in ("bid", "ask"):
            for place in range(book[f"{side}s"]):
                yield Part(f"book {instrument}, {side} {place} in priority", take(_ORDER, _ORDER_NAMES))
        for place in range(book["stops"]):
            yield Part(f"book {instrument}, stop {place} by entry", take(_ORDER, _ORDER_NAMES))
    triggered = take(_NUMBER, ("triggered",))
    yield Part("triggered stops", triggered)
    for place in range(triggered["triggered"]):
        yield Part(f"triggered stop {place} in turn", take(_ORDER, _ORDER_NAMES))
    if at == len(state):
        return
    marked = take(_NUMBER, ("marked",))
    yield Part("marked accounts", marked)
    for place in range(marked["marked"]):
        yield Part(f"marked account {place}", take(_MARK, ("account", "marks", "dead_man_ns")))
    revoked = take(_NUMBER, ("revoked",))
    yield Part("revoked tokens", revoked)
    for place in range(revoked["revoked"]):
        yield Part(f"revoked token {place}", take(_TOKEN, ("token_id",)))
    if at == len(state):
        return
    yield Part("settlement", take(_SEQUENCE, ("final_sequence",)))
    waiting = take(_NUMBER, ("open_withdrawals",))
    yield Part("open withdrawals", waiting)
    for place in range(waiting["open_withdrawals"]):
        yield Part(f"open withdrawal {place}", take(_WITHDRAWAL, ("number", "amount_units", "account", "currency")))
    deposits = take(_NUMBER, ("deposits",))
    yield Part("external ids of deposits", deposits)
    for place in range(deposits["deposits"]):
        yield Part(f"external id {place}", take(_TOKEN, ("external_id",)))
    if at == len(state):
        return
    controls = take(_CONTROLS, ("venue_mode", "closed"))
    yield Part("controls", controls)
    for place in range(controls["closed"]):
        yield Part(f"closed currency {place}", take(_NUMBER, ("currency",)))
    if at == len(state):
        return
    busts = take(_NUMBER, ("busted",))
    yield Part("busted trades", busts)
    for place in range(busts["busted"]):
        yield Part(f"busted trade {place}", take(_BUST, ("instrument", "number")))
    if at != len(state):
        yield Part("after all that is known", {"bytes": state[at:]})


def first_difference(expected: bytes, actual: bytes) -> str:
    """Say in words where two states first differ."""
    try:
        for left, right in zip(parts(expected), parts(actual), strict=False):
            if left != right:
                return _words(left, right)
    except struct.error:
        pass
    same = next((i for i, (a, b) in enumerate(zip(expected, actual, strict=False)) if a != b), None)
    at = min(len(expected), len(actual)) if same is None else same
    return f"byte {at} ({len(expected)} bytes expected, {len(actual)} found)"


def _words(left: Part, right: Part) -> str:
    if left.where != right.where:
        return f"expected {left.where} {left.fields}, found {right.where} {right.fields}"
    changed = [
        f"{name} {left.fields[name]} / {value}" for name, value in right.fields.items() if left.fields[name] != value
    ]
    return f"{left.where}: {', '.join(changed)} (expected / found)"
