"""All of the venue's state in one place, and the only way out of it: events."""

import struct
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from fxengine.codes import (
    CUSTODY_ACCOUNT,
    FEES_ACCOUNT,
    FIRST_CLIENT_ACCOUNT,
    AccountFlag,
    CommandKind,
    EventFlag,
    EventKind,
    OrdStatus,
    RejectReason,
)
from fxengine.records import (
    BUST_EVENT,
    CANCEL_EVENT,
    EVENT,
    MONEY_EVENT,
    REDUCE_EVENT,
    STATUS_EVENT,
    SWAP_EVENT,
    SWAP_LEG_EVENT,
    Records,
    struct_of,
)
from fxengine.reference.account import Account
from fxengine.reference.book import Book, Order, OrderPool

_EVENT, _CANCEL, _REDUCE = struct_of(EVENT), struct_of(CANCEL_EVENT), struct_of(REDUCE_EVENT)
_STATUS, _MONEY, _SWAP = struct_of(STATUS_EVENT), struct_of(MONEY_EVENT), struct_of(SWAP_EVENT)
_BUST, _SWAP_LEG = struct_of(BUST_EVENT), struct_of(SWAP_LEG_EVENT)
NO_EXTERNAL_ID = bytes(16)


class OrderTimers(Protocol):
    """Where a GTD order leaves its expire time."""

    def add_order(self, order: Order) -> None:
        """Note when a GTD order expires."""


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """Money that an account asked to have paid out, and that is held until it is."""

    number: int
    """The sequence of the command that asked for it."""
    account: int
    currency: int
    amount_units: int


class Instrument:
    """What matching needs to know of a pair; a row of the INSTRUMENT records as integers."""

    def __init__(self, row: np.void) -> None:
        self.base, self.quote = int(row["base"]), int(row["quote"])
        self.maker_rate, self.taker_rate = int(row["maker_rate"]), int(row["taker_rate"])
        self.lot_units, self.tick_lot_units = int(row["lot_units"]), int(row["tick_lot_units"])

    def notional_units(self, price_ticks: int, lots: int) -> int:
        """Return price times quantity in quote units; exact."""
        return price_ticks * lots * self.tick_lot_units


class State:
    """Accounts, books, orders and time; ``sequence`` is the number of the command being applied."""

    def __init__(
        self,
        instruments: Records,
        n_currencies: int,
        max_fills: int,
        max_orders: int,
        max_accounts: int,
        max_withdrawals: int,
        timers: OrderTimers,
        routes: Sequence[tuple[int, ...]] = (),
        swap_rate: int | None = None,
    ) -> None:
        self.n_currencies = n_currencies
        self.max_fills = max_fills
        self.max_accounts = max_accounts
        self.max_withdrawals = max_withdrawals
        self.instruments = [Instrument(row) for row in instruments]
        self.routes = tuple(routes)
        """The paths that the venue names, by their currencies."""
        self.swap_rate = swap_rate
        """The fee on a swap's last leg, where it takes the place of every leg's taker fee."""
        self.books = [Book() for _ in self.instruments]
        self.pool = OrderPool(max_orders)
        self.accounts = [Account(FEES_ACCOUNT), Account(CUSTODY_ACCOUNT)]
        self.now_ns = 0
        self.sequence = 0
        self.triggered: deque[int] = deque()
        """OrderIDs of triggered stops that wait their turn."""
        self.revoked_tokens: set[bytes] = set()
        self.final_sequence = 0
        """All up to this command is FINAL in the ledger."""
        self.withdrawals: dict[int, Withdrawal] = {}
        """Open withdrawals by number, ascending."""
        self.busted: set[tuple[int, int]] = set()
        """(instrument, number) of every trade that was undone."""
        self.cancel_only = False
        """The venue takes nothing that adds risk."""
        self.redeem_only: set[int] = set()
        """Currencies that are not traded."""
        self.external_ids: set[bytes] = set()
        """Of every deposit that was ever credited and had one."""
        self.timers = timers
        self.events = bytearray()

    def client(self, number: int) -> Account | None:
        """Return a client's account; None for the venue's own and for numbers not yet given."""
        if FIRST_CLIENT_ACCOUNT <= number < len(self.accounts):
            return self.accounts[number]
        return None

    def orders_of(self, account: Account) -> list[Order]:
        """Return an account's open orders and quotes by client id, then by slot. O(open orders)."""
        orders = [order for order in self.pool.live.values() if order.account == account.number]
        return sorted(orders, key=lambda order: (order.client_order_id, order.slot))

    def is_valid(self, account: Account) -> bool:
        """Say whether the account's credential holds now and nothing bars it."""
        return account.expires_ns > self.now_ns and not bar_or(account, RejectReason.NONE)

    def is_operator(self, account: Account) -> bool:
        """Say whether the account may act on others' orders and money now."""
        return bool(account.flags & AccountFlag.OPERATOR) and self.is_valid(account)

    def moves(self, account: Account, currency: int) -> bool:
        """Say whether the account may bring money of a currency in now, and take it out."""
        issues = bool(account.flags & AccountFlag.ISSUER) and self.is_valid(account) and account.permits(currency)
        return issues or self.is_operator(account)

    def closed(self, instrument: int) -> RejectReason:
        """Return why an instrument takes nothing that adds risk, or NONE."""
        pair = self.instruments[instrument]
        return self.closed_to(pair.base, pair.quote)

    def closed_to(self, *currencies: int) -> RejectReason:
        """Return why these currencies are not traded, or NONE."""
        if self.cancel_only:
            return RejectReason.VENUE_CANCEL_ONLY
        return RejectReason.NONE if self.redeem_only.isdisjoint(currencies) else RejectReason.CURRENCY_REDEEM_ONLY

    # -- events: each takes the next number of its account's private stream

    def _head(
        self, kind: EventKind, account: int, side: int, reason: int, subject: int, status: int, flags: int, other: int
    ) -> Sequence[int]:
        return kind, side, reason, subject, status, flags, account, other, self.sequence

    def _next_number(self, account: int) -> int:
        owner = self.client(account)
        if owner is None:
            return 0
        owner.stream += 1
        return owner.stream

    def _write(self, layout: struct.Struct, head: Sequence[int], body: Sequence[Any]) -> None:
        self.events += layout.pack(*head, *body)

    def emit_order(
        self,
        kind: EventKind,
        account: int,
        *,
        side: int,
        instrument: int,
        status: OrdStatus,
        order_id: int,
        client_order_id: int,
        price_ticks: int,
        quantity_lots: int,
        leaves_lots: int,
        cum_lots: int,
        flags: int = 0,
        reason: RejectReason = RejectReason.NONE,
        counterparty: int = 0,
        fee_units: int = 0,
        instrument_stream: int = 0,
    ) -> None:
        """Tell an account what became of its order (ACCEPTED, FILL, RESTED)."""
        head = self._head(kind, account, side, reason, instrument, status, flags, counterparty)
        lots = (price_ticks, quantity_lots, leaves_lots, cum_lots, fee_units)
        body = (order_id, client_order_id, *lots, self._next_number(account), instrument_stream)
        self._write(_EVENT, head, body)

    def emit_cancel(
        self,
        kind: EventKind,
        account: int,
        *,
        side: int,
        instrument: int,
        status: OrdStatus,
        reason: RejectReason,
        order_id: int,
        client_order_id: int,
        price_ticks: int = 0,
        quantity_lots: int = 0,
        displayed_lots: int = 0,
        cum_lots: int = 0,
        request_id: int = 0,
        flags: int = 0,
        instrument_stream: int = 0,
    ) -> None:
        """Tell an account that its order ended (CANCELED), or its command was refused (REJECTED)."""
        head = self._head(kind, account, side, reason, instrument, status, flags, 0)
        body = (order_id, client_order_id, price_ticks, quantity_lots, displayed_lots, cum_lots, request_id)
        self._write(_CANCEL, head, (*body, self._next_number(account), instrument_stream))

    def emit_reduced(
        self,
        account: int,
        *,
        side: int,
        instrument: int,
        status: OrdStatus,
        reason: RejectReason,
        order_id: int,
        client_order_id: int,
        price_ticks: int,
        quantity_lots: int,
        displayed_lots: int,
        cum_lots: int,
        leaves_lots: int,
        flags: int,
        instrument_stream: int,
    ) -> None:
        """Tell an account that its order lost a part before it was filled (REDUCED)."""
        head = self._head(EventKind.REDUCED, account, side, reason, instrument, status, flags, 0)
        body = (order_id, client_order_id, price_ticks, quantity_lots, displayed_lots, cum_lots, leaves_lots)
        self._write(_REDUCE, head, (*body, self._next_number(account), instrument_stream))

    def emit_told(
        self,
        kind: EventKind,
        account: int,
        *,
        action: int,
        reason: RejectReason = RejectReason.NONE,
        setting: int = 0,
        subject: int = 0,
    ) -> None:
        """Tell an account what was decided, beside any order (GUARDED, REVOKED, CONTROLLED)."""
        self.emit_order(
            kind, account, side=action, instrument=subject, status=OrdStatus.NEW, order_id=0, client_order_id=0,
            price_ticks=0, quantity_lots=setting, leaves_lots=0, cum_lots=0, reason=reason,
        )  # fmt: skip

    def emit_status(
        self,
        account: int,
        *,
        command: CommandKind,
        subject: int,
        status: OrdStatus,
        reason: RejectReason,
        order_id: int,
        client_order_id: int,
        notional_units: int,
        quantity_lots: int,
        leaves_lots: int,
        done: int,
        original_sequence: int,
    ) -> None:
        """Answer a repeated command with its outcome so far (ORDER_STATUS)."""
        head = self._head(EventKind.ORDER_STATUS, account, command, reason, subject, status, 0, 0)
        body = (order_id, client_order_id, notional_units, quantity_lots, leaves_lots, done, original_sequence)
        self._write(_STATUS, head, (*body, self._next_number(account), 0))

    def emit_money(
        self,
        kind: EventKind,
        account: int,
        currency: int,
        amount_units: int,
        *,
        counterparty: int = 0,
        client_order_id: int = 0,
        withdrawal: int = 0,
        external_id: bytes = NO_EXTERNAL_ID,
    ) -> None:
        """Tell an account that money moved (RECEIVED, DEPOSITED ...), is held or free again, or was moved (DONE)."""
        head = self._head(kind, account, 0, 0, currency, 0, 0, counterparty)
        body = (withdrawal, client_order_id, amount_units, external_id, self._next_number(account), 0)
        self._write(_MONEY, head, body)

    def emit_busted(
        self,
        account: int,
        *,
        side: int,
        instrument: int,
        flags: int,
        counterparty: int,
        trade_number: int,
        price_ticks: int,
        quantity_lots: int,
        fee_units: int,
    ) -> None:
        """Tell an account that a trade of it was undone (BUSTED)."""
        head = self._head(EventKind.BUSTED, account, side, 0, instrument, 0, flags, counterparty)
        body = (trade_number, 0, price_ticks, quantity_lots, fee_units, self._next_number(account), 0)
        self._write(_BUST, head, body)

    def emit_swap(
        self,
        kind: EventKind,
        account: int,
        *,
        payee: int,
        currency_in: int,
        currency_out: int,
        mode: int,
        path: Sequence[int],
        n_legs: int,
        client_order_id: int,
        amount_in_units: int,
        amount_out_units: int,
        unfilled_units: int,
        fills: int,
        singles: int,
    ) -> None:
        """Give the payer the receipt of an instant swap (SWAPPED), or what a path would have given (SWAP_PATH)."""
        head = self._head(kind, account, 0, 0, currency_in, OrdStatus.FILLED, 0, payee)
        books = (*path, 0, 0, 0)[:3]
        amounts = (amount_in_units, amount_out_units, unfilled_units, fills, singles)
        body = (*books, n_legs, client_order_id, *amounts, self._next_number(account), currency_out, mode)
        self._write(_SWAP, head, body)

    def emit_swap_leg(
        self,
        account: int,
        *,
        side: int,
        instrument: int,
        client_order_id: int,
        spent_units: int,
        received_units: int,
        fee_units: int,
        change_units: int,
        quantity_lots: int,
        fills: int,
    ) -> None:
        """Tell the payer what an instant swap did in one book (SWAP_LEG)."""
        flags = EventFlag.TAKER | EventFlag.SWAP
        head = self._head(EventKind.SWAP_LEG, account, side, 0, instrument, OrdStatus.FILLED, flags, 0)
        amounts = (spent_units, received_units, change_units, quantity_lots, fee_units)
        self._write(_SWAP_LEG, head, (fills, client_order_id, *amounts, self._next_number(account), 0))


def bar_or(account: Account, otherwise: RejectReason) -> RejectReason:
    """Return why an account is barred, or another reason where it is not."""
    if account.frozen:
        return RejectReason.ACCOUNT_FROZEN
    return RejectReason.TOKEN_REVOKED if account.token_revoked else otherwise
