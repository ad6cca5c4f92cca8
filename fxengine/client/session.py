"""The client's side of a session, without sockets, clocks or threads in it: logon, and what survives a lost line.

ZeroMQ connects again by itself, and the venue takes that for somebody new. So when the connection
was made anew, or the venue says that nobody is logged on, the session resumes by itself::

    OFF --logon--> LOGGING_ON --LOGON_ACK--> ON --connection lost--> RESUMING --+
                                             ^                                  | LOGON, next_stream
                                             |                                  | LOGON_ACK, the missed reports
                                             +-- what is still unanswered <-----+ REPLAYED
                                                 is sent again

Reports that were missed come first, and finish most calls. What is unanswered then is sent again
with the same client order ids: the venue does each of them once, however often it is sent.
"""

from collections.abc import Callable, Iterator
from enum import Enum, auto
from typing import Any, Final, TypeVar

from fxengine.client.account import AccountView
from fxengine.client.call import Call
from fxengine.client.listing import Listing
from fxengine.client.options import SessionOptions
from fxengine.client.reports import Report
from fxengine.codes import RejectReason
from fxengine.errors import ProtocolError, RequestRejected, VenueUnreachable
from fxengine.messages import (
    TYPE_OF,
    AccountNumber,
    Balances,
    Book,
    ExecutionReport,
    Heartbeat,
    HeartbeatAck,
    Logon,
    LogonAck,
    Logout,
    LogoutAck,
    MessageType,
    MoneyReport,
    OpenOrders,
    OpenWithdrawals,
    OrderState,
    OrderStatus,
    Reject,
    Replayed,
    ReplayRequest,
    Reply,
    SwapLegReport,
    SwapPathReport,
    SwapQuote,
    SwapReport,
    Taken,
    VenueDescription,
)
from fxengine.wire import (
    REQUEST_BYTES_MAX,
    REQUEST_MESSAGES_MAX,
    decode_replies,
    encode_message,
    frame_of,
    is_record_frame,
    read_event_frame,
    read_events,
    report_of,
)

R = TypeVar("R")

_COMMANDS: Final = frozenset({
    MessageType.NEW_ORDER, MessageType.CANCEL, MessageType.AMEND, MessageType.MASS_CANCEL, MessageType.MASS_QUOTE,
    MessageType.SWAP, MessageType.DEPOSIT, MessageType.WITHDRAW, MessageType.REVOKE,
    MessageType.END_WITHDRAWAL, MessageType.CONTROL, MessageType.BUST, MessageType.FEE_PAYOUT,
})  # fmt: skip
_ANSWERS: Final = (Balances, VenueDescription, Book, AccountNumber, OrderState, OpenOrders, OpenWithdrawals, SwapQuote)
_SPEAK_OF_THE_LISTING: Final = (
    ExecutionReport, OrderStatus, SwapLegReport, SwapPathReport, SwapReport, MoneyReport, Replayed,
)  # fmt: skip
_SESSION_GONE: Final = (RejectReason.NOT_LOGGED_ON, RejectReason.SESSION_SILENT, RejectReason.SLOW_READER)
_FRAME_OVERHEAD: Final = 16


class Standing(Enum):
    """Where the session stands, as far as the client knows."""

    OFF = auto()
    LOGGING_ON = auto()
    ON = auto()
    RESUMING = auto()


class ClientSession:
    """A session with one venue: logging on, asking, hearing. Every method returns at once."""

    def __init__(self, options: SessionOptions | None = None) -> None:
        self.options = options or SessionOptions()
        self.listing: Listing | None = None
        self.account = AccountView(self.listed, self._ask_replay)
        self.standing = Standing.OFF
        self.n_resumed = 0
        """How often the session was resumed after it had been lost."""
        self._token = ""
        self._logon: Call[int] | None = None
        self._logout: Call[None] | None = None
        self._next_request_id = 1
        self._questions: dict[int, tuple[Call[Any], Callable[[Any], Any], tuple[object, ...]]] = {}
        self._out: list[bytes] = []
        self._unread: list[Reply] = []
        self._n_connections = 1
        self._beat_due_s = 0.0
        if self.options.next_stream:
            self.account.stream.start(self.options.next_stream - 1)

    # -- session

    def logon(self, token: str) -> Call[int]:
        """Log on, or renew the session, with a KYC token; the result is the account's number."""
        self._token = token
        if self.standing is Standing.OFF:
            self.standing = Standing.LOGGING_ON
        self._out.append(encode_message(self.options.logon(token, self._wanted_stream())))
        self._logon = Call("LOGON")
        return self._logon

    def logout(self) -> Call[None]:
        """Log off; everything sent before is answered first."""
        self._out.append(encode_message(Logout()))
        self._logout = Call("LOGOUT")
        return self._logout

    def heartbeat(self) -> Call[None]:
        """Ask whether the venue is there."""
        return self._ask("HEARTBEAT", Heartbeat, lambda _: None)

    def keep_alive(self, now_s: float) -> float:
        """Send a HEARTBEAT if one is due; return how many seconds there are until the next, by the caller's clock."""
        interval_s = self.options.heartbeat_ms / 1_000
        if not interval_s:
            return float("inf")
        if now_s >= self._beat_due_s:
            self._beat_due_s = now_s + interval_s
            self._out.append(encode_message(Heartbeat(0)))
        return self._beat_due_s - now_s

    def note_connections(self, n_connections: int) -> None:
        """Note how many times a connection was made; another one than before has to be logged on again."""
        if n_connections > self._n_connections:
            self._n_connections = n_connections
            self._resume()

    def _wanted_stream(self) -> int:
        """Return from which report on the LOGON has to ask for what was missed; 0: for nothing."""
        if self.standing is Standing.ON:
            return 0
        heard = self.account.stream.number
        return heard + 1 if heard or self.options.next_stream else 0

    def _resume(self) -> None:
        """Log on again, first of all."""
        if self.standing is Standing.OFF:
            return
        if self.standing is Standing.ON:
            self.standing = Standing.RESUMING
            self.n_resumed += 1
        self._out.clear()
        self._out.append(encode_message(self.options.logon(self._token, self._wanted_stream())))
        if self.standing is Standing.LOGGING_ON:
            self._send_unanswered()

    def _up_to_date(self) -> None:
        """Go on where the session was lost: send what is unanswered once more."""
        self.standing = Standing.ON
        self.account.commands.note_sent_again()
        self._send_unanswered()

    def _send_unanswered(self) -> None:
        for request in self.account.commands.requests():
            self._out.append(encode_message(request))
        for _, _, question in self._questions.values():
            self._out.append(encode_message(question))
        if self._logout is not None and not self._logout.done:
            self._out.append(encode_message(Logout()))

    # -- out

    def take_frames(self) -> Iterator[bytes]:
        """Yield what is to be sent, in frames that the venue accepts."""
        out, self._out = self._out, []
        chunks: list[bytes] = []
        n_bytes = 0
        for chunk in out:
            if len(chunks) == REQUEST_MESSAGES_MAX or n_bytes + len(chunk) > REQUEST_BYTES_MAX - _FRAME_OVERHEAD:
                yield frame_of(chunks, len(chunks))
                chunks, n_bytes = [], 0
            chunks.append(chunk)
            n_bytes += len(chunk)
        if chunks:
            yield frame_of(chunks, len(chunks))

    def _send(self, message: tuple[object, ...]) -> None:
        """Send a command or question; while the session resumes it waits with the others that are unanswered."""
        if self.standing is not Standing.RESUMING:
            self._out.append(encode_message(message))

    def _ask(self, what: str, make: Callable[[int], tuple[object, ...]], read: Callable[[Any], R]) -> Call[R]:
        """Send the question that ``make`` builds with a request id; its answer goes through ``read``."""
        request_id, call = self._next_request_id, Call[R](what)
        self._next_request_id += 1
        question = make(request_id)
        self._questions[request_id] = (call, read, question)
        self._send(question)
        return call

    def _ask_replay(self, first: int, last: int) -> None:
        def read(_: object) -> None:
            self.account.stream.asked()
            if self.account.n_missed:
                self._after_missed()

        self._ask("REPLAY_REQUEST", lambda request_id: ReplayRequest(request_id, first, last), read)

    def _after_missed(self) -> None:
        """Learn anew what cannot be heard any more; see ``Questions``."""

    # -- in

    def receive(self, frame: bytes) -> None:
        """Take in one frame of the venue; :class:`ProtocolError` when it is not this protocol."""
        if is_record_frame(frame):
            events, time_ns = read_event_frame(frame)
            for place, row in enumerate(read_events(events)):
                self._hear(report_of(row, place, events, time_ns))
            return
        for message in decode_replies(frame):
            self._hear(message)

    def take_reports(self) -> list[Report]:
        """Return the reports that have arrived since the last call, oldest first; 65,536 are kept."""
        return self.account.take_reports()

    def _hear(self, message: Reply) -> None:
        if self.listing is None and isinstance(message, _SPEAK_OF_THE_LISTING):
            self._unread.append(message)
        elif isinstance(message, _ANSWERS):
            self._answered(message.request_id, message)
        elif isinstance(message, Replayed):
            self._replayed(message)
        elif isinstance(message, HeartbeatAck):
            self._answered(message.number, message)
        elif isinstance(message, LogonAck):
            self._logged_on(message)
        elif isinstance(message, LogoutAck):
            self.standing = Standing.OFF
            if self._logout is not None:
                self._logout.succeed(None)
        elif isinstance(message, Reject):
            self._refused(message)
        elif isinstance(message, Taken):
            self.account.taken(message)
        else:
            self.account.hear(message)

    def _hear_what_waited(self) -> None:
        """Hear the reports that came before the reference data that they speak of."""
        unread, self._unread = self._unread, []
        for message in unread:
            self._hear(message)

    def _answered(self, request_id: int, answer: object) -> None:
        call, read, _ = self._questions.pop(request_id, (None, None, None))
        if call is not None and read is not None:
            call.succeed(read(answer))

    def _replayed(self, message: Replayed) -> None:
        if message.request_id:
            self._answered(message.request_id, message)
            return
        missed = self.account.n_missed
        self.account.stream.pass_over(message.last_stream)
        if self.standing is Standing.RESUMING:
            self._up_to_date()
        if self.account.n_missed > missed:
            self._after_missed()

    def _logged_on(self, ack: LogonAck) -> None:
        stream, was_off = self.account.stream, self.standing is not Standing.ON
        self.account.open(ack)
        if not stream.number and not self.options.next_stream:
            stream.start(ack.account_stream)
        elif was_off and ack.first_held > stream.number + 1:
            stream.pass_over(ack.first_held - 1)
            self._after_missed()
        if self.standing is Standing.LOGGING_ON:
            self.standing = Standing.ON
        if self._logon is not None:
            self._logon.succeed(ack.account)
            self._logon = None

    def _refused(self, refused: Reject) -> None:
        reason, kind, number = RejectReason(refused.reason), refused.ref_type, refused.ref_id
        if reason in _SESSION_GONE and self._resumes():
            return
        error = RequestRejected(reason, refused.text, refused.retry_ns)
        if kind in _COMMANDS and self._command_refused(number, error):
            return
        if kind == MessageType.DEAD_MAN and self.account.commands.guard_refused(error):
            return
        if kind == TYPE_OF[Logon] and reason is not RejectReason.HISTORY_GONE:
            self._logon_refused(error)
        elif kind not in _COMMANDS and number in self._questions:
            call, read, question = self._questions.pop(number)
            call.fail(error)
            if isinstance(question, ReplayRequest):
                read(None)
        else:
            self.account.note_refusal(error)

    def _command_refused(self, client_order_id: int, error: RequestRejected) -> bool:
        """Fail the command that the gateway refused; False where none waits."""
        pending = self.account.commands.get(client_order_id)
        if pending is not None and pending.is_sent_again:
            # It speaks of the second sending; the first may have been taken all the same.
            unknown = VenueUnreachable(f"no answer but {error} to {pending.call.what}")
            return self.account.commands.fail(client_order_id, unknown)
        return self.account.commands.fail(client_order_id, error)

    def _resumes(self) -> bool:
        """Resume a session that the venue does not know any more; False where there was none."""
        if self.standing is Standing.OFF:
            return False
        if self.standing is Standing.LOGGING_ON:
            return self._n_connections > 1  # it answers what was sent before the LOGON on this connection
        if self.standing is Standing.ON:
            self._resume()
        return True

    def _logon_refused(self, error: RequestRejected) -> None:
        if self._logon is not None:
            self._logon.fail(error)
            self._logon = None
        else:
            self.account.note_refusal(error)
        if self.standing is Standing.RESUMING:
            lost = VenueUnreachable(f"the session was lost and could not be resumed: {error}")
            self.account.commands.fail_all(lost)
            questions, self._questions = self._questions, {}
            for call, _, _ in questions.values():
                call.fail(lost)
        if self.standing is not Standing.ON:
            self.standing = Standing.OFF

    def listed(self) -> Listing:
        """Return what the venue lists; :class:`ProtocolError` before it has been told."""
        if self.listing is None:
            raise ProtocolError("the venue's reference data has not arrived; connect first")
        return self.listing
