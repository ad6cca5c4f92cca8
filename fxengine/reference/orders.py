"""New orders: every check in its order, acceptance, and what becomes of the rest.

::

    checks -> ACCEPTED -> stop? wait for the price -> TRIGGERED
                       -> match -> rest in the book, or cancel what is left
"""

from dataclasses import dataclass

from fxengine.codes import (
    EventFlag,
    EventKind,
    ExecInst,
    OrdStatus,
    OrdType,
    RejectReason,
    SelfTradePrevention,
    Side,
    TimeInForce,
)
from fxengine.money import INT64_MAX
from fxengine.records import PRICE_TICKS_MAX, QUANTITY_LOTS_MAX
from fxengine.reference.account import Account, Outcome
from fxengine.reference.book import Order
from fxengine.reference.matching import (
    cancel,
    close,
    fillable,
    hold,
    match,
    principal_of,
    queue_triggered,
    report_rested,
    would_cross,
)
from fxengine.reference.state import Instrument, State, bar_or

RESTING = (TimeInForce.GTC, TimeInForce.GTD)
IMMEDIATE = (TimeInForce.IOC, TimeInForce.FOK)
STOPS = (OrdType.STOP, OrdType.STOP_LIMIT)


@dataclass(slots=True)
class NewOrder:
    """The body of a NEW_ORDER command and of its detail record."""

    instrument: int
    client_order_id: int
    side: int
    ord_type: int
    time_in_force: int
    exec_inst: int
    self_trade_prevention: int
    price_ticks: int
    quantity_lots: int
    expire_ns: int
    display_lots: int
    stop_price_ticks: int = 0
    min_lots: int = 0


def new_order(state: State, account: Account, command: NewOrder, outcome: Outcome) -> RejectReason:
    """Check, accept, match and perhaps rest an order; return why it was refused, or NONE."""
    reason = _refusal(state, account, command)
    if reason:
        return reason
    order = _draft(account, command)
    reason = _book_refusal(state, order, command.min_lots)
    if reason:
        return reason
    state.pool.enter(order, state.sequence)
    outcome.order_id = order.id
    hold(state, order, order.leaves_lots)
    whole = _rests_whole(state, order)
    if whole:
        state.books[order.instrument].add(order)
    _report_accepted(state, order, whole)
    if order.time_in_force is TimeInForce.GTD:
        state.timers.add_order(order)
    if order.ord_type in STOPS:
        _wait_for_price(state, order)
    elif not whole:
        run(state, order)
    return RejectReason.NONE


def run(state: State, order: Order) -> None:
    """Match an order that is not in the book, and rest or cancel what is left."""
    reason = match(state, order)
    if not order.leaves_lots:
        if order.id in state.pool:
            close(state, order, OrdStatus.FILLED, RejectReason.NONE)
        return
    instrument = state.instruments[order.instrument]
    if reason:
        cancel(state, order, reason)
    elif order.time_in_force in IMMEDIATE or order.ord_type in (OrdType.MARKET, OrdType.STOP):
        cancel(state, order, RejectReason.UNFILLED_REMAINDER)
    elif order.notional_units + instrument.notional_units(order.price_ticks, order.leaves_lots) > INT64_MAX:
        # A seller was paid more than its limit: the running total would no longer fit.
        cancel(state, order, RejectReason.NOTIONAL_TOO_LARGE)
    else:
        state.books[order.instrument].add(order)
        report_rested(state, order)


def trigger(state: State, order: Order) -> None:
    """Bring a stop order to life: from now on it is a market or a limit order."""
    _report(state, EventKind.TRIGGERED, order)
    order.ord_type = OrdType.MARKET if order.ord_type is OrdType.STOP else OrdType.LIMIT
    run(state, order)


def _refusal(state: State, account: Account, command: NewOrder) -> RejectReason:
    """Return the first reason in the command itself, in this order."""
    if not state.is_valid(account):
        return bar_or(account, RejectReason.CREDENTIAL_EXPIRED)
    if command.instrument >= len(state.instruments):
        return RejectReason.UNKNOWN_INSTRUMENT
    instrument = state.instruments[command.instrument]
    closed = state.closed(command.instrument)
    if closed:
        return closed
    if not (account.permits(instrument.base) and account.permits(instrument.quote)):
        return RejectReason.CURRENCY_NOT_PERMITTED
    if command.side not in (Side.BUY, Side.SELL):
        return RejectReason.BAD_SIDE
    if command.ord_type not in tuple(OrdType):
        return RejectReason.UNSUPPORTED_ORD_TYPE
    if command.time_in_force not in tuple(TimeInForce):
        return RejectReason.UNSUPPORTED_TIME_IN_FORCE
    rests = command.time_in_force in RESTING
    is_limit = command.ord_type == OrdType.LIMIT
    is_stop = command.ord_type in STOPS
    if (command.ord_type == OrdType.MARKET and rests) or (is_stop and not rests):
        return RejectReason.UNSUPPORTED_TIME_IN_FORCE
    if command.exec_inst and not (command.exec_inst == ExecInst.POST_ONLY and is_limit and rests):
        return RejectReason.BAD_EXEC_INST
    if command.self_trade_prevention not in tuple(SelfTradePrevention):
        return RejectReason.BAD_SELF_TRADE_PREVENTION
    reason = size_refusal(instrument, command.price_ticks, command.quantity_lots)
    if reason:
        return reason
    if not (1 <= command.stop_price_ticks <= PRICE_TICKS_MAX if is_stop else command.stop_price_ticks == 0):
        return RejectReason.BAD_STOP_PRICE
    gtd = command.time_in_force == TimeInForce.GTD
    if not (command.expire_ns > state.now_ns if gtd else command.expire_ns == 0):
        return RejectReason.EXPIRE_TIME_PASSED
    display_lots_max = command.quantity_lots if is_limit and rests else 0
    if not 0 <= command.display_lots <= display_lots_max:
        return RejectReason.BAD_DISPLAY_QTY
    min_lots_max = command.quantity_lots if command.time_in_force == TimeInForce.IOC else 0
    if not 0 <= command.min_lots <= min_lots_max:
        return RejectReason.BAD_MIN_QTY
    currency, units = principal_of(instrument, Side(command.side), command.price_ticks, command.quantity_lots)
    if account.balances[currency].available < units:
        return RejectReason.INSUFFICIENT_FUNDS
    return RejectReason.NONE


def size_refusal(instrument: Instrument, price_ticks: int, quantity_lots: int) -> RejectReason:
    """Return why a price and a quantity cannot stand in an order."""
    if not 1 <= price_ticks <= PRICE_TICKS_MAX:
        return RejectReason.PRICE_OUT_OF_RANGE
    if not 1 <= quantity_lots <= QUANTITY_LOTS_MAX:
        return RejectReason.QUANTITY_OUT_OF_RANGE
    notional = instrument.notional_units(price_ticks, quantity_lots)
    if notional > INT64_MAX or quantity_lots * instrument.lot_units > INT64_MAX:
        return RejectReason.NOTIONAL_TOO_LARGE
    return RejectReason.NONE


def _book_refusal(state: State, order: Order, min_lots: int) -> RejectReason:
    """Return why the book as it stands refuses the order, in this order."""
    if order.exec_inst & ExecInst.POST_ONLY and would_cross(state, order):
        return RejectReason.WOULD_CROSS
    wanted = order.leaves_lots if order.time_in_force is TimeInForce.FOK else min_lots
    if wanted:
        reason = fillable(state, order, wanted)
        if reason is RejectReason.TOO_MANY_FILLS:
            return reason
        if reason:
            return RejectReason.MIN_QTY_NOT_FILLABLE if min_lots else RejectReason.FOK_NOT_FILLABLE
    return RejectReason.CAPACITY if state.pool.full else RejectReason.NONE


def _draft(account: Account, command: NewOrder) -> Order:
    return Order(
        slot=0, generation=0, account=account.number, client_order_id=command.client_order_id,
        instrument=command.instrument, side=Side(command.side), price_ticks=command.price_ticks,
        leaves_lots=command.quantity_lots, ord_type=OrdType(command.ord_type),
        time_in_force=TimeInForce(command.time_in_force), exec_inst=ExecInst(command.exec_inst),
        self_trade_prevention=SelfTradePrevention(command.self_trade_prevention), expire_ns=command.expire_ns,
        display_lots=command.display_lots if command.display_lots < command.quantity_lots else 0,
        stop_price_ticks=command.stop_price_ticks,
    )  # fmt: skip


def _rests_whole(state: State, order: Order) -> bool:
    """Say whether the order goes to the book untouched and all on show, so that one event tells it all."""
    plain = order.ord_type is OrdType.LIMIT and order.time_in_force in RESTING and not order.display_lots
    return plain and not would_cross(state, order)


def _wait_for_price(state: State, order: Order) -> None:
    """Let a stop wait, unless the last trade has reached its price already."""
    book = state.books[order.instrument]
    book.add_stop(order)
    if book.last_price_ticks and order in book.triggered(book.last_price_ticks):
        book.remove_stop(order)
        queue_triggered(state, order)


def _report_accepted(state: State, order: Order, whole: bool) -> None:
    number = state.books[order.instrument].next_number() if whole else 0
    _report(state, EventKind.ACCEPTED, order, EventFlag.BOOK if whole else EventFlag.NONE, number)


def _report(state: State, kind: EventKind, order: Order, flags: EventFlag = EventFlag.NONE, number: int = 0) -> None:
    state.emit_order(
        kind, order.account, side=order.side, instrument=order.instrument, status=order.status, order_id=order.id,
        client_order_id=order.client_order_id, price_ticks=order.price_ticks, quantity_lots=order.leaves_lots,
        leaves_lots=order.leaves_lots, cum_lots=order.cum_lots, flags=flags, instrument_stream=number,
    )  # fmt: skip
