"""Cancel and amend one order, and cancel many.

An amend names the new price and the new total quantity. Less at the same price keeps the order's
place in its level; a new price or a larger quantity goes to the back, and may trade on the way::

    order: 10 @ 1.20, 4 done                     amend to  8 @ 1.20: leaves 4, keeps its place
                                                 amend to 12 @ 1.20: leaves 8, to the back
                                                 amend to 10 @ 1.21: leaves 6, matched like a new order
"""

from dataclasses import dataclass

from fxengine.codes import CommandKind, EventKind, ExecInst, OrdStatus, RejectReason, Side
from fxengine.money import INT64_MAX
from fxengine.records import ALL_INSTRUMENTS
from fxengine.reference.account import Account, Outcome
from fxengine.reference.book import Order, Place
from fxengine.reference.matching import cancel, hold, principal_of, report_replaced, would_cross
from fxengine.reference.orders import run, size_refusal
from fxengine.reference.state import State, bar_or


@dataclass(slots=True)
class Amend:
    """The body of an AMEND command."""

    request_id: int
    order_id: int
    orig_client_order_id: int
    price_ticks: int
    quantity_lots: int
    expected_cum_lots: int


@dataclass(slots=True)
class MassCancel:
    """The body of a MASS_CANCEL command."""

    request_id: int
    instrument: int
    side: int
    target: int


def find(state: State, account: Account, order_id: int, client_order_id: int) -> Order | RejectReason:
    """Find an open order by OrderID, or by its client id when that is 0; another's reads as unknown."""
    known = None
    if not order_id:
        known = account.outcome(client_order_id)
        if known is None or known.kind is not CommandKind.NEW_ORDER:
            return RejectReason.UNKNOWN_ORDER
        order_id = known.order_id
    order = state.pool.find(order_id)
    if order is None or order.account != account.number:
        return RejectReason.ORDER_CLOSED if known else RejectReason.UNKNOWN_ORDER
    return order


def cancel_request(
    state: State, account: Account, order_id: int, client_order_id: int, request_id: int, outcome: Outcome | None
) -> RejectReason:
    """Cancel one order. Allowed with an expired credential: it only takes risk away."""
    order = find(state, account, order_id, client_order_id)
    if isinstance(order, RejectReason):
        return bar_or(account, order)
    if outcome is not None:
        outcome.order_id, outcome.status, outcome.done = order.id, OrdStatus.CANCELED, order.leaves_lots
    cancel(state, order, RejectReason.NONE, request_id=request_id)
    return RejectReason.NONE


def amend(state: State, account: Account, command: Amend, outcome: Outcome) -> RejectReason:
    """Change an open order's price and total quantity; return why it was refused, or NONE."""
    if not state.is_valid(account):
        return bar_or(account, RejectReason.CREDENTIAL_EXPIRED)
    order = find(state, account, command.order_id, command.orig_client_order_id)
    if isinstance(order, RejectReason):
        return order
    reason = _amend_refusal(state, account, order, command)
    if reason:
        return reason
    old_price, leaves = order.price_ticks, command.quantity_lots - order.cum_lots
    outcome.order_id, outcome.status, outcome.done = order.id, OrdStatus.NEW, command.quantity_lots
    keeps_place = command.price_ticks == old_price and leaves <= order.leaves_lots
    book, displayed, place = state.books[order.instrument], 0, order.place
    hold(state, order, -order.leaves_lots)
    if place is Place.BOOK:
        displayed = book.shrink(order, leaves if keeps_place else 0)
    order.price_ticks, order.leaves_lots = command.price_ticks, leaves
    hold(state, order, leaves)
    report_replaced(state, order, old_price_ticks=old_price, displayed=displayed, request_id=command.request_id)
    if place is Place.BOOK and not keeps_place:
        run(state, order)
    return RejectReason.NONE


def _amend_refusal(state: State, account: Account, order: Order, command: Amend) -> RejectReason:
    """Return the first reason, in this order."""
    if order.is_quote or order.place is Place.TRIGGERED:
        return RejectReason.NOT_AMENDABLE
    reduces = command.price_ticks == order.price_ticks and command.quantity_lots <= order.cum_lots + order.leaves_lots
    closed = state.closed(order.instrument)
    if closed and not reduces:
        return closed
    instrument = state.instruments[order.instrument]
    if not (account.permits(instrument.base) and account.permits(instrument.quote)):
        return RejectReason.CURRENCY_NOT_PERMITTED
    if command.expected_cum_lots >= 0 and command.expected_cum_lots != order.cum_lots:
        return RejectReason.CUM_QTY_MISMATCH
    reason = size_refusal(instrument, command.price_ticks, command.quantity_lots)
    if reason:
        return reason
    leaves = command.quantity_lots - order.cum_lots
    if leaves <= 0:
        return RejectReason.QUANTITY_OUT_OF_RANGE
    if order.notional_units + instrument.notional_units(_best_possible(state, order, command), leaves) > INT64_MAX:
        return RejectReason.NOTIONAL_TOO_LARGE
    currency, units = principal_of(instrument, order.side, command.price_ticks, leaves)
    _, held = principal_of(instrument, order.side, order.price_ticks, order.leaves_lots)
    if account.balances[currency].available < units - held:
        return RejectReason.INSUFFICIENT_FUNDS
    if order.place is Place.BOOK and order.exec_inst & ExecInst.POST_ONLY:
        old_price, order.price_ticks = order.price_ticks, command.price_ticks
        crossing = would_cross(state, order)
        order.price_ticks = old_price
        if crossing:
            return RejectReason.WOULD_CROSS
    return RejectReason.NONE


def _best_possible(state: State, order: Order, command: Amend) -> int:
    """Return the highest price at which the amended order may trade; a seller that was paid before may cross again."""
    best = state.books[order.instrument].best(Side.BUY)
    if order.side is Side.BUY or not order.notional_units or best is None:
        return command.price_ticks
    return max(command.price_ticks, best.price_ticks)


def mass_cancel(state: State, account: Account, command: MassCancel, outcome: Outcome) -> RejectReason:
    """Cancel an account's orders and quotes of one or all instruments and one or both sides."""
    barred = bar_or(account, RejectReason.NONE)
    if barred:
        return barred
    target = state.client(command.target) if command.target else account
    if target is None:
        return RejectReason.UNKNOWN_ACCOUNT
    if target is not account and not state.is_operator(account):
        return RejectReason.NOT_AUTHORIZED
    if command.instrument != ALL_INSTRUMENTS and command.instrument >= len(state.instruments):
        return RejectReason.UNKNOWN_INSTRUMENT
    if command.side not in (0, Side.BUY, Side.SELL):
        return RejectReason.BAD_SIDE
    orders = [
        order
        for order in state.orders_of(target)
        if command.instrument in (ALL_INSTRUMENTS, order.instrument) and command.side in (0, order.side)
    ]
    for order in orders:
        cancel(state, order, RejectReason.MASS_CANCELED, request_id=command.request_id)
    outcome.status, outcome.done = OrdStatus.CANCELED, len(orders)
    state.emit_money(
        EventKind.DONE, account.number, command.instrument, len(orders),
        counterparty=target.number, client_order_id=command.request_id,
    )  # fmt: skip
    return RejectReason.NONE
