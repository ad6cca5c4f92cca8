"""The client's side of the protocol, without sockets, clocks or threads in it: what a client may command.

Both clients are thin shells around this: they carry frames and wait. It makes a :class:`Call` per
request, finds the call that each answer belongs to (commands by client order id, questions by
request id), and turns reports into objects with meaning::

    client.new_order(...) --> NewOrder --> take_frames() --> socket
                               Call                            |
    order <-- call.result() <-- receive(frame) <---------------+

``ClientSession`` logs on, and again when the line was lost; ``Questions`` ask; here is what commands.
"""

from collections.abc import Mapping
from typing import Any

from fxengine.client.call import Call
from fxengine.client.commands import Command
from fxengine.client.questions import Questions
from fxengine.client.reports import CommandDone, MoneyMovement, Order, QuoteResult
from fxengine.client.requests import (
    Levels,
    LevelsTicks,
    SwapTerms,
    Terms,
    levels_in_ticks,
    order_request,
    quote_request,
    side_of,
    swap_request,
)
from fxengine.client.swaps import SwapReceipt
from fxengine.codes import (
    ControlMode,
    ControlScope,
    OrdType,
    RejectReason,
    RevokeAction,
    SelfTradePrevention,
    Side,
    TimeInForce,
    WithdrawalAction,
)
from fxengine.errors import AmountError, RequestRejected
from fxengine.messages import (
    Amend,
    Bust,
    Cancel,
    Control,
    DeadMan,
    Deposit,
    EndWithdrawal,
    FeePayout,
    MassCancel,
    Revoke,
    Withdraw,
)
from fxengine.records import ALL_INSTRUMENTS
from fxengine.venue import Instrument

_ANY_CUM: int = -1
_LIMIT_ORDER = Terms()


class Protocol(Questions):
    """One session with one venue. Every method returns at once; see the module's docstring."""

    # -- orders

    def new_order(
        self,
        instrument: str,
        side: Side | str,
        price: str,
        quantity: str,
        *,
        ord_type: OrdType = OrdType.LIMIT,
        time_in_force: TimeInForce | None = None,
        post_only: bool = False,
        expire_ns: int = 0,
        display_quantity: str | None = None,
        stop_price: str | None = None,
        min_quantity: str | None = None,
        self_trade_prevention: SelfTradePrevention = SelfTradePrevention.NONE,
        client_order_id: int | None = None,
    ) -> Call[Order]:
        """Enter an order; the result is the order once it rests, waits for its stop price, or is done.

        ``price`` and the quantities are decimal text, multiples of the instrument's tick and lot; the price
        of a MARKET or STOP order is the worst it may trade at. For the rest see ``Terms``. Give
        ``client_order_id`` to send an order again whose answer was lost: it is never done twice.
        A refusal raises :class:`RequestRejected`, an inexact amount :class:`AmountError`.
        """
        listed = self.listed().instrument(instrument)
        terms = Terms(
            ord_type,
            time_in_force,
            post_only,
            expire_ns,
            listed.lots(display_quantity) if display_quantity is not None else 0,
            listed.ticks(stop_price) if stop_price is not None else 0,
            listed.lots(min_quantity) if min_quantity is not None else 0,
            self_trade_prevention,
        )
        ticks, lots = listed.ticks(price), listed.lots(quantity)
        return self.new_order_ticks(listed, side_of(side), ticks, lots, terms, client_order_id=client_order_id)

    def new_order_ticks(
        self,
        instrument: Instrument,
        side: Side,
        price_ticks: int,
        quantity_lots: int,
        terms: Terms = _LIMIT_ORDER,
        *,
        client_order_id: int | None = None,
    ) -> Call[Order]:
        """Enter an order counted in ticks and lots; otherwise as :meth:`new_order`."""
        number = self.account.take_id(client_order_id)
        return self._command(
            order_request(number, instrument, side, price_ticks, quantity_lots, terms), client_order_id
        )

    def cancel(self, order: Order | int) -> Call[Order]:
        """Cancel an order, or the order with this client order id; the result is the order as it ended."""
        order_id, named = _naming(order)
        return self._command(Cancel(self.account.take_id(None), order_id, named))

    def amend(
        self, order: Order | int, price: str, quantity: str, *, expected_filled: str | None = None
    ) -> Call[Order]:
        """Change an open order's price or quantity; the result is the order.

        ``quantity`` is the new total, what has traded included. ``expected_filled`` is what the caller
        believes has traded: if it is another amount by then, nothing changes and CUM_QTY_MISMATCH is raised.
        The same price and a smaller quantity keep the order's place in the queue.
        """
        known = order if isinstance(order, Order) else self.account.orders.get(order)
        if known is None:
            reason = RejectReason.UNKNOWN_ORDER
            raise RequestRejected(reason, f"{order}: {reason.text} It is none that this session knows: open_orders()")
        listed = known.instrument
        expected = _ANY_CUM if expected_filled is None else listed.lots(expected_filled)
        return self.amend_ticks(known, listed.ticks(price), listed.lots(quantity), expected_cum_lots=expected)

    def amend_ticks(
        self, order: Order | int, price_ticks: int, quantity_lots: int, *, expected_cum_lots: int = _ANY_CUM
    ) -> Call[Order]:
        """Change an open order, counted in ticks and lots; otherwise as :meth:`amend`."""
        order_id, named = _naming(order)
        number = self.account.take_id(None)
        return self._command(Amend(number, order_id, named, price_ticks, quantity_lots, expected_cum_lots))

    def mass_cancel(
        self, instrument: str | None = None, side: Side | str | None = None, *, account: int = 0
    ) -> Call[CommandDone]:
        """Cancel all open orders and quotes, or those of one instrument or side; the result counts them.

        ``account``: whose, for operators; 0: the account's own.
        """
        index = ALL_INSTRUMENTS if instrument is None else self.listed().instrument(instrument).index
        wanted = 0 if side is None else int(side_of(side))
        return self._command(MassCancel(self.account.take_id(None), index, wanted, account))

    def mass_quote(self, sets: Mapping[str, tuple[Levels, Levels]]) -> Call[QuoteResult]:
        """Replace the account's quotes in one or more instruments, each ``(bids, offers)``, best price first.

        ``{"EUR/USD": ([("1.1171", "500")], [("1.1173", "500")])}``. Each instrument's set applies whole, or is
        refused and its old one stays: see the result's ``refused``. An empty set takes the quotes away.
        """
        listing = self.listed()
        in_ticks = {
            listed: (levels_in_ticks(listed, bids), levels_in_ticks(listed, offers))
            for listed, (bids, offers) in ((listing.instrument(symbol), sides) for symbol, sides in sets.items())
        }
        return self.mass_quote_ticks(in_ticks)

    def mass_quote_ticks(self, sets: Mapping[Instrument, tuple[LevelsTicks, LevelsTicks]]) -> Call[QuoteResult]:
        """Replace quotes, counted in ticks and lots; otherwise as :meth:`mass_quote`."""
        request = quote_request(0, sets)
        return self._command(request._replace(client_order_id=self.account.take_id(None)))

    def dead_man(self, timeout_ms: int) -> Call[None]:
        """Have all open orders cancelled unless this is said again within ``timeout_ms``; 0: stop the timer.

        The timer belongs to the account and runs in the venue's core, whatever becomes of the line.
        """
        request = DeadMan(timeout_ms)
        call = self.account.commands.expect_guard(request)
        self._send(request)
        return call

    # -- money

    def swap(
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
        deadline_ns: int = 0,
        client_order_id: int | None = None,
    ) -> Call[SwapReceipt]:
        """Pay one currency and receive another at once, all or nothing; the result is the receipt.

        Say ``exact_in`` and ``min_out``, or ``exact_out`` and ``max_in``, as decimal text. ``worst_price``: no part
        of it at more of the currency paid for one of the currency received, after fees. ``allow_partial``: as much
        as can be had. ``payee`` is another account that shall receive; ``deadline_ns`` when it must be done by.
        """
        terms = SwapTerms(exact_in, min_out, exact_out, max_in, worst_price, allow_partial, payee)
        request = swap_request(self.listed(), pay, receive, terms, deadline_ns)
        return self._command(request._replace(client_order_id=self.account.take_id(client_order_id)), client_order_id)

    def pay(
        self,
        payee: int,
        currency: str,
        amount: str,
        *,
        pay_with: str,
        max_in: str,
        deadline_ns: int = 0,
        client_order_id: int | None = None,
    ) -> Call[SwapReceipt]:
        """Pay another account exactly an amount of its currency, out of at most ``max_in`` of one's own."""
        if payee < 1:
            raise AmountError("say the number of the account that is paid: its owner sees it with 'fxengine balances'")
        return self.swap(
            pay_with, currency, exact_out=amount, max_in=max_in, payee=payee, deadline_ns=deadline_ns,
            client_order_id=client_order_id,
        )  # fmt: skip

    def deposit(
        self, account: int, currency: str, amount: str, *, reference: str = "", client_order_id: int | None = None
    ) -> Call[MoneyMovement]:
        """Credit an account against custody; operators only.

        ``reference`` is what the bank or the chain calls it: one reference is credited once, whoever says it.
        """
        listed = self.listed().currency(currency)
        units = listed.units(amount)
        number = self.account.take_id(client_order_id)
        return self._command(Deposit(number, account, listed.index, units, reference), client_order_id)

    def withdraw(
        self, currency: str, amount: str, *, account: int = 0, client_order_id: int | None = None
    ) -> Call[MoneyMovement]:
        """Ask for money to be paid out, and held until then; the result's ``withdrawal`` numbers it.

        ``account``: whose, for operators; 0: the account's own.
        """
        listed = self.listed().currency(currency)
        units = listed.units(amount)
        number = self.account.take_id(client_order_id)
        return self._command(Withdraw(number, account, listed.index, units), client_order_id)

    def withdrawal_paid(self, withdrawal: int, *, client_order_id: int | None = None) -> Call[CommandDone]:
        """Say that a withdrawal was paid: what was held leaves the venue; operators only. The result counts the units.

        NOT_FINAL is raised until all up to the withdrawal is FINAL in the ledger.
        """
        return self._end_withdrawal(WithdrawalAction.PAID, withdrawal, client_order_id)

    def withdrawal_returned(self, withdrawal: int, *, client_order_id: int | None = None) -> Call[CommandDone]:
        """Give back what is held for a withdrawal that will not be paid; operators only."""
        return self._end_withdrawal(WithdrawalAction.RETURNED, withdrawal, client_order_id)

    def pay_out_fees(
        self, account: int, currency: str, amount: str, *, client_order_id: int | None = None
    ) -> Call[MoneyMovement]:
        """Move what the venue has earned in fees to an account; operators only."""
        listed = self.listed().currency(currency)
        units = listed.units(amount)
        number = self.account.take_id(client_order_id)
        return self._command(FeePayout(number, account, listed.index, units), client_order_id)

    def _end_withdrawal(
        self, action: WithdrawalAction, withdrawal: int, client_order_id: int | None
    ) -> Call[CommandDone]:
        number = self.account.take_id(client_order_id)
        return self._command(EndWithdrawal(number, int(action), withdrawal), client_order_id)

    # -- compliance

    def freeze(self, account: int, *, client_order_id: int | None = None) -> Call[CommandDone]:
        """Freeze an account: its orders are cancelled, and it can neither trade, pay nor withdraw; operators only."""
        return self._revoke(RevokeAction.FREEZE, account, "", client_order_id)

    def unfreeze(self, account: int, *, client_order_id: int | None = None) -> Call[CommandDone]:
        """Release an account that was frozen; operators only."""
        return self._revoke(RevokeAction.UNFREEZE, account, "", client_order_id)

    def revoke_token(self, token_id: str, *, client_order_id: int | None = None) -> Call[CommandDone]:
        """Revoke a KYC token by its ``jti``, for good; operators only."""
        return self._revoke(RevokeAction.TOKEN, 0, token_id, client_order_id)

    # -- control of the market

    def control_venue(self, mode: ControlMode, *, client_order_id: int | None = None) -> Call[CommandDone]:
        """Open the venue, or let it take nothing that adds risk (CANCEL_ONLY); operators only."""
        return self._control(ControlScope.VENUE, mode, 0, client_order_id)

    def control_currency(
        self, currency: str, mode: ControlMode, *, client_order_id: int | None = None
    ) -> Call[CommandDone]:
        """Open a currency, or let it only be cancelled out of and withdrawn (REDEEM_ONLY); operators only."""
        return self._control(ControlScope.CURRENCY, mode, self.listed().currency(currency).index, client_order_id)

    def bust(
        self,
        instrument: str,
        number: int,
        *,
        maker: int,
        taker: int,
        maker_side: Side,
        price_ticks: int,
        quantity_lots: int,
        maker_fee_units: int,
        taker_fee_units: int,
        client_order_id: int | None = None,
    ) -> Call[CommandDone]:
        """Undo a trade, both legs and both fees; operators only. It is said in full, as the ledger has it.

        INSUFFICIENT_FUNDS is raised where somebody has spent or holds what would be taken back.
        """
        index = self.listed().instrument(instrument).index
        terms = (maker, taker, int(maker_side), price_ticks, quantity_lots, maker_fee_units, taker_fee_units)
        return self._command(Bust(self.account.take_id(client_order_id), index, number, *terms), client_order_id)

    def _control(
        self, scope: ControlScope, mode: ControlMode, currency: int, client_order_id: int | None
    ) -> Call[CommandDone]:
        number = self.account.take_id(client_order_id)
        return self._command(Control(number, int(scope), int(mode), currency), client_order_id)

    def _revoke(
        self, action: RevokeAction, account: int, token_id: str, client_order_id: int | None
    ) -> Call[CommandDone]:
        number = self.account.take_id(client_order_id)
        return self._command(Revoke(number, int(action), account, token_id), client_order_id)

    def _command(self, request: Command, wanted_id: int | None = None) -> Call[Any]:
        """Send a command and make its call; ``wanted_id`` is the client order id that the caller chose."""
        call = self.account.commands.expect(request, automatic=wanted_id is None)
        self._send(request)
        return call


def _naming(order: Order | int) -> tuple[int, int]:
    """Return OrderID and OrigClOrdID as they name an order: by its OrderID where that is known."""
    if isinstance(order, int):
        return 0, order
    return (order.order_id, 0) if order.order_id else (0, order.client_order_id)
