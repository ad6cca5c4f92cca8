"""Queries: what a client may ask about its own orders.

They change nothing, so they may be asked at any time between two commands, and are no part of the
journal. After a lost connection they tell the one true outcome of every command in the window: an open
order tells its own state, any other command its outcome.
"""

from fxengine.codes import CommandKind, RejectReason
from fxengine.reference.account import Account
from fxengine.reference.book import SLOT_MASK, Order
from fxengine.reference.state import State

OrderState = tuple[int, int, int, int, int, int, int, int, int, int, int, int, int]
OpenOrder = tuple[int, int, int, int, int, int, int, int]
OpenWithdrawal = tuple[int, int, int, int]


def order_state(state: State, account: Account, client_order_id: int, order_id: int) -> OrderState | None:
    """Return the state of an order or command, by OrderID if that is not 0; None for what the account has not."""
    if order_id:
        order = state.pool.find(order_id)
        return _open(account, order) if order is not None and order.account == account.number else None
    known = account.outcome(client_order_id)
    if known is None:
        return None
    order = state.pool.find(known.order_id) if known.kind is CommandKind.NEW_ORDER else None
    if order is not None:
        return _open(account, order)
    what = (known.order_id, client_order_id, known.kind, known.status, known.reason)
    return (*map(int, what), 0, 0, 0, 0, 0, known.done, known.notional, known.sequence)  # type: ignore[return-value]


def _open(account: Account, order: Order) -> OrderState:
    known = account.outcome(order.client_order_id)
    kind = CommandKind.MASS_QUOTE if order.is_quote else CommandKind.NEW_ORDER
    return (
        order.id, order.client_order_id, int(kind), int(order.status), int(RejectReason.NONE), order.instrument,
        int(order.side), int(order.ord_type), order.price_ticks, order.leaves_lots, order.cum_lots,
        order.notional_units, known.sequence if known is not None else 0,
    )  # fmt: skip


def open_orders(state: State, account: Account, after_order_id: int, limit: int) -> list[OpenOrder]:
    """Return up to ``limit`` of an account's open orders and quotes behind a slot, ascending by slot.

    A quote has no OrdType of its own: 0 tells it from an order, and its client id is its MASS_QUOTE's.
    """
    orders = sorted(state.orders_of(account), key=lambda order: order.slot)
    behind = [order for order in orders if order.slot > after_order_id & SLOT_MASK]
    return [
        (
            order.id, order.client_order_id, order.instrument, int(order.side),
            0 if order.is_quote else int(order.ord_type), order.price_ticks, order.leaves_lots, order.cum_lots,
        )
        for order in behind[:limit]
    ]  # fmt: skip


def open_withdrawals(state: State, account: int, after: int, limit: int) -> list[OpenWithdrawal]:
    """Return up to ``limit`` open withdrawals of an account, or of all (0), behind a number, ascending."""
    rows = [
        (w.number, w.account, w.currency, w.amount_units)
        for w in state.withdrawals.values()
        if w.number > after and account in (0, w.account)
    ]
    return rows[:limit]
