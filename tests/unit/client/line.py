"""A venue without sockets at the other end of a line that a test can cut at any message.

It answers as the gateway does: commands go to the reference core, reports are numbered and kept, a
connection that has not logged on is told so. What was on its way when the line is cut is lost.
"""

from pathlib import Path

import numpy as np

from fxengine.client import Protocol, SessionOptions
from fxengine.codes import AccountFlag, RejectReason
from fxengine.gateway.commands import RECORD_OF
from fxengine.messages import (
    PAYMENTS,
    TYPE_OF,
    AccountNumber,
    Balances,
    BalancesRequest,
    Heartbeat,
    HeartbeatAck,
    Logon,
    LogonAck,
    Logout,
    LogoutAck,
    OpenOrders,
    OpenOrdersRequest,
    OrderState,
    OrderStatusRequest,
    Reject,
    Replayed,
    ReplayRequest,
    ReportFormat,
    Request,
    Taken,
    VenueDescription,
    VenueRequest,
)
from fxengine.records import COMMAND, EVENT, Records
from fxengine.venue import Venue
from fxengine.wire import Refused, decode_requests, encode, event_frame, read_events, report_of
from tests.integration.venue_thread import START_NS
from tests.unit.gateway.core_flow import OPERATOR, CoreFlow, venue_in

PAGE = 3
"""Orders in one OPEN_ORDERS: few, so that there are several pages."""
NUMBERS = {"maker": 2, "payer": 3, "operator": OPERATOR}


class RememberingFlow(CoreFlow):
    """A core, and what each account was told from the beginning: ``told[account][n - 1]`` is number n of its stream."""

    def __init__(self, venue: Venue) -> None:
        self.told: dict[int, list[tuple[bytes, int]]] = {}
        super().__init__(venue)

    def apply(self, records: Records) -> Records:
        events = super().apply(records)
        for place in range(len(events)):
            if events["account_stream"][place]:
                told = self.told.setdefault(int(events["account"][place]), [])
                assert int(events["account_stream"][place]) == len(told) + 1
                told.append((events[place : place + 1].tobytes(), self.time_ns))
        return events


class Counter:
    """The venue: one core, and the lines to it."""

    def __init__(self, folder: Path) -> None:
        self.flow = RememberingFlow(venue_in(folder))
        self.told = self.flow.told
        self.first_held = 1
        self.refuses_logons = False
        self._lines: list[Line] = []
        self.listing = VenueDescription(
            0,
            self.flow.venue.id,
            self.flow.venue.name,
            tuple((c.code, c.name, c.decimals) for c in self.flow.venue.currencies),
            tuple(
                (i.symbol, i.base.index, i.quote.index, i.tick, i.lot, i.maker_rate, i.taker_rate, i.lot_units,
                 i.tick_lot_units)
                for i in self.flow.venue.instruments
            ),
        )  # fmt: skip

    def connect(self, name: str, options: SessionOptions | None = None) -> "Line":
        line = Line(self, NUMBERS[name], options)
        self._lines.append(line)
        return line

    def apply(self, records: bytes) -> None:
        """Apply a command; tell everybody what it led to."""
        self._tell(self.flow.apply(np.frombuffer(records, COMMAND)))

    def log_on(self, account: int) -> None:
        """Give an account a credential; tell everybody."""
        self._tell(self.flow.log_on(account, AccountFlag.OPERATOR if account == OPERATOR else AccountFlag.NONE))

    def _tell(self, events: Records) -> None:
        for line in self._lines:
            line.tell(events[events["account"] == line.account]["account_stream"].tolist())


class Line:
    """One client's connection, with what travels on it in either direction."""

    def __init__(self, counter: Counter, account: int, options: SessionOptions | None) -> None:
        self.counter = counter
        self.account = account
        self.options = options or SessionOptions()
        self.protocol = Protocol(options)
        self.n_connections = 1
        self.sent: list[Request | Refused] = []
        """Every message that reached the venue."""
        self._is_on = False
        self._to_client: list[bytes] = []

    def log_on(self) -> "Line":
        calls = self.protocol.logon("token"), self.protocol.reference_data()
        self.run()
        for call in calls:
            call.result()
        return self

    def run(self) -> None:
        """Carry everything in both directions until nothing is on its way."""
        while self.carry_out() or self.carry_in():
            pass

    def carry_out(self, n_max: int = 10**9) -> bool:
        """Carry up to so many messages to the venue; what is left is lost with the next cut."""
        messages = [m for frame in self.protocol.take_frames() for m in decode_requests(frame)]
        for message in messages[:n_max]:
            self.sent.append(message)
            self._take(message)
        return bool(messages)

    def carry_in(self, n_max: int = 10**9) -> bool:
        """Carry up to so many of the venue's frames to the client."""
        frames, self._to_client = self._to_client[:n_max], self._to_client[n_max:]
        for frame in frames:
            self.protocol.receive(frame)
        return bool(frames)

    def cut(self, *, notice: bool = True) -> None:
        """Lose the connection and all that is on its way; have a new one, and notice or not."""
        self._is_on = False
        self._to_client.clear()
        list(self.protocol.take_frames())
        self.n_connections += 1
        if notice:
            self.protocol.note_connections(self.n_connections)

    def tell(self, numbers: list[int]) -> None:
        """Report these numbers of the account's stream, if somebody is there to hear them."""
        if self._is_on and numbers:
            self._report(numbers)

    def _report(self, numbers: list[int]) -> None:
        told = [self.counter.told[self.account][number - 1] for number in numbers]
        if self.options.report_format is ReportFormat.RECORDS:
            self._to_client += [event_frame(record, time_ns) for record, time_ns in told]
            return
        messages = []
        for record, time_ns in told:
            events = np.frombuffer(record, EVENT)
            messages.append(report_of(read_events(events)[0], 0, events, time_ns))
        self._say(*messages)

    def _say(self, *messages: tuple[object, ...]) -> None:
        self._to_client.append(encode(messages))

    def _refuse(self, message: Request, reason: RejectReason) -> None:
        first = message[0] if message and isinstance(message[0], int) else 0
        self._say(Reject(int(reason), reason.text, int(TYPE_OF[type(message)]), first))

    def _take(self, message: Request | Refused) -> None:
        counter, core = self.counter, self.counter.flow.core
        assert not isinstance(message, Refused)
        if isinstance(message, Heartbeat):
            self._say(HeartbeatAck(message.number))
        elif isinstance(message, Logon):
            self._log_on(message)
        elif not self._is_on:
            self._refuse(message, RejectReason.NOT_LOGGED_ON)
        elif isinstance(message, Logout):
            self._is_on = False
            self._say(LogoutAck())
        elif type(message) in RECORD_OF:
            sequence = core.sequence + 1
            if isinstance(message, PAYMENTS):
                self._say(Taken(message.client_order_id, sequence))
            counter.apply(RECORD_OF[type(message)](self.account, message))
        elif isinstance(message, VenueRequest):
            self._say(counter.listing._replace(request_id=message.request_id))
        elif isinstance(message, BalancesRequest):
            rows = ((c, *core.balance(self.account, c)) for c in range(4))
            self._say(Balances(message.request_id, tuple(rows)))
        elif isinstance(message, OrderStatusRequest):
            row = core.order_state(self.account, message.client_order_id, message.order_id)
            if row is None:
                reason = RejectReason.UNKNOWN_ORDER
                self._say(Reject(int(reason), reason.text, int(TYPE_OF[type(message)]), message.request_id))
            else:
                self._say(OrderState(message.request_id, *map(int, row)))
        elif isinstance(message, OpenOrdersRequest):
            rows_ = core.open_orders(self.account, message.after_order_id, PAGE + 1)
            page = tuple(tuple(map(int, row)) for row in rows_[:PAGE])
            self._say(OpenOrders(message.request_id, page, int(len(rows_) > PAGE)))
        elif isinstance(message, ReplayRequest):
            self._replay(message)
        else:
            self._say(AccountNumber(message.request_id, self.account))

    def _log_on(self, logon: Logon) -> None:
        if self.counter.refuses_logons:
            self._refuse(logon, RejectReason.TOKEN_EXPIRED)
            return
        was_on, self._is_on = self._is_on, False
        if not was_on:
            self.counter.log_on(self.account)
        highest, held = self.counter.flow.core.client_id_highest(self.account), self.counter.first_held
        last = len(self.counter.told[self.account])
        self._say(LogonAck(self.account, highest, 1024, START_NS + 10**15, "fx-test", last, held))
        if logon.next_stream:
            first = max(held, logon.next_stream)
            self._report(list(range(first, last + 1)))
            self._say(Replayed(0, first, last, held))
        self._is_on = True

    def _replay(self, request: ReplayRequest) -> None:
        held = self.counter.first_held
        last = min(request.last_stream or 2**64, len(self.counter.told[self.account]))
        if request.first_stream < held:
            self._refuse(request, RejectReason.HISTORY_GONE)
            return
        self._report(list(range(request.first_stream, last + 1)))
        self._say(Replayed(request.request_id, request.first_stream, last, held))
