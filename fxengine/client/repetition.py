"""What ORDER_STATUS says to a command that was sent before: the outcome of then, as its call's result."""

from fxengine.client.call import Pending
from fxengine.client.listing import Listing
from fxengine.client.orders import OpenOrders
from fxengine.client.reports import CommandDone, MoneyMovement, Order, QuoteResult
from fxengine.client.swaps import SwapReceipt
from fxengine.codes import EventKind, OrdStatus, OrdType, RejectReason, Side, SwapMode
from fxengine.errors import RequestRejected
from fxengine.messages import (
    Bust,
    Cancel,
    Control,
    Deposit,
    EndWithdrawal,
    FeePayout,
    MassCancel,
    MassQuote,
    NewOrder,
    OrderStatus,
    Revoke,
    Swap,
    Withdraw,
)


def outcome_of(pending: Pending, message: OrderStatus, open_orders: OpenOrders, listing: Listing, account: int) -> None:
    """Finish the call of a command that ORDER_STATUS answers.

    An id that was chosen here belongs to another session's command, unless this one was sent again
    after a lost connection. A cancel or an amend whose order is not open any more cannot be given its
    order back: its call fails with HISTORY_GONE, which says to ask for the order's status.
    """
    call, request = pending.call, pending.request
    if not pending.may_be(message.original_sequence):
        call.fail(_refusal(RejectReason.CLIENT_ID_REUSED))
    elif message.original_sequence in pending.heard:
        call.succeed(pending.heard[message.original_sequence])
    elif message.status == OrdStatus.REJECTED:
        call.fail(_refusal(RejectReason(message.reason)))
    elif isinstance(request, NewOrder):
        known = open_orders.find(message.order_id, message.client_order_id)
        call.succeed(known or _order(request, message, listing))
    elif isinstance(request, Swap):
        call.succeed(_receipt(request, message, listing, account))
    elif isinstance(request, Deposit | Withdraw | FeePayout):
        call.succeed(_movement(request, message, listing, account))
    elif isinstance(request, MassQuote):
        n_quoted, n_refused = message.cum_lots, message.notional_units
        call.succeed(QuoteResult(message.client_order_id, message.original_sequence, n_quoted, n_refused))
    elif isinstance(request, MassCancel | Revoke | EndWithdrawal | Control | Bust):
        count = message.cum_lots
        call.succeed(CommandDone(message.client_order_id, message.original_sequence, count, message.time_ns))
    else:
        known = open_orders.find(message.order_id, 0)
        if known is not None:
            if isinstance(request, Cancel):
                open_orders.was_canceled(known)
            call.succeed(known)
        else:
            text = "it was done, and its report is not held any more; ask for the order's status"
            call.fail(RequestRejected(RejectReason.HISTORY_GONE, text))


def _refusal(reason: RejectReason) -> RequestRejected:
    return RequestRejected(reason, reason.text)


def _order(request: NewOrder, message: OrderStatus, listing: Listing) -> Order:
    return Order(
        request.client_order_id,
        message.order_id,
        listing.instruments[request.instrument],
        Side(request.side),
        request.price_ticks,
        request.quantity_lots,
        message.leaves_lots,
        message.cum_lots,
        OrdStatus(message.status),
        RejectReason(message.reason),
        message.original_sequence,
        ord_type=OrdType(request.ord_type),
    )


def _receipt(request: Swap, message: OrderStatus, listing: Listing, account: int) -> SwapReceipt:
    return SwapReceipt(
        client_order_id=message.client_order_id,
        sequence=message.original_sequence,
        pay=listing.currencies[request.currency_in],
        receive=listing.currencies[request.currency_out],
        paid_units=message.cum_lots,
        received_units=message.notional_units,
        payee=request.payee or account,
        mode=SwapMode(request.mode),
        time_ns=message.time_ns,
    )


def _movement(
    request: Deposit | Withdraw | FeePayout, message: OrderStatus, listing: Listing, account: int
) -> MoneyMovement:
    return MoneyMovement(
        EventKind.DONE,
        message.client_order_id,
        message.original_sequence,
        listing.currencies[request.currency],
        message.cum_lots,
        request.account or account,
        message.time_ns,
        message.original_sequence if isinstance(request, Withdraw) else 0,
    )
