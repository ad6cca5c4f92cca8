"""What a client knows of its own account: its orders, calls under way, settlements, lost reports.

Everything the venue tells an account privately comes through :meth:`AccountView.hear`. Put in order
(``stream``), each message becomes a report (``reading``), moves the orders (``orders``) and may
finish a call (``commands``); here the three meet::

    hear -> PrivateStream -> Reader ----------> take_reports
                          -> OpenOrders ------> orders, quotes
                          -> CommandsUnderWay -> the call of NEW_ORDER, SWAP, ...
"""

from collections import deque
from collections.abc import Callable
from typing import Final

from fxengine.client.call import Call
from fxengine.client.commands import OF_ONE_SET, CommandsUnderWay
from fxengine.client.executions import Execution
from fxengine.client.listing import Listing
from fxengine.client.orders import OpenOrders
from fxengine.client.reading import Numbered, Reader
from fxengine.client.repetition import outcome_of
from fxengine.client.reports import MoneyMovement, Order, Refusal, Report, SettlementNotice
from fxengine.client.stream import PrivateStream
from fxengine.codes import CommandKind, EventFlag, EventKind, GuardAction, OrdType, RejectReason, SettlementStatus
from fxengine.errors import AmountError, RequestRejected
from fxengine.messages import (
    Cancel,
    Deposit,
    ExecutionReport,
    FeePayout,
    LogonAck,
    MoneyReport,
    NewOrder,
    OrderStatus,
    Settlement,
    SwapReport,
    Taken,
    Withdraw,
)

REPORTS_KEPT: Final = 65_536
SETTLEMENTS_KEPT: Final = 4_096
_STOPS: Final = (OrdType.STOP, OrdType.STOP_LIMIT)


class AccountView:
    """One account as its reports tell it.

    ``listing`` returns the venue's reference data; ``ask_replay(first, last)`` has reports sent again.
    """

    def __init__(self, listing: Callable[[], Listing], ask_replay: Callable[[int, int], None]) -> None:
        self.number = 0
        self.expires_ns = 0
        self.open_orders = OpenOrders(listing)
        self.commands = CommandsUnderWay()
        self.stream: PrivateStream[Numbered] = PrivateStream(self._deliver, ask_replay)
        self._listing = listing
        self._reader = Reader(listing)
        self._next_id = 1
        self._window = 1
        self._collectors: list[Callable[[Numbered], None]] = []
        self._waiting_final: list[tuple[int, Call[SettlementNotice]]] = []
        self._final: deque[SettlementNotice] = deque(maxlen=SETTLEMENTS_KEPT)
        self._reports: deque[Report] = deque(maxlen=REPORTS_KEPT)

    @property
    def orders(self) -> dict[int, Order]:
        """Open orders that this session has heard of, by client order id."""
        return self.open_orders.orders

    @property
    def quotes(self) -> dict[int, Order]:
        """Open levels of mass quotes that this session has heard of, by OrderID."""
        return self.open_orders.quotes

    @property
    def n_missed(self) -> int:
        """Reports that are lost for good; the orders were asked for anew, balances are best asked for."""
        return self.stream.n_missed

    def open(self, ack: LogonAck) -> None:
        """Take in a LOGON_ACK: the first one, or a later one."""
        self.number, self.expires_ns = ack.account, ack.expires_ns
        self._next_id = max(self._next_id, ack.client_id_highest + 1)
        self._window = ack.window

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

    def expect_final(self, sequence: int) -> Call[SettlementNotice]:
        """Make a call that finishes when the command's batch is FINAL; at once if that was heard."""
        call: Call[SettlementNotice] = Call(f"settlement of command {sequence}")
        for notice in self._final:
            if notice.covers(sequence):
                call.succeed(notice)
                return call
        self._waiting_final.append((sequence, call))
        return call

    def taken(self, message: Taken) -> None:
        """Note the number under which a payment of this session was taken."""
        pending = self.commands.get(message.client_order_id)
        if pending is not None:
            pending.taken.append(message.sequence)

    # -- reports

    def take_reports(self) -> list[Report]:
        """Return what has been heard since the last call, oldest first."""
        reports = list(self._reports)
        self._reports.clear()
        return reports

    def note_refusal(self, error: RequestRejected) -> None:
        """Keep a REJECT that no call waits for."""
        self._reports.append(Refusal(RejectReason(error.reason), error.text))

    def collect(self, first: int, last: int) -> Callable[[], list[Report]]:
        """Gather the reports of these numbers that were heard before and come again; the result ends it."""
        again, reader = list[Report](), Reader(self._listing)

        def gather(message: Numbered) -> None:
            if first <= message.account_stream <= (last or message.account_stream):
                report = reader.read(message)
                again.extend([report] if report is not None else [])

        def end() -> list[Report]:
            self._collectors.remove(gather)
            return again

        self._collectors.append(gather)
        return end

    def hear(self, message: Numbered | Settlement) -> None:
        """Take in one private message."""
        if isinstance(message, Settlement):
            self._on_settlement(message)
            return
        for gather in self._collectors:
            gather(message)
        self.stream.take(message.account_stream, message)

    def _deliver(self, message: Numbered) -> None:
        report = self._movement_done(message) or self._reader.read(message)
        if report is not None and not isinstance(report, Refusal):
            self._reports.append(report)
        if isinstance(message, ExecutionReport):
            self._on_execution(message, report)
        elif isinstance(message, OrderStatus):
            self._on_status(message)
        elif isinstance(message, SwapReport):
            self._note_used(message.client_order_id)
            self.commands.succeed(message.client_order_id, message.sequence, report)
        elif isinstance(message, MoneyReport):
            self._on_money(message, report)

    def _on_execution(self, message: ExecutionReport, report: Report | None) -> None:
        kind, client_id = message.exec_type, message.client_order_id
        self._note_used(client_id)
        self._note_used(message.request_id)
        if kind == EventKind.REJECTED:
            self._on_refused(message, report)
        elif kind == EventKind.GUARDED:
            if message.side == GuardAction.DEAD_MAN and not message.reason:
                self.commands.guarded(message.quantity_lots)
        elif kind == EventKind.QUOTED:
            self.open_orders.quoted(client_id)
            self.commands.set_ended(client_id, message.sequence, "", RejectReason.NONE)
        elif isinstance(report, Execution) and not message.flags & EventFlag.SWAP:
            self._on_order(message, self.open_orders.follow(report))

    def _on_refused(self, message: ExecutionReport, report: Report | None) -> None:
        reason, command = RejectReason(message.reason), message.side
        error = RequestRejected(reason, reason.text)
        if command == CommandKind.GUARD and self.commands.guard_refused(error):
            return
        if command == CommandKind.MASS_QUOTE and reason in OF_ONE_SET:
            instruments = self._listing().instruments
            symbol = instruments[message.instrument].symbol if message.instrument < len(instruments) else ""
            if self.commands.set_ended(message.client_order_id, message.sequence, symbol, reason):
                return
        pending = self.commands.answered(message.request_id or message.client_order_id, message.sequence)
        if pending is not None:
            pending.call.fail(error)
        elif report is not None:
            self._reports.append(report)

    def _on_order(self, message: ExecutionReport, order: Order) -> None:
        """Finish what an order's report finishes."""
        kind, sequence = message.exec_type, message.sequence
        pending = self.commands.get(message.client_order_id)
        if pending is not None and isinstance(pending.request, NewOrder):
            order.ord_type = OrdType(pending.request.ord_type)
            accepted = kind == EventKind.ACCEPTED
            waits = accepted and order.ord_type in _STOPS
            rests = kind == EventKind.RESTED or (accepted and message.flags & EventFlag.BOOK)
            if waits or rests or not order.is_open:
                self.commands.succeed(message.client_order_id, sequence, order)
        if kind == EventKind.REPLACED:
            self.commands.replaced(order)
        request = self.commands.get(message.request_id)
        if request is not None and isinstance(request.request, Cancel):
            self.commands.succeed(message.request_id, sequence, order)

    def _on_status(self, message: OrderStatus) -> None:
        """Finish a call whose id was used before with the outcome of then."""
        pending = self.commands.answered(message.client_order_id, message.sequence)
        if pending is not None:
            outcome_of(pending, message, self.open_orders, self._listing(), self.number)

    def _movement_done(self, message: Numbered) -> MoneyMovement | None:
        """Read the DONE of a deposit or withdrawal of this session, which alone knows that it is one."""
        if isinstance(message, MoneyReport) and message.exec_type == EventKind.DONE:
            pending = self.commands.get(message.client_order_id)
            if pending is not None and isinstance(pending.request, Deposit | Withdraw | FeePayout):
                return self._reader.movement(message)
        return None

    def _on_money(self, message: MoneyReport, report: Report | None) -> None:
        if message.client_order_id:  # DONE, and what an own WITHDRAW holds
            self.commands.succeed(message.client_order_id, message.sequence, report)

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
