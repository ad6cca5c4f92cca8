"""The client's side of the protocol, without sockets, clocks or threads in it.

Both clients are thin shells around this: they carry frames and wait. It makes a :class:`Call` per
request, finds the call that each answer belongs to (commands by client order id, questions by
request id), and turns reports into objects with meaning::

    client.new_order(...) --> NewOrder --> take_frames() --> socket
                               Call                            |
    order <-- call.result() <-- receive(frame) <---------------+

It asks and listens; keeping orders and settlements in step with what it hears is ``account``'s.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

from fxengine.client.account import AccountView
from fxengine.client.call import Call
from fxengine.client.feed import MarketFeed
from fxengine.client.listing import Listing, read_listing
from fxengine.client.replica import BookReplica
from fxengine.client.reports import Balance, MoneyMovement, Order, Report, SettlementNotice, SwapReceipt
from fxengine.client.requests import order_request, side_of, swap_request
from fxengine.codes import RejectReason, Side, TimeInForce
from fxengine.errors import ProtocolError, RequestRejected
from fxengine.messages import (
    BOOK_DEPTH_MAX,
    TYPE_OF,
    AccountNumber,
    AccountRequest,
    Balances,
    BalancesRequest,
    Book,
    BookRequest,
    Cancel,
    Deposit,
    Heartbeat,
    HeartbeatAck,
    Logon,
    LogonAck,
    Logout,
    LogoutAck,
    MessageType,
    Reject,
    Taken,
    VenueDescription,
    VenueRequest,
    Withdraw,
)
from fxengine.venue import Instrument
from fxengine.wire import (
    REQUEST_BYTES_MAX,
    REQUEST_MESSAGES_MAX,
    decode_replies,
    encode_message,
    frame_of,
)

R = TypeVar("R")

_COMMANDS: Final = frozenset(
    {MessageType.NEW_ORDER, MessageType.CANCEL, MessageType.SWAP, MessageType.DEPOSIT, MessageType.WITHDRAW}
)


class Protocol:
    """One session with one venue. Every method returns at once; see the module's docstring."""

    def __init__(self) -> None:
        self.listing: Listing | None = None
        self.account = AccountView(self._listed)
        self.feed = MarketFeed(self._ask_snapshot)
        self._next_request_id = 1
        self._questions: dict[int, tuple[Call[Any], Callable[[Any], Any]]] = {}
        self._logon: Call[int] | None = None
        self._logout: Call[None] | None = None
        self._out: list[bytes] = []

    # -- session

    def logon(self, token: str) -> Call[int]:
        """Log on, or renew the session, with a KYC token; the result is the account's number."""
        self._send(Logon(token))
        self._logon = Call("LOGON")
        return self._logon

    def logout(self) -> Call[None]:
        """Log off; everything sent before is answered first."""
        self._send(Logout())
        self._logout = Call("LOGOUT")
        return self._logout

    def heartbeat(self) -> Call[None]:
        """Ask whether the venue is there."""
        request_id, call = self._ask("HEARTBEAT", lambda _: None)
        self._send(Heartbeat(request_id))
        return call

    def reference_data(self) -> Call[Listing]:
        """Ask for the venue's currencies and instruments."""
        request_id, call = self._ask("VENUE_REQUEST", self._learn_listing)
        self._send(VenueRequest(request_id))
        return call

    # -- commands

    def new_order(
        self,
        instrument: str,
        side: Side | str,
        price: str,
        quantity: str,
        *,
        time_in_force: TimeInForce = TimeInForce.GTC,
        post_only: bool = False,
        client_order_id: int | None = None,
    ) -> Call[Order]:
        """Enter an order; the result is the order once it rests, or is done.

        ``price`` and ``quantity`` are decimal text, multiples of the instrument's tick and lot. Give
        ``client_order_id`` to send an order again whose answer was lost: it is never done twice.
        A refusal raises :class:`RequestRejected`, an inexact amount :class:`AmountError`.
        """
        listed = self._listed().instrument(instrument)
        ticks, lots = listed.ticks(price), listed.lots(quantity)
        return self.new_order_ticks(
            listed,
            side_of(side),
            ticks,
            lots,
            time_in_force=time_in_force,
            post_only=post_only,
            client_order_id=client_order_id,
        )

    def new_order_ticks(
        self,
        instrument: Instrument,
        side: Side,
        price_ticks: int,
        quantity_lots: int,
        *,
        time_in_force: TimeInForce = TimeInForce.GTC,
        post_only: bool = False,
        client_order_id: int | None = None,
    ) -> Call[Order]:
        """Enter an order counted in ticks and lots; otherwise as :meth:`new_order`."""
        number = self.account.take_id(client_order_id)
        request = order_request(
            number, instrument, side, price_ticks, quantity_lots, time_in_force=time_in_force, post_only=post_only
        )
        call = self.account.expect_order(request, automatic=client_order_id is None)
        self._send(request)
        return call

    def cancel(self, order: Order | int) -> Call[Order]:
        """Cancel an order, or the order with this client order id; the result is the order as it ended."""
        named = order.client_order_id if isinstance(order, Order) else order
        order_id = order.order_id if isinstance(order, Order) else 0
        number = self.account.take_id(None)
        call = self.account.expect_cancel(number)
        self._send(Cancel(number, order_id, 0 if order_id else named))
        return call

    def swap(
        self,
        pay: str,
        receive: str,
        *,
        exact_in: str | None = None,
        min_out: str | None = None,
        exact_out: str | None = None,
        max_in: str | None = None,
        payee: int = 0,
        deadline_ns: int = 0,
        client_order_id: int | None = None,
    ) -> Call[SwapReceipt]:
        """Pay one currency and receive another at once, all or nothing; the result is the receipt.

        Say ``exact_in`` and ``min_out``, or ``exact_out`` and ``max_in``, as decimal text. ``payee``
        is another account that shall receive; ``deadline_ns`` the time by which it must be done.
        """
        request = swap_request(
            self._listed(),
            pay,
            receive,
            exact_in=exact_in,
            min_out=min_out,
            exact_out=exact_out,
            max_in=max_in,
            payee=payee,
            deadline_ns=deadline_ns,
        )
        request = request._replace(client_order_id=self.account.take_id(client_order_id))
        call = self.account.expect_swap(request, automatic=client_order_id is None)
        self._send(request)
        return call

    def deposit(
        self, account: int, currency: str, amount: str, *, client_order_id: int | None = None
    ) -> Call[MoneyMovement]:
        """Credit an account against custody; operators only."""
        listed = self._listed().currency(currency)
        units = listed.units(amount)
        request = Deposit(self.account.take_id(client_order_id), account, listed.index, units)
        call = self.account.expect_movement(request, automatic=client_order_id is None)
        self._send(request)
        return call

    def withdraw(
        self, account: int, currency: str, amount: str, *, client_order_id: int | None = None
    ) -> Call[MoneyMovement]:
        """Debit an account to custody; operators only."""
        listed = self._listed().currency(currency)
        units = listed.units(amount)
        request = Withdraw(self.account.take_id(client_order_id), account, listed.index, units)
        call = self.account.expect_movement(request, automatic=client_order_id is None)
        self._send(request)
        return call

    # -- questions

    def balances(self) -> Call[dict[str, Balance]]:
        """Ask for the account's balances, by currency code; those that are zero are left out."""
        request_id, call = self._ask("BALANCES_REQUEST", self._read_balances)
        self._send(BalancesRequest(request_id))
        return call

    def book(self, instrument: str, depth: int = 10) -> Call[BookReplica]:
        """Ask for a snapshot of a book, ``depth`` levels a side."""
        listed = self._listed().instrument(instrument)

        def read(book: Book) -> BookReplica:
            replica = BookReplica(listed)
            replica.load(book)
            return replica

        request_id, call = self._ask("BOOK_REQUEST", read)
        self._send(BookRequest(request_id, listed.index, depth))
        return call

    def account_number(self, issuer: str, subject: str) -> Call[int]:
        """Ask for the number of an identity's account; operators only."""
        request_id, call = self._ask("ACCOUNT_REQUEST", lambda answer: answer.account)
        self._send(AccountRequest(request_id, issuer, subject))
        return call

    def final(self, sequence: int) -> Call[SettlementNotice]:
        """Wait until the ledger calls the command with this sequence FINAL; sends nothing."""
        return self.account.expect_final(sequence)

    def follow(self, instrument: str) -> Call[BookReplica]:
        """Keep a replica of a book from market data; the result is the replica once it is current."""
        return self.feed.follow(self._listed().instrument(instrument))

    # -- frames

    def take_frames(self) -> Iterator[bytes]:
        """Yield what is to be sent, in frames that the venue accepts."""
        out, self._out = self._out, []
        chunks: list[bytes] = []
        n_bytes = 0
        for chunk in out:
            if len(chunks) == REQUEST_MESSAGES_MAX or n_bytes + len(chunk) > REQUEST_BYTES_MAX - 16:
                yield frame_of(chunks, len(chunks))
                chunks, n_bytes = [], 0
            chunks.append(chunk)
            n_bytes += len(chunk)
        if chunks:
            yield frame_of(chunks, len(chunks))

    def receive(self, frame: bytes) -> None:
        """Take in one frame of the venue; :class:`ProtocolError` when it is not this protocol."""
        for message in decode_replies(frame):
            if isinstance(message, Balances | VenueDescription | Book | AccountNumber):
                self._answered(message.request_id, message)
            elif isinstance(message, HeartbeatAck):
                self._answered(message.number, message)
            elif isinstance(message, LogonAck):
                self._logged_on(message)
            elif isinstance(message, LogoutAck):
                if self._logout is not None:
                    self._logout.succeed(None)
            elif isinstance(message, Reject):
                self._refused(message)
            elif isinstance(message, Taken):
                self.account.taken(message)
            else:
                self.account.hear(message)

    def take_reports(self) -> list[Report]:
        """Return the reports that have arrived since the last call, oldest first; 65,536 are kept."""
        return self.account.take_reports()

    def _send(self, message: tuple[object, ...]) -> None:
        self._out.append(encode_message(message))

    def _ask(self, what: str, read: Callable[[Any], R]) -> tuple[int, Call[R]]:
        request_id, call = self._next_request_id, Call[R](what)
        self._next_request_id += 1
        self._questions[request_id] = (call, read)
        return request_id, call

    def _ask_snapshot(self, instrument: int, load: Callable[[Book], None]) -> None:
        request_id, _ = self._ask("BOOK_REQUEST", load)
        self._send(BookRequest(request_id, instrument, BOOK_DEPTH_MAX))

    def _answered(self, request_id: int, answer: object) -> None:
        call, read = self._questions.pop(request_id, (None, None))
        if call is not None and read is not None:
            call.succeed(read(answer))

    def _logged_on(self, ack: LogonAck) -> None:
        self.account.open(ack)
        if self._logon is not None:
            self._logon.succeed(ack.account)
            self._logon = None

    def _refused(self, refused: Reject) -> None:
        error = RequestRejected(RejectReason(refused.reason), refused.text)
        if refused.ref_type in _COMMANDS and self.account.fail(refused.ref_id, error):
            return
        if refused.ref_type == TYPE_OF[Logon] and self._logon is not None:
            self._logon.fail(error)
            self._logon = None
        elif refused.ref_type not in _COMMANDS and refused.ref_id in self._questions:
            self._questions.pop(refused.ref_id)[0].fail(error)
        else:
            self.account.note_refusal(error)

    def _listed(self) -> Listing:
        if self.listing is None:
            raise ProtocolError("the venue's reference data has not arrived; connect first")
        return self.listing

    def _learn_listing(self, message: VenueDescription) -> Listing:
        self.listing = read_listing(message)
        return self.listing

    def _read_balances(self, message: Balances) -> dict[str, Balance]:
        currencies = self._listed().currencies
        rows = (Balance(currencies[index], available, held) for index, available, held in message.balances)
        return {balance.currency.code: balance for balance in rows}
