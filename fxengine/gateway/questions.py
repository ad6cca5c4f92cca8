"""Answers to questions: of the venue, the books, and the account's own money, orders and past.

A question is asked of the state that the cycle's commands have made, right after they were applied,
and its answer leaves when they are durable (``engine.defer``): a client that sends an order and then
asks for its balances in one frame sees the order's hold, and never a state that a crash takes back.
What is asked of durable things (a book, a replay) is looked up only then::

    receive   question noted     | submit   asked of the core | durable   answer sent
                                 |          or only deferred  |           book read, replay begun
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from fxengine.codes import RejectReason
from fxengine.engine import Engine
from fxengine.gateway.commands import swap_quote_record
from fxengine.gateway.delivery import Delivery, reject
from fxengine.gateway.marketdata import MarketData
from fxengine.gateway.replays import REPLAYS_MAX, Replays
from fxengine.gateway.session import Session
from fxengine.messages import (
    TYPE_OF,
    AccountNumber,
    AccountRequest,
    Balances,
    BalancesRequest,
    BookRequest,
    OpenOrders,
    OpenOrdersRequest,
    OpenWithdrawals,
    OpenWithdrawalsRequest,
    OrderState,
    OrderStatusRequest,
    Reject,
    ReplayRequest,
    Request,
    SwapQuote,
    SwapQuoteRequest,
    VenueDescription,
    VenueRequest,
)
from fxengine.venue import Venue

LEVELS_PER_MESSAGE: Final = 64
"""Levels of a book that count as one more message towards the cycle's bound: about as much work."""
OPEN_ORDERS_PAGE: Final = 1_000
"""Orders in one OPEN_ORDERS."""
OPEN_WITHDRAWALS_PAGE: Final = 1_000
"""Withdrawals in one OPEN_WITHDRAWALS."""
REPLAY_RETRY_NS: Final = 100_000_000
"""When a session with too many replays may ask again."""

Answer = tuple[object, ...]
Question = AccountRequest | BalancesRequest | BookRequest | OpenWithdrawalsRequest | OrderStatusRequest | ReplayRequest


class Questions:
    """The cycle's questions, and how each is answered."""

    def __init__(self, engine: Engine, venue: Venue, market: MarketData, replays: Replays, delivery: Delivery) -> None:
        self._engine, self._venue, self._market = engine, venue, market
        self._replays, self._delivery = replays, delivery
        self._asked: list[Callable[[], None]] = []
        self._description = _describe(venue)
        self._core_answers: dict[type[Any], Callable[[Session, Any], Answer]] = {
            BalancesRequest: self._balances,
            AccountRequest: self._account,
            OrderStatusRequest: self._order,
            OpenOrdersRequest: self._open_orders,
            OpenWithdrawalsRequest: self._open_withdrawals,
            SwapQuoteRequest: self._swap_quote,
        }

    def __bool__(self) -> bool:
        return bool(self._asked)

    def take(self, session: Session, message: Request) -> int:
        """Note a question, or answer it where that takes nothing; return how many messages it is worth."""
        if isinstance(message, VenueRequest):
            self._delivery.send(session, self._description._replace(request_id=message.request_id))
        elif isinstance(message, BookRequest):
            return self._take_book(session, message)
        elif isinstance(message, ReplayRequest):
            self._take_replay(session, message)
        else:
            self._asked.append(lambda: self._ask_core(session, message))
        return 1

    def when_durable(self, answer: Callable[[], None]) -> None:
        """Have something done once all that was taken before it is durable."""
        self._asked.append(lambda: self._engine.defer(answer))

    def ask(self) -> None:
        """Ask what was noted, now that the cycle's commands are applied."""
        asked, self._asked = self._asked, []
        for question in asked:
            question()

    # -- of the core

    def _ask_core(self, session: Session, message: Request) -> None:
        answer = self._core_answers[type(message)](session, message)
        self._engine.defer(lambda: self._delivery.send(session, answer))

    def _balances(self, session: Session, message: BalancesRequest) -> Answer:
        core = self._engine.core
        whose = message.account or session.account
        visible = self._currencies_seen(session, whose)
        if not visible:
            return _refused(RejectReason.NOT_AUTHORIZED, message)
        if whose >= core.n_accounts:
            return _refused(RejectReason.UNKNOWN_ACCOUNT, message)
        rows = ((currency, *core.balance(whose, currency)) for currency in visible)
        return Balances(message.request_id, tuple(row for row in rows if row[1] or row[2]))

    def _currencies_seen(self, session: Session, whose: int) -> Sequence[int]:
        """Return the currencies in which a session may see an account's money: an issuer others' in its own alone."""
        if whose == session.account or session.operator:
            return range(len(self._venue.currencies))
        assert session.grant is not None
        return session.grant.credential.permitted if session.issuer else ()

    def _account(self, _session: Session, message: AccountRequest) -> Answer:
        account = self._engine.directory.account(message.issuer, message.subject)
        if account is None:
            return _refused(RejectReason.UNKNOWN_ACCOUNT, message)
        return AccountNumber(message.request_id, account)

    def _order(self, session: Session, message: OrderStatusRequest) -> Answer:
        state = self._engine.core.order_state(session.account, message.client_order_id, message.order_id)
        if state is None:
            return _refused(RejectReason.UNKNOWN_ORDER, message)
        return OrderState(message.request_id, *state)

    def _open_orders(self, session: Session, message: OpenOrdersRequest) -> Answer:
        rows = self._engine.core.open_orders(session.account, message.after_order_id, OPEN_ORDERS_PAGE + 1)
        return OpenOrders(message.request_id, tuple(rows[:OPEN_ORDERS_PAGE]), int(len(rows) > OPEN_ORDERS_PAGE))

    def _open_withdrawals(self, session: Session, message: OpenWithdrawalsRequest) -> Answer:
        core = self._engine.core
        whose = message.account or (0 if session.operator or session.issuer else session.account)
        if not self._currencies_seen(session, whose):
            return _refused(RejectReason.NOT_AUTHORIZED, message)
        if whose >= core.n_accounts:
            return _refused(RejectReason.UNKNOWN_ACCOUNT, message)
        rows = self._visible(session, whose, message.after_withdrawal)
        page, more = tuple(rows[:OPEN_WITHDRAWALS_PAGE]), int(len(rows) > OPEN_WITHDRAWALS_PAGE)
        return OpenWithdrawals(message.request_id, core.final_sequence, page, more)

    def _visible(self, session: Session, whose: int, after: int) -> list[tuple[int, int, int, int]]:
        """Return a page of open withdrawals and one more; to an issuer others' only in its own currencies."""
        core, limit = self._engine.core, OPEN_WITHDRAWALS_PAGE + 1
        own = self._currencies_seen(session, whose)
        rows: list[tuple[int, int, int, int]] = []
        found = core.open_withdrawals(whose, after, limit)
        while found and len(rows) < limit:
            rows += [row for row in found if row[2] in own]
            found = core.open_withdrawals(whose, found[-1][0], limit) if len(found) == limit else []
        return rows[:limit]

    def _swap_quote(self, session: Session, message: SwapQuoteRequest) -> Answer:
        record = swap_quote_record(session.account, message)
        return SwapQuote(message.request_id, *self._engine.core.swap_quote(record))

    # -- of what is durable

    def _take_book(self, session: Session, message: BookRequest) -> int:
        if message.instrument >= len(self._venue.instruments):
            self._delivery.send(session, _refused(RejectReason.UNKNOWN_INSTRUMENT, message))
            return 1
        self.when_durable(lambda: self._send_book(session, message))
        return 1 + message.depth // LEVELS_PER_MESSAGE

    def _send_book(self, session: Session, message: BookRequest) -> None:
        if session.outbox.overflowed or session.is_gone:
            return  # nobody will read it, and a deep book is work for everybody
        book = self._market.book(message.instrument)
        self._delivery.send_chunk(session, book.snapshot(message.request_id, message.depth), 1)

    def _take_replay(self, session: Session, message: ReplayRequest) -> None:
        if session.n_replays >= REPLAYS_MAX:
            self._delivery.send(session, _refused(RejectReason.RATE_LIMITED, message, REPLAY_RETRY_NS))
            return
        session.n_replays += 1
        self.when_durable(lambda: self._replays.begin(session, message))


def _refused(reason: RejectReason, message: Question, retry_ns: int = 0) -> Reject:
    return reject(reason, int(TYPE_OF[type(message)]), message.request_id, retry_ns)


def _describe(venue: Venue) -> VenueDescription:
    return VenueDescription(
        0,
        venue.id,
        venue.name,
        tuple((c.code, c.name, c.decimals) for c in venue.currencies),
        tuple(
            (
                i.symbol,
                i.base.index,
                i.quote.index,
                i.tick,
                i.lot,
                *(i.maker_rate, i.taker_rate),
                *(i.lot_units, i.tick_lot_units),
            )
            for i in venue.instruments
        ),
        -1 if venue.swap_rate is None else venue.swap_rate,
    )
