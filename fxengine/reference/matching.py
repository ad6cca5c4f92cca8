"""The matching loop: what an incoming order does to the book, and money's part in it.

An order holds its principal in full before it trades: a buyer ``limit x quantity`` of the quote
currency, a seller the quantity of the base currency. Each fill takes its part out of the hold at
the resting order's price and gives the improvement back at once. Proceeds are free to use at once,
less the fee. Example: buy 3 at 10, resting offers 1 at 8 and 5 at 9 (one unit per tick and lot)::

    hold 30                  available -30   held +30
    fill 1 at 8              held -10, available +2, base +1
    fill 2 at 9              held -20, available +2, base +2
"""

from fxengine.codes import (
    FEES_ACCOUNT,
    EventFlag,
    EventKind,
    OrdStatus,
    RejectReason,
    SelfTradePrevention,
    Side,
)
from fxengine.money import fee_and_credit, rebate_units
from fxengine.reference.account import Account
from fxengine.reference.book import Order, Place, crosses, opposite
from fxengine.reference.state import Instrument, State

STP = SelfTradePrevention


def principal_of(instrument: Instrument, side: Side, price_ticks: int, lots: int) -> tuple[int, int]:
    """Return the currency and the units that an open order of ``lots`` holds."""
    if side is Side.BUY:
        return instrument.quote, instrument.notional_units(price_ticks, lots)
    return instrument.base, lots * instrument.lot_units


def hold(state: State, order: Order, lots: int) -> None:
    """Move the principal of ``lots`` from available to held; release with a negative number."""
    currency, units = principal_of(state.instruments[order.instrument], order.side, order.price_ticks, lots)
    balance = state.accounts[order.account].balances[currency]
    balance.available -= units
    balance.held += units


def would_cross(state: State, order: Order) -> bool:
    """Say whether the order would trade at once."""
    best = state.books[order.instrument].best(opposite(order.side))
    return best is not None and crosses(best.side, best.price_ticks, order.price_ticks)


def same_group(state: State, one: int, other: int) -> bool:
    """Say whether self-trade prevention takes two accounts as one."""
    group = state.accounts[one].trade_group
    return one == other or bool(group and group == state.accounts[other].trade_group)


def fillable(state: State, order: Order, wanted_lots: int) -> RejectReason:
    """Foresee whether ``wanted_lots`` of an incoming order would trade at once; NONE if so.

    Counts as matching will: each fill, and each own order that prevention takes away, is a step.
    """
    mode = order.self_trade_prevention
    steps = 0

    def is_own(resting: Order) -> bool:
        return mode is not STP.NONE and same_group(state, order.account, resting.account)

    for resting, lots in state.books[order.instrument].ahead(opposite(order.side), order.price_ticks, is_own):
        if steps == state.max_fills:
            return RejectReason.TOO_MANY_FILLS
        steps += 1
        if is_own(resting):
            if mode is not STP.EXPIRE_MAKER:
                return RejectReason.SELF_TRADE_PREVENTED
            continue
        wanted_lots -= lots
        if wanted_lots <= 0:
            return RejectReason.NONE
    return RejectReason.UNFILLED_REMAINDER


def match(state: State, order: Order) -> RejectReason:
    """Trade with the best resting orders, price then time, at their prices.

    Returns why what is left may not rest: TOO_MANY_FILLS, SELF_TRADE_PREVENTED, or NONE.
    """
    book = state.books[order.instrument]
    for _ in range(state.max_fills):
        if not order.leaves_lots or not would_cross(state, order):
            return RejectReason.NONE
        maker = book.best(opposite(order.side))
        assert maker is not None
        if order.self_trade_prevention is not STP.NONE and same_group(state, order.account, maker.account):
            if _prevent(state, order, maker):
                return RejectReason.SELF_TRADE_PREVENTED
            continue
        lots = min(order.leaves_lots, maker.shown_lots)
        instrument = state.instruments[order.instrument]
        currency, held = principal_of(instrument, order.side, order.price_ticks, lots)
        paid = instrument.notional_units(maker.price_ticks, lots) if order.side is Side.BUY else held
        payer = state.accounts[order.account].balances[currency]
        payer.held -= held
        payer.available += held - paid
        order.leaves_lots -= lots
        trade(state, maker, order, lots, instrument.taker_rate, flags=EventFlag.TAKER)
    return RejectReason.TOO_MANY_FILLS if order.leaves_lots and would_cross(state, order) else RejectReason.NONE


def _prevent(state: State, order: Order, maker: Order) -> bool:
    """Act before two orders of one group would trade; say whether the incoming one is over."""
    mode = order.self_trade_prevention
    if mode is STP.DECREMENT:
        lots = min(order.leaves_lots, maker.leaves_lots)
        reduce(state, maker, lots, RejectReason.SELF_TRADE_PREVENTED)
        reduce(state, order, lots, RejectReason.SELF_TRADE_PREVENTED)
        return False
    if mode in (STP.EXPIRE_MAKER, STP.EXPIRE_BOTH):
        cancel(state, maker, RejectReason.SELF_TRADE_PREVENTED)
    return mode in (STP.EXPIRE_TAKER, STP.EXPIRE_BOTH)


def trade(state: State, maker: Order, taker: Order, lots: int, taker_rate: int, *, flags: EventFlag) -> None:
    """Exchange ``lots`` at the maker's price, for the taker at a fee rate, and report both sides.

    The taker's payment has been taken out of its balance already, and its leaves reduced.
    """
    instrument = state.instruments[maker.instrument]
    notional = instrument.notional_units(maker.price_ticks, lots)
    principal = lots * instrument.lot_units
    currency, held = principal_of(instrument, maker.side, maker.price_ticks, lots)
    state.accounts[maker.account].balances[currency].held -= held

    received = {Side.BUY: (instrument.base, principal), Side.SELL: (instrument.quote, notional)}
    taker_currency, taker_receipt = received[taker.side]
    taker_fee = _fee(taker_rate, taker, taker_receipt)
    if instrument.maker_rate >= 0:
        maker_currency, receipt = received[maker.side]
        maker_fee = _fee(instrument.maker_rate, maker, receipt)
    else:
        maker_currency, maker_fee = taker_currency, -rebate_units(-instrument.maker_rate, taker_receipt)
    for order, fee_currency, fee in ((maker, maker_currency, maker_fee), (taker, taker_currency, taker_fee)):
        currency, units = received[order.side]
        owner = state.accounts[order.account]
        owner.balances[currency].available += units
        owner.balances[fee_currency].available -= fee
        state.accounts[FEES_ACCOUNT].balances[fee_currency].available += fee
        order.cum_lots += lots
        order.notional_units += notional

    book = state.books[maker.instrument]
    number = book.next_number()
    shown_anew = book.take(maker, lots)
    _report_fill(
        state, maker, taker.account, maker.price_ticks, lots, maker_fee, EventFlag.MAKER | EventFlag.BOOK, number
    )
    _report_fill(state, taker, maker.account, maker.price_ticks, lots, taker_fee, flags, number)
    if shown_anew:
        report_rested(state, maker)
    if not maker.leaves_lots:
        close(state, maker, OrdStatus.FILLED, RejectReason.NONE)
    _trigger_stops(state, maker.instrument, maker.price_ticks)


def _trigger_stops(state: State, instrument: int, price_ticks: int) -> None:
    """Queue the stops that this trade sets off; they run after the command's own fills."""
    book = state.books[instrument]
    book.last_price_ticks = price_ticks
    for order in book.triggered(price_ticks):
        book.remove_stop(order)
        queue_triggered(state, order)


def queue_triggered(state: State, order: Order) -> None:
    """Let a triggered stop order wait its turn."""
    order.place = Place.TRIGGERED
    state.triggered.append(order.id)


def _fee(rate: int, order: Order, received_units: int) -> int:
    """Return the fee due for this receipt, and keep the order's credit."""
    fee, order.fee_credit = fee_and_credit(rate, received_units, order.fee_credit)
    return fee


# -- endings


def cancel(state: State, order: Order, reason: RejectReason, *, request_id: int = 0) -> None:
    """End an open order wherever it stands, release its hold, and report it."""
    lots, displayed = order.leaves_lots, 0
    hold(state, order, -lots)
    if order.place is Place.BOOK:
        displayed = state.books[order.instrument].shrink(order, 0)
    elif order.place is Place.STOPS:
        state.books[order.instrument].remove_stop(order)
    order.leaves_lots = 0
    expired = reason in (RejectReason.CREDENTIAL_EXPIRED, RejectReason.ORDER_EXPIRED)
    status = OrdStatus.EXPIRED if expired else OrdStatus.CANCELED
    number = state.books[order.instrument].next_number() if displayed else 0
    state.emit_cancel(
        EventKind.CANCELED, order.account, side=order.side, instrument=order.instrument, status=status, reason=reason,
        order_id=order.id, client_order_id=order.client_order_id, price_ticks=order.price_ticks, quantity_lots=lots,
        displayed_lots=displayed, cum_lots=order.cum_lots, request_id=request_id,
        flags=EventFlag.BOOK if displayed else 0, instrument_stream=number,
    )  # fmt: skip
    close(state, order, status, reason)


def cancel_all(state: State, account: Account, reason: RejectReason) -> int:
    """End all of an account's open orders and quotes; return how many there were."""
    orders = state.orders_of(account)
    for order in orders:
        cancel(state, order, reason)
    return len(orders)


def reduce(state: State, order: Order, lots: int, reason: RejectReason) -> None:
    """Take lots off an open order, resting or incoming; end it when none are left."""
    if lots == order.leaves_lots:
        cancel(state, order, reason)
        return
    hold(state, order, -lots)
    displayed = 0
    if order.place is Place.BOOK:
        displayed = state.books[order.instrument].shrink(order, order.leaves_lots - lots)
    else:
        order.leaves_lots -= lots
    number = state.books[order.instrument].next_number() if displayed else 0
    state.emit_reduced(
        order.account, side=order.side, instrument=order.instrument, status=order.status, reason=reason,
        order_id=order.id, client_order_id=order.client_order_id, price_ticks=order.price_ticks, quantity_lots=lots,
        displayed_lots=displayed, cum_lots=order.cum_lots, leaves_lots=order.leaves_lots,
        flags=EventFlag.BOOK if displayed else 0, instrument_stream=number,
    )  # fmt: skip


def close(state: State, order: Order, status: OrdStatus, reason: RejectReason) -> None:
    """Write the order's final outcome where a retry will look for it, and free its slot."""
    owner = state.accounts[order.account]
    if order.is_quote:
        owner.quotes[order.instrument][order.side].pop(order.price_ticks, None)
    else:
        outcome = owner.outcome(order.client_order_id)
        if outcome is not None:
            outcome.status, outcome.reason = status, reason
            outcome.done, outcome.notional = order.cum_lots, order.notional_units
    if order.slot:
        del state.pool.live[order.slot]
        state.pool.give_back(order.slot)


# -- reports


def report_rested(state: State, order: Order) -> None:
    """Report what an order shows in the book from now on."""
    state.emit_order(
        EventKind.RESTED, order.account, side=order.side, instrument=order.instrument, status=order.status,
        order_id=order.id, client_order_id=order.client_order_id, price_ticks=order.price_ticks,
        quantity_lots=order.shown_lots, leaves_lots=order.leaves_lots, cum_lots=order.cum_lots,
        flags=EventFlag.BOOK, instrument_stream=state.books[order.instrument].next_number(),
    )  # fmt: skip


def _report_fill(
    state: State, order: Order, other: int, price_ticks: int, lots: int, fee: int, flags: EventFlag, number: int
) -> None:
    is_swap = bool(flags & EventFlag.SWAP)
    state.emit_order(
        EventKind.FILL, order.account, side=order.side, instrument=order.instrument, status=order.status,
        order_id=0 if is_swap else order.id, client_order_id=order.client_order_id, price_ticks=price_ticks,
        quantity_lots=lots, leaves_lots=order.leaves_lots, cum_lots=order.cum_lots, flags=flags,
        counterparty=other, fee_units=fee, instrument_stream=number,
    )  # fmt: skip


def report_replaced(state: State, order: Order, *, old_price_ticks: int, displayed: int, request_id: int = 0) -> None:
    """Report an order's new price and quantity, and what it took off the displayed book at the old price."""
    number = state.books[order.instrument].next_number() if displayed else 0
    state.emit_order(
        EventKind.REPLACED, order.account, side=order.side, instrument=order.instrument, status=order.status,
        order_id=order.id, client_order_id=order.client_order_id, price_ticks=order.price_ticks,
        quantity_lots=order.cum_lots + order.leaves_lots, leaves_lots=order.leaves_lots, cum_lots=order.cum_lots,
        flags=EventFlag.BOOK if displayed else 0, counterparty=old_price_ticks, fee_units=displayed,
        instrument_stream=number,
    )  # fmt: skip
