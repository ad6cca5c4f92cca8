"""What a client knows of its own account: open orders, calls under way, settlements, lost reports.

Everything the venue tells an account privately comes through :meth:`AccountView.hear`, in order.
A command is finished by the report that ends it::

    NEW_ORDER   ACCEPTED with BOOK | RESTED | CANCELED | its own fill with nothing left
    CANCEL      CANCELED with its request id
    SWAP        SWAP_REPORT
    DEPOSIT     MONEY_REPORT, DONE
    any         REJECTED, or ORDER_STATUS where the id was used before

Several sessions of one account hear each other's reports. For payments the venue tells this session
the number of its own command (TAKEN), and only a report with that number answers the call. An id
that was chosen here and yet was used before belongs to another session: the call fails.
"""

from collections import deque
from collections.abc import Callable
from typing import Any, Final

from fxengine.client.call import Call, Pending
from fxengine.client.listing import Listing
from fxengine.client.reports import (
    Execution,
    MoneyMovement,
    Order,
    Refusal,
    Report,
    SettlementNotice,
    SwapReceipt,
)
from fxengine.codes import EventFlag, EventKind, OrdStatus, RejectReason, SettlementStatus, Side
from fxengine.errors import AmountError, RequestRejected
from fxengine.messages import (
    Deposit,
    ExecutionReport,
    LogonAck,
    MoneyReport,
    NewOrder,
    OrderStatus,
    Settlement,
    Swap,
    SwapReport,
    Taken,
    Withdraw,
)

REPORTS_KEPT: Final = 65_536
SETTLEMENTS_KEPT: Final = 4_096

Private = ExecutionReport | OrderStatus | SwapReport | MoneyReport | Settlement


class AccountView:
    """One account as its reports tell it. ``listing`` returns the venue's reference data."""

    def __init__(self, listing: Callable[[], Listing]) -> None:
        self.number = 0
        self.expires_ns = 0
        self.orders: dict[int, Order] = {}
        """Open orders that this session has heard of, by client order id."""
        self.n_missed = 0
        """Reports that are known to be lost: ask for balances and books instead of counting on them."""
        self._listing = listing
        self._next_id = 1
        self._window = 1
        self._stream = 0
        self._calls: dict[int, Pending] = {}
        self._legs: list[Execution] = []
        self._waiting_final: list[tuple[int, Call[SettlementNotice]]] = []
        self._final: deque[SettlementNotice] = deque(maxlen=SETTLEMENTS_KEPT)
        self._reports: deque[Report] = deque(maxlen=REPORTS_KEPT)

    def open(self, ack: LogonAck) -> None:
        """Take in a LOGON_ACK: the first one, or a renewal."""
        self.number, self.expires_ns = ack.account, ack.expires_ns
        self._next_id = max(self._next_id, ack.client_id_highest + 1)
        self._window = ack.window
        self._count(ack.account_stream, joined=self._stream == 0)

    def take_id(self, wanted: int | None) -> int:
        """Return the client order id to use: the wanted one, or the next."""
        number = self._next_id if wanted is None else wanted
        if not 1 <= number < 2**64:
            raise AmountError(f"client order id {number} is not a whole number from 1 to 2**64 - 1")
        self._note_used(number)
        return number

    def _note_used(self, client_order_id: int) -> None:
        """Number on from an id that this session, or another of the account, used.

        One beyond the window is refused by the venue and does not count.
        """
        if self._next_id <= client_order_id < self._next_id + self._window:
            self._next_id = client_order_id + 1

    # -- calls

    def expect_order(self, request: NewOrder, *, automatic: bool) -> Call[Order]:
        """Make the call of a NEW_ORDER; ``automatic`` where its id was chosen here."""
        return self._expect("NEW_ORDER", request.client_order_id, request, automatic)

    def expect_cancel(self, client_order_id: int) -> Call[Order]:
        """Make the call of a CANCEL with its own id."""
        return self._expect("CANCEL", client_order_id, None, True)

    def expect_swap(self, request: Swap, *, automatic: bool) -> Call[SwapReceipt]:
        """Make the call of a SWAP; ``automatic`` where its id was chosen here."""
        return self._expect("SWAP", request.client_order_id, request, automatic)

    def expect_movement(self, request: Deposit | Withdraw, *, automatic: bool) -> Call[MoneyMovement]:
        """Make the call of a DEPOSIT or WITHDRAW; ``automatic`` where its id was chosen here."""
        return self._expect(type(request).__name__.upper(), request.client_order_id, request, automatic)

    def _expect(self, what: str, client_order_id: int, request: object, automatic: bool) -> Call[Any]:
        call: Call[Any] = Call(
            f"{what} with client_order_id {client_order_id}; whether it was done is not known, and the same"
            " request with the same client_order_id is safe to send again"
        )
        self._calls[client_order_id] = Pending(call, request, automatic)
        return call

    def expect_final(self, sequence: int) -> Call[SettlementNotice]:
        """Make a call that finishes when the command's batch is FINAL; at once if that was heard."""
        call: Call[SettlementNotice] = Call(f"settlement of command {sequence}")
        for notice in self._final:
            if notice.covers(sequence):
                call.succeed(notice)
                return call
        self._waiting_final.append((sequence, call))
        return call

    def fail(self, client_order_id: int, error: RequestRejected) -> bool:
        """Fail the call of a command that the gateway refused; False where none waits."""
        pending = self._calls.pop(client_order_id, None)
        if pending is not None:
            pending.call.fail(error)
        return pending is not None

    def taken(self, message: Taken) -> None:
        """Note the number under which a payment of this session was taken."""
        pending = self._calls.get(message.client_order_id)
        if pending is not None:
            pending.sequence = message.sequence

    def _answered(self, client_order_id: int, sequence: int) -> Pending | None:
        """Return, and forget, the call that a report of this command number answers."""
        pending = self._calls.get(client_order_id)
        if pending is None or not pending.is_answered_by(sequence):
            return None
        return self._calls.pop(client_order_id)

    def _succeed(self, client_order_id: int, sequence: int, result: object) -> None:
        pending = self._answered(client_order_id, sequence)
        if pending is not None:
            pending.call.succeed(result)

    # -- reports

    def take_reports(self) -> list[Report]:
        """Return what has been heard since the last call, oldest first."""
        reports = list(self._reports)
        self._reports.clear()
        return reports

    def note_refusal(self, error: RequestRejected) -> None:
        """Keep a REJECT that no call waits for."""
        self._reports.append(Refusal(RejectReason(error.reason), error.text))

    def hear(self, message: Private) -> None:
        """Take in one private message."""
        if isinstance(message, Settlement):
            self._on_settlement(message)
            return
        self._count(message.account_stream)
        if isinstance(message, ExecutionReport):
            self._on_execution(message)
        elif isinstance(message, OrderStatus):
            self._on_status(message)
        elif isinstance(message, SwapReport):
            self._on_swap(message)
        else:
            self._on_money(message)

    def _count(self, stream: int, *, joined: bool = False) -> None:
        if not joined and stream > self._stream + 1:
            self.n_missed += stream - self._stream - 1
        self._stream = max(self._stream, stream)

    def _on_execution(self, message: ExecutionReport) -> None:
        kind, client_id = message.exec_type, message.client_order_id
        self._note_used(client_id)
        self._note_used(message.request_id)
        if kind == EventKind.CREDENTIALED:
            return
        if kind == EventKind.REJECTED:
            reason = RejectReason(message.reason)
            error = RequestRejected(reason, reason.text)
            pending = self._answered(message.request_id or client_id, message.sequence)
            if pending is None:
                self.note_refusal(error)
            else:
                pending.call.fail(error)
            return
        execution = Execution(message, self._listing().instruments[message.instrument])
        self._reports.append(execution)
        if message.flags & EventFlag.SWAP:
            self._legs.append(execution)
            return
        order = self._follow(execution)
        rests = kind == EventKind.RESTED or (kind == EventKind.ACCEPTED and message.flags & EventFlag.BOOK)
        if rests or not order.is_open:
            self._succeed(client_id, message.sequence, order)
        if message.request_id:
            self._succeed(message.request_id, message.sequence, order)

    def _follow(self, execution: Execution) -> Order:
        """Bring the order up to date and return it."""
        message = execution.message
        order = self.orders.get(message.client_order_id)
        if order is None:
            order = Order(
                message.client_order_id,
                message.order_id,
                execution.instrument,
                execution.side,
                message.price_ticks,
                message.cum_lots + message.leaves_lots,
                message.leaves_lots,
            )
            if execution.exec_type is EventKind.CANCELED:
                order.quantity_lots += message.quantity_lots
            self.orders[message.client_order_id] = order
        order.status, order.reason = execution.status, execution.reason
        order.leaves_lots, order.cum_lots = message.leaves_lots, message.cum_lots
        order.sequence = message.sequence
        if execution.exec_type is EventKind.FILL:
            order.fills.append(execution)
        if not order.is_open:
            del self.orders[message.client_order_id]
        return order

    def _on_status(self, message: OrderStatus) -> None:
        """Finish a call whose id was used before with the outcome of then."""
        pending = self._answered(message.client_order_id, message.sequence)
        if pending is None:
            return
        call, request = pending.call, pending.request
        reason = RejectReason.CLIENT_ID_REUSED if pending.automatic else RejectReason(message.reason)
        if pending.automatic or message.status == OrdStatus.REJECTED:
            call.fail(RequestRejected(reason, reason.text))
        elif isinstance(request, NewOrder):
            known = self.orders.get(message.client_order_id)
            call.succeed(known or self._order_of(request, message))
        elif isinstance(request, Swap):
            currencies = self._listing().currencies
            pay, receive = currencies[request.currency_in], currencies[request.currency_out]
            spent, delivered = message.cum_lots, message.notional_units
            payee = request.payee or self.number
            receipt = SwapReceipt(
                message.client_order_id,
                message.original_sequence,
                pay,
                receive,
                spent,
                delivered,
                payee,
                time_ns=message.time_ns,
            )
            call.succeed(receipt)
        elif isinstance(request, Deposit | Withdraw):
            currency = self._listing().currencies[request.currency]
            movement = MoneyMovement(
                EventKind.DONE,
                message.client_order_id,
                message.original_sequence,
                currency,
                message.cum_lots,
                request.account,
                message.time_ns,
            )
            call.succeed(movement)

    def _order_of(self, request: NewOrder, message: OrderStatus) -> Order:
        return Order(
            request.client_order_id,
            message.order_id,
            self._listing().instruments[request.instrument],
            Side(request.side),
            request.price_ticks,
            request.quantity_lots,
            message.leaves_lots,
            message.cum_lots,
            OrdStatus(message.status),
            RejectReason(message.reason),
            message.original_sequence,
        )

    def _on_swap(self, message: SwapReport) -> None:
        listing = self._listing()
        currencies = listing.currencies
        route = tuple(listing.instruments[index] for index in message.path)
        change, holding = [], currencies[message.currency_in]
        for instrument, units in zip(route, message.change_units, strict=True):
            holding = instrument.quote if holding == instrument.base else instrument.base
            change += [(holding, units)] if units else []
        legs, self._legs = tuple(self._legs), []
        receipt = SwapReceipt(
            message.client_order_id,
            message.sequence,
            currencies[message.currency_in],
            currencies[message.currency_out],
            message.amount_in_units,
            message.amount_out_units,
            message.payee,
            route,
            tuple(change),
            tuple(leg for leg in legs if leg.message.sequence == message.sequence),
            message.time_ns,
        )
        self._reports.append(receipt)
        self._succeed(message.client_order_id, message.sequence, receipt)

    def _on_money(self, message: MoneyReport) -> None:
        movement = MoneyMovement(
            EventKind(message.exec_type),
            message.client_order_id,
            message.sequence,
            self._listing().currencies[message.currency],
            message.amount_units,
            message.counterparty,
            message.time_ns,
        )
        self._reports.append(movement)
        if movement.kind is EventKind.DONE:
            self._succeed(message.client_order_id, message.sequence, movement)

    def _on_settlement(self, message: Settlement) -> None:
        batch_id, status, finality, first, last, posted_ns = message
        notice = SettlementNotice(batch_id, SettlementStatus(status), finality, first, last, posted_ns)
        self._reports.append(notice)
        if notice.status is not SettlementStatus.FINAL:
            return
        self._final.append(notice)
        waiting, self._waiting_final = self._waiting_final, []
        for sequence, call in waiting:
            if notice.covers(sequence):
                call.succeed(notice)
            else:
                self._waiting_final.append((sequence, call))
