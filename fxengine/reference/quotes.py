"""Mass quote: a maker's two-sided ladders for many instruments in one command, set by set.

A set replaces the maker's whole ladder in its instrument, or nothing of it. What a level's new
quantity leaves at the same price keeps its place when it does not grow::

    standing   bids 99 x 5, 98 x 7          new set   bids 99 x 3, 97 x 7
    result     99 x 3 in its old place, 98 gone, 97 x 7 new

Removals come first, so only the net need is asked of the balance. Quotes never take: a set with a
level that would cross somebody else's order is refused.
"""

from dataclasses import dataclass
from itertools import pairwise

from fxengine.codes import EventFlag, EventKind, OrdStatus, RejectReason, Side
from fxengine.money import INT64_MAX
from fxengine.records import QUOTE_LEVEL, QUOTE_LEVELS_MAX, QUOTE_SET, struct_of
from fxengine.reference.account import Account, Outcome
from fxengine.reference.book import Order, crosses, opposite
from fxengine.reference.matching import cancel, hold, principal_of, report_replaced, report_rested
from fxengine.reference.orders import size_refusal
from fxengine.reference.state import State, bar_or

_SET, _LEVEL = struct_of(QUOTE_SET), struct_of(QUOTE_LEVEL)
Ladder = list[tuple[int, int]]


@dataclass(slots=True)
class QuoteSet:
    """One instrument's new ladder: (price_ticks, leaves_lots), best first."""

    instrument: int
    ladders: dict[Side, Ladder]


def read_sets(units: bytes, n_sets: int) -> list[QuoteSet] | None:
    """Take the 16-byte units after a MASS_QUOTE apart; None when they do not add up."""
    sets, at = [], 0
    for _ in range(n_sets):
        if at + _SET.size > len(units):
            return None
        instrument, n_bids, n_offers = _SET.unpack_from(units, at)
        at += _SET.size
        end = at + (n_bids + n_offers) * _LEVEL.size
        if max(n_bids, n_offers) > QUOTE_LEVELS_MAX or end > len(units):
            return None
        levels = list(_LEVEL.iter_unpack(units[at:end]))
        sets.append(QuoteSet(instrument, {Side.BUY: levels[:n_bids], Side.SELL: levels[n_bids:]}))
        at = end
    return sets if sets else None


def mass_quote(
    state: State, account: Account, request_id: int, sets: list[QuoteSet] | None, outcome: Outcome
) -> RejectReason:
    """Apply each set whole or refuse it; return why all of it was refused, or NONE."""
    if not state.is_valid(account):
        return bar_or(account, RejectReason.CREDENTIAL_EXPIRED)
    if sets is None:
        return RejectReason.BAD_QUOTE_SET
    for quotes in sets:
        reason = _set_refusal(state, account, quotes)
        if reason:
            outcome.notional += 1
            state.emit_cancel(
                EventKind.REJECTED, account.number, side=outcome.kind, instrument=quotes.instrument,
                status=OrdStatus.REJECTED, reason=reason, order_id=0, client_order_id=request_id,
            )  # fmt: skip
            continue
        _apply(state, account, request_id, quotes)
        outcome.done += 1
        standing = sum(len(ladder) for ladder in quotes.ladders.values())
        state.emit_order(
            EventKind.QUOTED, account.number, side=0, instrument=quotes.instrument, status=OrdStatus.NEW, order_id=0,
            client_order_id=request_id, price_ticks=0, quantity_lots=standing, leaves_lots=0, cum_lots=0,
        )  # fmt: skip
    return RejectReason.NONE


def _set_refusal(state: State, account: Account, quotes: QuoteSet) -> RejectReason:
    """Return the first reason to refuse a set, in this order."""
    if quotes.instrument >= len(state.instruments):
        return RejectReason.UNKNOWN_INSTRUMENT
    instrument = state.instruments[quotes.instrument]
    closed = state.closed(quotes.instrument)
    if closed and _adds(account, quotes):
        return closed
    if not (account.permits(instrument.base) and account.permits(instrument.quote)):
        return RejectReason.CURRENCY_NOT_PERMITTED
    bids, offers = quotes.ladders[Side.BUY], quotes.ladders[Side.SELL]
    for price, lots in bids + offers:
        reason = size_refusal(instrument, price, lots)
        if reason:
            return reason
    falling = all(a[0] > b[0] for a, b in pairwise(bids))
    rising = all(a[0] < b[0] for a, b in pairwise(offers))
    if not (falling and rising) or (bids and offers and bids[0][0] >= offers[0][0]):
        return RejectReason.BAD_QUOTE_SET
    standing = account.quotes[quotes.instrument]
    fresh = 0
    for side, ladder in quotes.ladders.items():
        need = have = 0
        for price, lots in ladder:
            need += principal_of(instrument, side, price, lots)[1]
            order = standing[side].get(price)
            if order is None:
                fresh += 1
            elif order.notional_units + principal_of(instrument, Side.BUY, price, lots)[1] > INT64_MAX:
                return RejectReason.NOTIONAL_TOO_LARGE
        for order in standing[side].values():
            have += principal_of(instrument, side, order.price_ticks, order.leaves_lots)[1]
        currency = instrument.quote if side is Side.BUY else instrument.base
        if account.balances[currency].available < need - have:
            return RejectReason.INSUFFICIENT_FUNDS
        if ladder and _meets_others(state, account, quotes.instrument, side, ladder[0][0]):
            return RejectReason.WOULD_CROSS
    gone = sum(price not in dict(quotes.ladders[side]) for side in Side for price in standing[side])
    return RejectReason.CAPACITY if fresh > gone + state.pool.room else RejectReason.NONE


def _adds(account: Account, quotes: QuoteSet) -> bool:
    """Say whether a set has a level that does not stand yet, or that grows."""
    standing = account.quotes[quotes.instrument]
    known = [(standing[side].get(price), lots) for side, ladder in quotes.ladders.items() for price, lots in ladder]
    return any(order is None or lots > order.leaves_lots for order, lots in known)


def _meets_others(state: State, account: Account, instrument: int, side: Side, price_ticks: int) -> bool:
    """Say whether an order of this price would trade with any but the maker's own standing quotes here."""
    other = opposite(side)
    for resting in state.books[instrument].orders(other):
        if not crosses(other, resting.price_ticks, price_ticks):
            return False
        if not (resting.is_quote and resting.account == account.number):
            return True
    return False


def _apply(state: State, account: Account, request_id: int, quotes: QuoteSet) -> None:
    standing = account.quotes[quotes.instrument]
    for side, ladder in quotes.ladders.items():
        wanted = dict(ladder)
        best_first = sorted(
            standing[side].values(), key=lambda o: -o.price_ticks if side is Side.BUY else o.price_ticks
        )
        for order in best_first:
            if order.price_ticks not in wanted:
                cancel(state, order, RejectReason.QUOTE_REPLACED, request_id=request_id)
    for side, ladder in quotes.ladders.items():
        for price, lots in ladder:
            kept = standing[side].get(price)
            if kept is None:
                standing[side][price] = _enter(state, account, request_id, quotes.instrument, side, price, lots)
            elif lots != kept.leaves_lots:
                _resize(state, kept, lots)


def _enter(
    state: State, account: Account, request_id: int, instrument: int, side: Side, price_ticks: int, lots: int
) -> Order:
    order = Order(0, 0, account.number, request_id, instrument, side, price_ticks, lots, is_quote=True)
    state.pool.enter(order, state.sequence)
    hold(state, order, lots)
    book = state.books[instrument]
    book.add(order)
    state.emit_order(
        EventKind.ACCEPTED, account.number, side=side, instrument=instrument, status=OrdStatus.NEW, order_id=order.id,
        client_order_id=request_id, price_ticks=price_ticks, quantity_lots=lots, leaves_lots=lots, cum_lots=0,
        flags=EventFlag.BOOK, instrument_stream=book.next_number(),
    )  # fmt: skip
    return order


def _resize(state: State, order: Order, lots: int) -> None:
    """Give a standing level its new quantity; one that grows goes to the back."""
    book = state.books[order.instrument]
    grows = lots > order.leaves_lots
    hold(state, order, lots - order.leaves_lots)
    displayed = book.shrink(order, 0 if grows else lots)
    order.leaves_lots = lots
    report_replaced(state, order, old_price_ticks=order.price_ticks, displayed=displayed)
    if grows:
        book.add(order)
        report_rested(state, order)
