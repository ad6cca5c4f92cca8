"""Orders whose details contradict each other, amends that come too late, and ladders that do not stand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.flows import commands
from bench.flows.commands import Quotes
from bench.flows.population import Member
from bench.flows.trading import SIDES, affordable_lots, may_trade_in, name, opposite
from bench.flows.wrong_orders import order
from fxengine.codes import OrdType, SelfTradePrevention, Side, TimeInForce
from fxengine.money import INT64_MAX
from fxengine.records import PRICE_TICKS_MAX, QUANTITY_LOTS_MAX, QUOTE_LEVELS_MAX

if TYPE_CHECKING:
    from bench.flows.flow import Flow

GTD, IOC, FOK = TimeInForce.GTD, TimeInForce.IOC, TimeInForce.FOK


def bad_detail(flow: Flow, member: Member) -> bytes:
    """EXPIRE_TIME_PASSED, BAD_DISPLAY_QTY, BAD_MIN_QTY, BAD_STOP_PRICE, BAD_SELF_TRADE_PREVENTION, type and time."""
    at = max(flow.stamp(), flow.core.now_ns)
    stop: dict[str, int] = {"ord_type": OrdType.STOP}
    wrong: list[dict[str, int]] = [
        {"time_in_force": GTD, "expire_ns": at}, {"time_in_force": GTD}, {"expire_ns": at + 9_000},
        {"time_in_force": GTD, "expire_ns": -1}, {"display_lots": 2}, {"display_lots": -1},
        {"display_lots": 1, "time_in_force": IOC}, {"min_lots": 1}, {"min_lots": 2, "time_in_force": IOC},
        {"min_lots": -1, "time_in_force": IOC}, {"min_lots": 1, "time_in_force": FOK},
        {"self_trade_prevention": SelfTradePrevention.DECREMENT + 1}, {"self_trade_prevention": 255},
        {"stop_price_ticks": 5}, stop, {"ord_type": OrdType.STOP_LIMIT, "stop_price_ticks": PRICE_TICKS_MAX + 1},
        stop | {"stop_price_ticks": -1}, stop | {"stop_price_ticks": 5, "time_in_force": IOC},
        stop | {"stop_price_ticks": 5, "display_lots": 1}, {"ord_type": OrdType.MARKET},
    ]  # fmt: skip
    return order(flow, member, **({"time_ns": at} | flow.rng.choice(wrong)))


def too_little_there(flow: Flow, member: Member) -> bytes | None:
    """MIN_QTY_NOT_FILLABLE: one lot more than shows within the price."""
    instrument, side = flow.rng.choice(may_trade_in(flow, member)), flow.rng.choice(SIDES)
    levels = flow.core.depth(instrument, opposite(side), 1)
    price = levels[0][0] if levels else flow.mid_ticks[instrument]
    wanted = (levels[0][1] if levels else 0) + 1
    if affordable_lots(flow, member, instrument, side, price) < wanted:
        return None
    return order(
        flow, member, instrument=instrument, side=side, price_ticks=price, quantity_lots=wanted, min_lots=wanted,
        time_in_force=IOC,
    )  # fmt: skip


def bad_amend(flow: Flow, member: Member) -> bytes | None:
    """CUM_QTY_MISMATCH, NOT_AMENDABLE, UNKNOWN_ORDER, ORDER_CLOSED, and amends to sizes that no order may have."""
    rng = flow.rng
    own_id, at = flow.take_id(member), flow.stamp()
    throw = rng.randrange(6)
    if throw == 0:
        ids = rng.choice(({"order_id": 0}, {"order_id": 99}, {"orig_client_order_id": flow.next_id(member) + 1}))
        return commands.amend(member.number, own_id, price_ticks=1, quantity_lots=1, time_ns=at, **ids)
    if throw == 1 and member.orders.quotes:
        quote = rng.choice(list(member.orders.quotes))
        return commands.amend(member.number, own_id, order_id=quote, price_ticks=1, quantity_lots=1, time_ns=at)
    if throw == 2 and member.orders.closed:
        ended = member.orders.closed[-1].client_order_id
        return commands.amend(
            member.number, own_id, orig_client_order_id=ended, price_ticks=1, quantity_lots=1, time_ns=at
        )
    found = member.orders.pick(rng)
    if found is None:
        return None
    right = {"price_ticks": found.price_ticks, "quantity_lots": found.cum_lots + found.leaves_lots}
    beyond = affordable_lots(flow, member, found.instrument, found.side, found.price_ticks) + 1
    wrong: dict[str, int] = rng.choice(
        (
            {"expected_cum_lots": found.cum_lots + 1}, {"expected_cum_lots": INT64_MAX}, {"price_ticks": 0},
            {"quantity_lots": found.cum_lots}, {"price_ticks": PRICE_TICKS_MAX + 1},
            {"quantity_lots": QUANTITY_LOTS_MAX}, {"quantity_lots": -1},
            {"quantity_lots": min(right["quantity_lots"] + beyond, QUANTITY_LOTS_MAX)},
        )
    )  # fmt: skip
    return commands.amend(member.number, own_id, time_ns=at, **(right | wrong | name(flow, member, found)))


def crossing_amend(flow: Flow, member: Member) -> bytes | None:
    """WOULD_CROSS, where the order is post-only: a price at the other side's best; else it trades."""
    found = member.orders.pick(flow.rng)
    levels = flow.core.depth(found.instrument, opposite(found.side), 1) if found else []
    if found is None or not levels:
        return None
    return commands.amend(
        member.number, flow.take_id(member), price_ticks=levels[0][0],
        quantity_lots=found.cum_lots + found.leaves_lots, time_ns=flow.stamp(), **name(flow, member, found),
    )  # fmt: skip


def bad_quotes(flow: Flow, member: Member) -> bytes:
    """BAD_QUOTE_SET and whatever else a set may be refused for: out of order, crossed, crossing, too much, too long."""
    rng = flow.rng
    instrument = rng.choice(may_trade_in(flow, member))
    mid = flow.mid_ticks[instrument]
    best = {side: flow.core.depth(instrument, side, 1) for side in Side}
    offers, bids = best[Side.SELL], best[Side.BUY]
    own_id, at = flow.take_id(member), flow.stamp()
    long = [(price, 1) for price in range(mid + QUOTE_LEVELS_MAX + 1, mid, -1)]
    wrong = rng.choice(
        (
            Quotes(instrument, [(mid, 1), (mid, 1)]), Quotes(instrument, [(mid, 1), (mid + 1, 1)]),
            Quotes(instrument, (), [(mid, 1), (mid - 1, 1)]), Quotes(instrument, [(mid, 1)], [(mid, 1)]),
            Quotes(instrument, [(0, 1)]), Quotes(instrument, [(mid, 0)]), Quotes(len(flow.scenario.pairs), [(mid, 1)]),
            Quotes(instrument, [(mid, QUANTITY_LOTS_MAX)]), Quotes(instrument, [], [(mid, QUANTITY_LOTS_MAX)]),
            Quotes(instrument, [(offers[0][0], 1)] if offers else [(-1, 1)]),
            Quotes(instrument, [], [(bids[0][0], 1)] if bids else [(PRICE_TICKS_MAX + 1, 1)]),
            Quotes(instrument, long),
        )
    )  # fmt: skip
    n_sets = rng.choice((None, None, None, None, 0, 9))
    return commands.mass_quote(member.number, own_id, wrong, n_sets=n_sets, time_ns=at)


def bad_mass_cancel(flow: Flow, member: Member) -> bytes:
    """UNKNOWN_INSTRUMENT, BAD_SIDE, UNKNOWN_ACCOUNT, NOT_AUTHORIZED: a mass cancel of what is not one's own."""
    other = flow.rng.choice([m for m in flow.population.members if m is not member])
    wrong: dict[str, int] = flow.rng.choice(
        (
            {"instrument": len(flow.scenario.pairs)}, {"side": 3}, {"target": 1}, {"target": flow.core.n_accounts},
            {"target": other.number},
        )
    )  # fmt: skip
    return commands.mass_cancel(member.number, flow.take_id(member), time_ns=flow.stamp(), **wrong)
