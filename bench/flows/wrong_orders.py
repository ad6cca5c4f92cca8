"""Orders and cancels that should be refused, one function per reason or two.

The writer at the top makes an order that is right but for what it is told to make wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.flows import commands
from bench.flows.population import Member
from bench.flows.trading import SIDES, affordable_lots, may_trade_in, opposite, typical_lots
from fxengine.codes import ExecInst, Side, TimeInForce
from fxengine.money import INT64_MAX
from fxengine.records import PRICE_TICKS_MAX, QUANTITY_LOTS_MAX

if TYPE_CHECKING:
    from bench.flows.flow import Flow

UINT64_MAX = 2**64 - 1
FEW_FILLS = 16
A_FACTOR_OF_INT64_MAX = 649_657


def order(flow: Flow, member: Member, **wrong: int) -> bytes:
    """Write an order of one lot at the best own price, but for what is wrong."""
    instrument = flow.rng.choice(may_trade_in(flow, member))
    right = {
        "instrument": instrument, "side": flow.rng.choice(SIDES), "price_ticks": flow.mid_ticks[instrument],
        "quantity_lots": 1, "time_ns": flow.stamp(),
    }  # fmt: skip
    client_order_id = wrong.pop("client_order_id", None)
    if client_order_id is None:
        client_order_id = flow.take_id(member)
    return commands.new_order(member.number, client_order_id, **(right | wrong))


def bad_price(flow: Flow, member: Member) -> bytes:
    """PRICE_OUT_OF_RANGE: below one tick, or above the largest price."""
    return order(flow, member, price_ticks=flow.rng.choice((0, -1, -(2**63), PRICE_TICKS_MAX + 1, INT64_MAX)))


def bad_quantity(flow: Flow, member: Member) -> bytes:
    """QUANTITY_OUT_OF_RANGE: no lots, fewer than none, or too many."""
    return order(flow, member, quantity_lots=flow.rng.choice((0, -1, -(2**63), QUANTITY_LOTS_MAX + 1, INT64_MAX)))


def too_large(flow: Flow, member: Member) -> bytes:
    """NOTIONAL_TOO_LARGE: as far as the fields go, and one lot above the bound; at it, merely unfunded."""
    instrument = flow.rng.choice(may_trade_in(flow, member))
    tick_lot = flow.scenario.pairs[instrument].tick_lot_units
    price, lots = PRICE_TICKS_MAX, QUANTITY_LOTS_MAX
    if flow.rng.random() < 0.7:
        price = flow.rng.choice((PRICE_TICKS_MAX, A_FACTOR_OF_INT64_MAX))
        lots = INT64_MAX // (price * tick_lot) + flow.rng.randrange(2)
    return order(flow, member, instrument=instrument, price_ticks=price, quantity_lots=max(lots, 1))


def large_remainder(flow: Flow, member: Member) -> bytes | None:
    """NOTIONAL_TOO_LARGE, as a cancel: a seller paid so well that what rests would exceed int64."""
    for instrument in may_trade_in(flow, member):
        pair = flow.scenario.pairs[instrument]
        bids = flow.core.depth(instrument, Side.BUY, 1)
        limit = bids[0][0] // 2 if bids else 0
        lots = INT64_MAX // (limit * pair.tick_lot_units) if limit else 0
        if 0 < lots * pair.lot_units <= flow.available(member, pair.base):
            return order(flow, member, instrument=instrument, side=Side.SELL, price_ticks=limit, quantity_lots=lots)
    return None


def would_cross(flow: Flow, member: Member) -> bytes | None:
    """WOULD_CROSS: post-only at the other side's best."""
    instrument, side = flow.rng.choice(may_trade_in(flow, member)), flow.rng.choice(SIDES)
    best = flow.core.depth(instrument, opposite(side), 1)
    if not best:
        return None
    return order(flow, member, instrument=instrument, side=side, price_ticks=best[0][0], exec_inst=ExecInst.POST_ONLY)


def unfillable(flow: Flow, member: Member) -> bytes | None:
    """FOK_NOT_FILLABLE: one lot more than stands at the best prices, or anything where nothing stands."""
    instrument, side = flow.rng.choice(may_trade_in(flow, member)), flow.rng.choice(SIDES)
    levels = flow.core.depth(instrument, opposite(side), 2)
    price = levels[-1][0] if levels else flow.mid_ticks[instrument]
    wanted = sum(lots for _, lots in levels) + 1
    if affordable_lots(flow, member, instrument, side, price) < wanted:
        return None
    return order(
        flow, member, instrument=instrument, side=side, price_ticks=price, quantity_lots=wanted,
        time_in_force=TimeInForce.FOK,
    )  # fmt: skip


def too_many_fills(flow: Flow, member: Member) -> bytes | None:
    """TOO_MANY_FILLS, where few are allowed: take a whole side of a book."""
    if flow.scenario.max_fills > FEW_FILLS:
        return None
    instrument, side = flow.rng.choice(may_trade_in(flow, member)), flow.rng.choice(SIDES)
    levels = flow.core.depth(instrument, opposite(side), FEW_FILLS)
    if not levels:
        return None
    affordable = affordable_lots(flow, member, instrument, side, levels[-1][0])
    lots = min(sum(lots for _, lots in levels), affordable)
    if not lots:
        return None
    return order(
        flow, member, instrument=instrument, side=side, price_ticks=levels[-1][0], quantity_lots=lots,
        time_in_force=flow.rng.choice((TimeInForce.FOK, TimeInForce.FOK, TimeInForce.IOC, TimeInForce.GTC)),
    )  # fmt: skip


def full_store(flow: Flow, member: Member) -> bytes | None:
    """CAPACITY: another order when as many rest as the venue holds."""
    if flow.core.n_orders < flow.scenario.max_orders:
        return None
    return order(flow, member, quantity_lots=typical_lots(flow) % 3 + 1)


def unknown_order(flow: Flow, member: Member) -> bytes:
    """UNKNOWN_ORDER: never given, another's, or of an earlier use of a slot."""
    rng = flow.rng
    other = flow.population.pick(rng, lambda m: m is not member and bool(m.orders.open))
    candidates = [rng.randrange(UINT64_MAX), rng.randrange(100), 1 << 32, 1]
    if other and (found := other.orders.pick(rng)):
        candidates += [found.order_id] * 3
    candidates += [ended.order_id for ended in member.orders.closed]
    if rng.random() < 0.2:
        named = {"orig_client_order_id": rng.choice((0, flow.next_id(member) + 1, UINT64_MAX))}
    else:
        named = {"order_id": rng.choice(candidates)}
    return commands.cancel(member.number, rng.choice((0, flow.take_id(member))), time_ns=flow.stamp(), **named)


def closed_order(flow: Flow, member: Member) -> bytes | None:
    """ORDER_CLOSED: by the client id of an order that has ended."""
    if not member.orders.closed:
        return None
    client_order_id = member.orders.closed[-1].client_order_id
    own_id = flow.take_id(member)
    return commands.cancel(member.number, own_id, orig_client_order_id=client_order_id, time_ns=flow.stamp())


def bad_client_id(flow: Flow, member: Member) -> bytes:
    """CLIENT_ID_MISSING, CLIENT_ID_TOO_HIGH, CLIENT_ID_TOO_OLD: at the window's edges and far off."""
    highest, window = flow.next_id(member) - 1, flow.scenario.window
    ids = [0, highest + window + 1, UINT64_MAX, highest + 10**6, max(highest - window, 0), max(highest - window, 0)]
    return order(flow, member, client_order_id=flow.rng.choice(ids))


def reused_id(flow: Flow, member: Member) -> bytes | None:
    """CLIENT_ID_REUSED: the last command's id, with another body."""
    if not member.recent:
        return None
    last = member.recent[-1]
    changed = bytearray(commands.at_time(last, flow.stamp()))
    changed[flow.rng.choice((25, 32, 40, 63))] ^= 1
    return bytes(changed)
