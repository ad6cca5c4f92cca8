"""What a client may ask: balances, books, its open orders, what became of a command, reports once more.

Questions change nothing and may be asked at any time; each answer carries the request id.
"""

from collections.abc import Callable
from typing import Any

from fxengine.client.call import Call
from fxengine.client.feed import MarketFeed
from fxengine.client.listing import Listing, read_listing
from fxengine.client.options import SessionOptions
from fxengine.client.orders import Row
from fxengine.client.replica import BookReplica
from fxengine.client.reports import Balance, Order, Outcome, Report, SettlementNotice, Withdrawal
from fxengine.client.requests import SwapTerms, swap_quote_request
from fxengine.client.session import ClientSession
from fxengine.client.swaps import SwapQuote, read_quote
from fxengine.codes import RejectReason
from fxengine.errors import FxEngineError, RequestRejected
from fxengine.messages import (
    BOOK_DEPTH_MAX,
    AccountRequest,
    Balances,
    BalancesRequest,
    Book,
    BookRequest,
    OpenOrders,
    OpenOrdersRequest,
    OpenWithdrawals,
    OpenWithdrawalsRequest,
    OrderState,
    OrderStatusRequest,
    ReplayRequest,
    VenueDescription,
    VenueRequest,
)
from fxengine.messages import SwapQuote as SwapQuoteMessage
from fxengine.venue import Currency


class Questions(ClientSession):
    """A session that can ask. Every method returns at once, with the call that its answer will finish."""

    def __init__(self, options: SessionOptions | None = None) -> None:
        super().__init__(options)
        self.feed = MarketFeed(self._ask_snapshot)

    def reference_data(self) -> Call[Listing]:
        """Ask for the venue's currencies and instruments."""
        return self._ask("VENUE_REQUEST", VenueRequest, self._learn_listing)

    def balances(self, account: int = 0) -> Call[dict[str, Balance]]:
        """Ask for the account's balances, by currency code; those that are zero are left out.

        ``account``: whose, for operators and issuers; 0: the account's own.
        """

        def read(message: Balances) -> dict[str, Balance]:
            return {balance.currency.code: balance for balance in self._read_balances(message)}

        return self._ask("BALANCES_REQUEST", lambda number: BalancesRequest(number, account), read)

    def book(self, instrument: str, depth: int = 10) -> Call[BookReplica]:
        """Ask for a snapshot of a book, ``depth`` levels a side."""
        listed = self.listed().instrument(instrument)

        def read(book: Book) -> BookReplica:
            replica = BookReplica(listed)
            replica.load(book)
            return replica

        return self._ask("BOOK_REQUEST", lambda number: BookRequest(number, listed.index, depth), read)

    def account_number(self, issuer: str, subject: str) -> Call[int]:
        """Ask for the number of an identity's account; operators only."""
        return self._ask(
            "ACCOUNT_REQUEST", lambda number: AccountRequest(number, issuer, subject), lambda answer: answer.account
        )

    def order_status(self, order: Order | int) -> Call[Outcome]:
        """Ask what became of a command, by its client order id, or of an order.

        It is the one true outcome, whatever was heard: for as long as the id lies in the account's window.
        What the venue does not know, because nothing of it was ever taken, raises UNKNOWN_ORDER.
        """
        client_order_id = order if isinstance(order, int) else order.client_order_id
        # An OrderID is forgotten with its order, a client order id tells its end too; only a quote has none of its own.
        order_id = order.order_id if isinstance(order, Order) and order.is_quote else 0
        return self._ask(
            "ORDER_STATUS_REQUEST",
            lambda number: OrderStatusRequest(number, 0 if order_id else client_order_id, order_id),
            self._read_outcome,
        )

    def open_orders(self) -> Call[list[Order]]:
        """Ask for all of the account's open orders and quotes; ``account.orders`` and ``quotes`` are then right too."""
        call: Call[list[Order]] = Call("OPEN_ORDERS_REQUEST")
        known_before, rows = self.account.open_orders.known(), list[Row]()

        def ask(after: int) -> None:
            page = self._ask("OPEN_ORDERS_REQUEST", lambda number: OpenOrdersRequest(number, after), take)
            page.on_done = lambda: _pass_on_failure(page, call)

        def take(answer: OpenOrders) -> None:
            rows.extend(answer.orders)
            if answer.more and answer.orders:
                ask(answer.orders[-1][0])
                return
            there, gone = self.account.open_orders.load(rows, known_before)
            for order in gone:
                self._ask_how_it_ended(order)
            call.succeed(there)

        ask(0)
        return call

    def quote(
        self,
        pay: str,
        receive: str,
        *,
        exact_in: str | None = None,
        min_out: str | None = None,
        exact_out: str | None = None,
        max_in: str | None = None,
        worst_price: str | None = None,
        allow_partial: bool = False,
        payee: int = 0,
    ) -> Call[SwapQuote]:
        """Ask what a swap would do now: ``exact_in`` or ``exact_out`` as decimal text, the rest as in ``swap``.

        An indication: nothing is held for it, and the account need not have the money. What would be refused is.
        """
        terms = SwapTerms(exact_in, min_out, exact_out, max_in, worst_price, allow_partial, payee)
        asked = swap_quote_request(self.listed(), pay, receive, terms)
        call: Call[SwapQuote] = Call("SWAP_QUOTE_REQUEST")

        def take(answer: SwapQuoteMessage) -> None:
            if answer.reason:
                reason = RejectReason(answer.reason)
                call.fail(RequestRejected(reason, reason.text))
            else:
                call.succeed(read_quote(asked, answer, self.account.number, self.listed()))

        page = self._ask("SWAP_QUOTE_REQUEST", lambda number: asked._replace(request_id=number), take)
        page.on_done = lambda: _pass_on_failure(page, call)
        return call

    def open_withdrawals(self, account: int = 0) -> Call[list[Withdrawal]]:
        """Ask for the withdrawals that wait to be paid: the account's own; for an operator everybody's, or one's."""
        call: Call[list[Withdrawal]] = Call("OPEN_WITHDRAWALS_REQUEST")
        found = list[Withdrawal]()

        def ask(after: int) -> None:
            page = self._ask(
                "OPEN_WITHDRAWALS_REQUEST", lambda number: OpenWithdrawalsRequest(number, account, after), take
            )
            page.on_done = lambda: _pass_on_failure(page, call)

        def take(answer: OpenWithdrawals) -> None:
            currencies = self.listed().currencies
            found.extend(
                Withdrawal(number, whose, currencies[index], units, number <= answer.final_sequence)
                for number, whose, index, units in answer.withdrawals
            )
            if answer.more and found:
                ask(found[-1].number)
            else:
                call.succeed(found)

        ask(0)
        return call

    def replay(self, first_stream: int, last_stream: int = 0) -> Call[list[Report]]:
        """Ask for the account's reports of these numbers once more; 0: all up to now.

        Those that were heard before are in the result alone; those that were not are also heard.
        """
        end = self.account.collect(first_stream, last_stream)
        return self._ask(
            "REPLAY_REQUEST", lambda number: ReplayRequest(number, first_stream, last_stream), lambda _: end()
        )

    def final(self, sequence: int) -> Call[SettlementNotice]:
        """Wait until the ledger calls the command with this sequence FINAL; sends nothing."""
        return self.account.expect_final(sequence)

    def follow(self, instrument: str) -> Call[BookReplica]:
        """Keep a replica of a book from market data; the result is the replica once it is current."""
        return self.feed.follow(self.listed().instrument(instrument))

    def _ask_snapshot(self, instrument: int, load: Callable[[Book], None]) -> None:
        self._ask("BOOK_REQUEST", lambda number: BookRequest(number, instrument, BOOK_DEPTH_MAX), load)

    def _after_missed(self) -> None:
        """Learn the open orders anew: what was missed may have ended some."""
        self.open_orders()

    def _ask_how_it_ended(self, order: Order) -> None:
        if order.is_quote:
            return
        call = self.order_status(order)
        call.on_done = lambda: self._close(order, call)

    def _close(self, order: Order, call: Call[Outcome]) -> None:
        try:
            self.account.open_orders.close(order, call.result())
        except RequestRejected as refusal:
            self.account.note_refusal(refusal)
        except FxEngineError:
            pass  # the session was lost for good, and every call that somebody waits for says so

    def _read_outcome(self, message: OrderState) -> Outcome:
        is_open = bool(message.side)
        return Outcome(message, self.listed().instruments[message.instrument] if is_open else None)

    def _learn_listing(self, message: VenueDescription) -> Listing:
        self.listing = read_listing(message)
        self._hear_what_waited()
        return self.listing

    def _read_balances(self, message: Balances) -> list[Balance]:
        currencies: tuple[Currency, ...] = self.listed().currencies
        return [Balance(currencies[index], available, held) for index, available, held in message.balances]


def _pass_on_failure(page: Call[Any], whole: Call[Any]) -> None:
    """Fail the call of all pages where one of them failed."""
    try:
        page.result()
    except FxEngineError as error:
        whole.fail(error)
