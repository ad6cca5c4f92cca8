"""Intents of market makers: mass quotes that keep, move and drop levels, and mass cancels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.flows import commands
from bench.flows.commands import Quotes
from bench.flows.population import Member, Role
from bench.flows.trading import SIDES, clamp, may_trade_in, opposite, typical_lots
from fxengine.codes import Side
from fxengine.records import ALL_INSTRUMENTS, QUOTE_LEVELS_MAX

if TYPE_CHECKING:
    from bench.flows.flow import Flow

Ladder = list[tuple[int, int]]
LEVELS = 4


def mass_quote(flow: Flow) -> bytes | None:
    """Quote one to three instruments: a maker's standing levels kept in part, others new."""
    maker = flow.trader(Role.MAKER)
    if maker is None:
        return None
    instruments = may_trade_in(flow, maker)
    chosen = flow.rng.sample(instruments, min(len(instruments), flow.rng.choice((1, 1, 2, 3))))
    sets = [Quotes(i, *(ladder(flow, maker, i, side) for side in SIDES)) for i in chosen]
    return commands.mass_quote(maker.number, flow.take_id(maker), *sets, time_ns=flow.stamp())


def ladder(flow: Flow, maker: Member, instrument: int, side: Side) -> Ladder:
    """Draw one side: standing levels as they are, smaller or larger, and new ones behind the other side's best."""
    rng, levels = flow.rng, dict[int, int]()
    others = flow.core.depth(instrument, opposite(side), 1)
    middle = flow.mid_ticks[instrument]
    away = -1 if side is Side.BUY else 1
    start = middle if not others else (min if side is Side.BUY else max)(middle, others[0][0] + away)
    spread = flow.scenario.spread_ticks
    for _ in range(rng.choice((0, 1, 2, LEVELS, LEVELS))):
        levels[clamp(start + away * rng.randrange(2 * spread))] = 1 + typical_lots(flow) // 2
    if rng.random() < 0.01 and flow.scenario.max_orders > 10 * QUOTE_LEVELS_MAX:
        levels = {clamp(start + away * n): 1 for n in range(QUOTE_LEVELS_MAX)}
    for quote in maker.orders.quotes.values():
        if (quote.instrument, quote.side) == (instrument, side) and len(levels) < QUOTE_LEVELS_MAX:
            changed = (quote.leaves_lots, quote.leaves_lots, 1 + quote.leaves_lots // 2, quote.leaves_lots + 1)
            if rng.random() < 0.6 and (start - quote.price_ticks) * away <= 0:
                levels[quote.price_ticks] = rng.choice(changed)
    bound = flow.scenario.max_orders // (8 * len(flow.population.members))
    ordered = sorted(levels.items(), reverse=side is Side.BUY)
    return ordered[: max(bound, 1)]


def mass_cancel(flow: Flow) -> bytes | None:
    """Take back all of one instrument and side, rarely more; an operator does it for another at times."""
    rng = flow.rng
    member = flow.population.pick(rng, lambda member: bool(member.orders.open))
    found = member.orders.pick(rng) if member else None
    if member is None or found is None:
        return None
    throw = rng.random()
    where = {"instrument": found.instrument, "side": found.side}
    if throw < 0.1:
        where["instrument"] = ALL_INSTRUMENTS
    elif throw < 0.3:
        where["side"] = 0
    elif throw < 0.33:
        where = {}
    sender = flow.population.members[0] if rng.random() < 0.2 else member
    if sender is not member:
        where["target"] = member.number
    return commands.mass_cancel(sender.number, flow.take_id(sender), time_ns=flow.stamp(), **where)
