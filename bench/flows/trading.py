"""Intents of those who trade: orders of every type near and far, amends, cancels, swaps, and retries."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from bench.flows import commands
from bench.flows.population import Member, OpenOrder, Role
from fxengine.codes import ExecInst, OrdType, SelfTradePrevention, Side, SwapFlag, TimeInForce
from fxengine.money import INT64_MAX
from fxengine.records import PRICE_TICKS_MAX, QUANTITY_LOTS_MAX

if TYPE_CHECKING:
    from bench.flows.flow import Flow

SIDES = (Side.BUY, Side.SELL)


def opposite(side: Side) -> Side:
    """Return the side that this one trades against."""
    return Side.SELL if side is Side.BUY else Side.BUY


def clamp(price_ticks: int) -> int:
    """Bring a price into its range."""
    return min(max(price_ticks, 1), PRICE_TICKS_MAX)


def affordable_lots(flow: Flow, member: Member, instrument: int, side: Side, price_ticks: int) -> int:
    """Return the largest order that the member's available balance holds."""
    pair = flow.scenario.pairs[instrument]
    paid, units = (pair.quote, price_ticks * pair.tick_lot_units) if side is Side.BUY else (pair.base, pair.lot_units)
    worth = INT64_MAX // (price_ticks * pair.tick_lot_units)
    return min(flow.available(member, paid) // units, worth, QUANTITY_LOTS_MAX)


def order(
    flow: Flow, member: Member, instrument: int, side: Side, price_ticks: int, lots: int, **more: int
) -> bytes | None:
    """Write an order for what the member can afford of it; None when that is nothing."""
    lots = min(lots, affordable_lots(flow, member, instrument, side, price_ticks))
    if lots < 1:
        return None
    more |= {part: min(more[part], lots) for part in ("display_lots", "min_lots") if part in more}
    return commands.new_order(
        member.number, flow.take_id(member), instrument=instrument, side=side, price_ticks=price_ticks,
        quantity_lots=lots, time_ns=flow.stamp(), **more,
    )  # fmt: skip


def typical_lots(flow: Flow) -> int:
    """Draw a quantity: mostly about the typical, sometimes one lot, sometimes many times as much."""
    throw = flow.rng.random()
    if throw < 0.05:
        return 1
    return 1 + int(flow.rng.expovariate(1 / flow.scenario.lots) * (20 if throw > 0.95 else 1))


def may_trade_in(flow: Flow, member: Member) -> list[int]:
    """Return the instruments of which a member may hold both currencies."""
    return [i for i, pair in enumerate(flow.scenario.pairs) if {pair.base, pair.quote} <= member.permitted]


def quote(flow: Flow) -> bytes | None:
    """Rest an order on its side of the middle, which drifts; now and then it crosses after all."""
    rng = flow.rng
    maker = flow.trader(Role.MAKER, Role.GUEST)
    if maker is None:
        return None
    instrument, side = rng.choice(may_trade_in(flow, maker)), rng.choice(SIDES)
    spread = flow.scenario.spread_ticks
    if rng.random() < 0.05:
        pair = flow.scenario.pairs[instrument]
        drifted = flow.mid_ticks[instrument] + rng.randint(-spread // 4, spread // 4 + 1)
        flow.mid_ticks[instrument] = min(max(drifted, pair.mid_ticks // 2), pair.mid_ticks * 3 // 2)
    away = int(rng.expovariate(1 / spread)) + rng.randrange(2)
    price = clamp(flow.mid_ticks[instrument] + (-away if side is Side.BUY else away))
    lots = typical_lots(flow)
    return order(flow, maker, instrument, side, price, lots, **(habits(flow) | iceberg(flow, lots)))


def habits(flow: Flow) -> dict[str, int]:
    """Draw what an order that may rest can say besides: how long it lives, and what of its own it may meet."""
    rng, said = flow.rng, prevention(flow)
    if rng.random() < 0.2:
        life_ns = rng.choice((2_000, 20_000, flow.scenario.life_ns))
        said |= {"time_in_force": TimeInForce.GTD, "expire_ns": flow.now_ns + 2_000 + rng.randrange(life_ns)}
    return said


def prevention(flow: Flow) -> dict[str, int]:
    """Draw a mode of self-trade prevention; mostly none."""
    modes = (*SelfTradePrevention, SelfTradePrevention.DECREMENT)
    mode = flow.rng.choice(modes) if flow.rng.random() < 0.4 else SelfTradePrevention.NONE
    return {"self_trade_prevention": mode}


def iceberg(flow: Flow, lots: int) -> dict[str, int]:
    """Draw how much of an order is shown; mostly all, and once in a while all by saying so."""
    shown = 1 + flow.rng.randrange(-(-lots // 2)) if flow.rng.random() < 0.9 else lots
    return {"display_lots": shown} if flow.rng.random() < 0.25 else {}


def post_only(flow: Flow) -> bytes | None:
    """Rest an order behind the other side's best."""
    rng = flow.rng
    maker = flow.trader(Role.MAKER, Role.GUEST)
    if maker is None:
        return None
    instrument, side = rng.choice(may_trade_in(flow, maker)), rng.choice(SIDES)
    best = flow.core.depth(instrument, opposite(side), 1)
    start = best[0][0] if best else flow.mid_ticks[instrument]
    away = 1 + rng.randrange(flow.scenario.spread_ticks)
    price = clamp(start + (-away if side is Side.BUY else away))
    more = habits(flow) | {"exec_inst": ExecInst.POST_ONLY}
    return order(flow, maker, instrument, side, price, typical_lots(flow), **more)


def far_order(flow: Flow) -> bytes | None:
    """Rest an order that nothing will reach for long, up to the ends of the price range."""
    rng = flow.rng
    member = flow.trader(Role.MAKER, Role.PAYER)
    if member is None:
        return None
    instrument, side = rng.choice(may_trade_in(flow, member)), rng.choice(SIDES)
    mid = flow.mid_ticks[instrument]
    far = rng.choice((1, mid // 3) if side is Side.BUY else (mid * 3, PRICE_TICKS_MAX))
    return order(flow, member, instrument, side, clamp(far), typical_lots(flow))


def cross(flow: Flow) -> bytes | None:
    """Take what stands on the other side, as IOC or with the rest joining the book."""
    rng = flow.rng
    taker = flow.trader(Role.PAYER, Role.PAYER, Role.MAKER, Role.GUEST)
    if taker is None:
        return None
    instrument, side = rng.choice(may_trade_in(flow, taker)), rng.choice(SIDES)
    levels = flow.core.depth(instrument, opposite(side), flow.scenario.reach)
    if not levels:
        return None
    reached = levels[: 1 + rng.randrange(len(levels))]
    price, lots = reached[-1][0], sum(lots for _, lots in reached)
    wanted = rng.choice((typical_lots(flow), typical_lots(flow), lots, lots + 1, 1 + rng.randrange(lots)))
    if rng.random() < 0.3:
        return order(flow, taker, instrument, side, price, wanted, **habits(flow))
    more = prevention(flow) | {"time_in_force": TimeInForce.IOC}
    if rng.random() < 0.25:
        more["min_lots"] = 1 + rng.randrange(min(wanted, lots))
    return order(flow, taker, instrument, side, price, wanted, **more)


def market(flow: Flow) -> bytes | None:
    """Take at any price up to a protection, as much as stands there or more."""
    rng = flow.rng
    taker = flow.trader(Role.PAYER, Role.MAKER, Role.GUEST)
    if taker is None:
        return None
    instrument, side = rng.choice(may_trade_in(flow, taker)), rng.choice(SIDES)
    levels = flow.core.depth(instrument, opposite(side), flow.scenario.reach)
    if not levels:
        return None
    price, lots = levels[-1][0], levels[0][1]
    more = prevention(flow) | {"ord_type": OrdType.MARKET, "time_in_force": TimeInForce.IOC}
    if rng.random() < 0.2:
        more["time_in_force"] = TimeInForce.FOK
    return order(flow, taker, instrument, side, price, 1 + rng.randrange(lots), **more)


def stop(flow: Flow) -> bytes | None:
    """Wait for a price near the middle, as a market or a limit order; some are triggered at entry."""
    rng = flow.rng
    member = flow.trader(Role.PAYER, Role.MAKER, Role.GUEST)
    if member is None:
        return None
    instrument, side = rng.choice(may_trade_in(flow, member)), rng.choice(SIDES)
    spread = flow.scenario.spread_ticks
    up = 1 if side is Side.BUY else -1
    stop_price = clamp(flow.mid_ticks[instrument] + up * (rng.randrange(2 * spread + 2) - spread // 4))
    price = clamp(stop_price + up * rng.randrange(-1, spread + 1))
    more = habits(flow) | {"ord_type": rng.choice((OrdType.STOP, OrdType.STOP_LIMIT)), "stop_price_ticks": stop_price}
    return order(flow, member, instrument, side, price, typical_lots(flow), **more)


def fill_or_kill(flow: Flow) -> bytes | None:
    """Take all or nothing, for no more than stands there."""
    rng = flow.rng
    taker = flow.trader(Role.PAYER, Role.MAKER)
    if taker is None:
        return None
    instrument, side = rng.choice(may_trade_in(flow, taker)), rng.choice(SIDES)
    levels = flow.core.depth(instrument, opposite(side), 1 + rng.randrange(flow.scenario.reach))
    if not levels:
        return None
    lots = sum(lots for _, lots in levels)
    wanted = rng.choice((lots, 1 + rng.randrange(lots)))
    return order(flow, taker, instrument, side, levels[-1][0], wanted, time_in_force=TimeInForce.FOK)


def cancel(flow: Flow) -> bytes | None:
    """Take an order back by either of its ids; without an own id at times, and with an ended credential too."""
    rng = flow.rng
    member = rng.choice(flow.population.members)
    found = member.orders.pick(rng)
    if found is None:
        return None
    own_id = 0 if rng.random() < 0.2 else flow.take_id(member)
    return commands.cancel(member.number, own_id, time_ns=flow.stamp(), **name(flow, member, found))


def name(flow: Flow, member: Member, found: OpenOrder) -> dict[str, int]:
    """Name an open order by either of its ids; a quote has only the one."""
    in_window = found.client_order_id + flow.scenario.window > flow.next_id(member)
    if in_window and not found.is_quote and flow.rng.random() < 0.6:
        return {"orig_client_order_id": found.client_order_id}
    return {"order_id": found.order_id}


def amend(flow: Flow) -> bytes | None:
    """Change an order: less or more of it, another price near or across, with and without its expected CumQty."""
    rng = flow.rng
    member = flow.trader(Role.MAKER, Role.PAYER, Role.GUEST)
    found = member.orders.pick(rng) if member else None
    if member is None or found is None or found.is_quote:
        return None
    price, leaves = found.price_ticks, found.leaves_lots
    throw = rng.random()
    if throw < 0.35:
        leaves = 1 + rng.randrange(leaves)
    elif throw < 0.55:
        leaves += typical_lots(flow)
    elif throw < 0.95:
        price = clamp(flow.mid_ticks[found.instrument] + rng.randint(-1, 1) * rng.randrange(flow.scenario.spread_ticks))
    leaves = min(leaves, found.leaves_lots + affordable_lots(flow, member, found.instrument, found.side, price))
    worth = INT64_MAX // (price * flow.scenario.pairs[found.instrument].tick_lot_units)
    quantity = min(found.cum_lots + leaves, worth, QUANTITY_LOTS_MAX)
    return commands.amend(
        member.number, flow.take_id(member), price_ticks=price, quantity_lots=quantity,
        expected_cum_lots=rng.choice((-1, found.cum_lots)), time_ns=flow.stamp(), **name(flow, member, found),
    )  # fmt: skip


class Route(NamedTuple):
    """A walk over books that have something to trade: what goes in, what comes out, how much of each."""

    currency_in: int
    currency_out: int
    in_units: int
    out_units: int


def route(flow: Flow, payer: Member) -> Route | None:
    """Walk one to three books from a random currency and see what their best levels would do."""
    rng = flow.rng
    start = at = rng.choice(sorted(payer.permitted))
    visited, amounts = {start}, []
    for _ in range(rng.choice((1, 2, 3))):
        ways = []
        for i in may_trade_in(flow, payer):
            pair = flow.scenario.pairs[i]
            if at in (pair.base, pair.quote) and not {pair.base, pair.quote} <= visited:
                ways.append((i, commands.side_paid_by(at, pair.base)))
        if not ways:
            break
        instrument, side = rng.choice(ways)
        levels = flow.core.depth(instrument, opposite(side), flow.scenario.reach)
        if not levels:
            break
        pair = flow.scenario.pairs[instrument]
        lots = 1 + rng.randrange(sum(lots for _, lots in levels))
        principal, notional = lots * pair.lot_units, lots * levels[0][0] * pair.tick_lot_units
        amounts.append((notional, principal) if side is Side.BUY else (principal, notional))
        at = pair.base if side is Side.BUY else pair.quote
        visited.add(at)
    return Route(start, at, amounts[0][0], amounts[-1][1]) if amounts else None


def swap(flow: Flow) -> bytes | None:
    """Swap about what a route bears: either end exact, a payee at times, bounds loose or close."""
    rng = flow.rng
    payer = flow.trader(Role.PAYER, Role.MAKER, Role.GUEST)
    found = route(flow, payer) if payer else None
    if payer is None or found is None:
        return None
    available = flow.available(payer, found.currency_in)
    payee = flow.trader(Role.PAYER, Role.MAKER) if rng.random() < 0.4 else None
    if payee and found.currency_out not in payee.permitted:
        payee = None
    exact_in = min(found.in_units, available)
    exact_out = min(found.out_units * min(available, found.in_units) // found.in_units, INT64_MAX)
    if min(exact_in, exact_out) < 1:
        return None
    more = {
        "payee": payee.number if payee else 0,
        "deadline_ns": rng.choice((0, flow.now_ns + 10_000)),
        "flags": rng.choice((SwapFlag.NONE, SwapFlag.NONE, SwapFlag.ALLOW_PARTIAL)),
        "time_ns": flow.stamp(),
    }
    client_order_id, ends = flow.take_id(payer), (found.currency_in, found.currency_out)
    worst = rng.random() < 0.3
    if rng.random() < 0.5:
        if worst:
            more["worst_units"] = min(max(exact_out * rng.randrange(8, 12) // 10, 1), INT64_MAX)
        bound = rng.choice((1, 1, max(exact_out // 4, 1)))
        return commands.swap_in(payer.number, client_order_id, *ends, exact_in, bound_units=bound, **more)
    bound = rng.choice((INT64_MAX, available, available))
    exact_out = max(exact_out * 9 // 10, 1)
    if worst:
        more["worst_units"] = min(max(exact_in * rng.randrange(9, 13) // 10, 1), INT64_MAX)
    return commands.swap_out(payer.number, client_order_id, *ends, exact_out, bound_units=bound, **more)


def retry(flow: Flow) -> bytes | None:
    """Send something again as it was: now and then so old that its id has left the window."""
    member = flow.population.pick(flow.rng, lambda member: bool(member.recent))
    if member is None:
        return None
    recent = list(member.recent)
    chosen = flow.rng.choice(recent[-8:] if flow.rng.random() < 0.8 else recent)
    return commands.at_time(chosen, flow.stamp())
