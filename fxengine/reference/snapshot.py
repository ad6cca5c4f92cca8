"""Snapshots: the canonical bytes behind a header, and back into a state.

::

    header       magic | checksum | version | currencies, instruments | length | max_fills      64 bytes
    instruments  the INSTRUMENT records that it was taken under
    state        ``fxengine.reference.canonical``

What the canonical bytes leave out is made anew: levels, quote sets, and timers, each due in the
future, since every one that was due has fired. A snapshot is believed only when the state that was
read writes the very same bytes again and holds every invariant.

Source: XXH3, https://github.com/Cyan4973/xxHash (doc/xxhash_spec.md): finds accidents, proves nothing.
"""

import struct
from collections.abc import Callable

import xxhash

from fxengine.codes import (
    FIRST_CLIENT_ACCOUNT,
    AccountFlag,
    CommandKind,
    ControlMode,
    ExecInst,
    OrdStatus,
    OrdType,
    RejectReason,
    SelfTradePrevention,
    Side,
    TimeInForce,
)
from fxengine.records import INSTRUMENT, struct_of
from fxengine.reference import canonical
from fxengine.reference.account import Account, Balance, Outcome
from fxengine.reference.book import Book, Order
from fxengine.reference.invariants import check
from fxengine.reference.matching import queue_triggered
from fxengine.reference.state import State, Withdrawal
from fxengine.reference.timers import Timers

MAGIC = b"FXCORSNP"
VERSION = 1
_HEAD = struct.Struct("<8s16sIII4xQq8x")
_CHECKED_FROM = 24
_INSTRUMENT = struct_of(INSTRUMENT)
_NUMBER = struct.Struct("<I")
_SEQUENCE = struct.Struct("<Q")
_TOKEN_BYTES = _EXTERNAL_ID_BYTES = 16
_VENUES_OWN = bytes(canonical.ACCOUNT.size)


def take(state: State) -> bytes:
    """Return the whole state as bytes that :func:`restore` takes. O(state)."""
    body = _terms(state) + canonical.state_bytes(state)
    n_bytes = _HEAD.size + len(body)
    head = _HEAD.pack(MAGIC, bytes(16), VERSION, state.n_currencies, len(state.instruments), n_bytes, state.max_fills)
    covered = head[_CHECKED_FROM:] + body
    return MAGIC + xxhash.xxh3_128_digest(covered) + covered


def restore(snapshot: bytes, empty: Callable[[], tuple[State, Timers]]) -> tuple[State, Timers]:
    """Return the state that a snapshot holds; ``empty`` makes one of the venue's that it must be of.

    Raises ValueError where it is damaged, of another version or venue, or of a state that no core can be in.
    """
    state, timers = empty()
    _check_header(snapshot, state)
    written = snapshot[_HEAD.size + len(_terms(state)) :]
    try:
        _Reader(written).fill(state, timers)
        if canonical.state_bytes(state) != written:
            raise ValueError("it is not written as a core would write it")
        check(state)
    except (ValueError, AssertionError, LookupError, struct.error) as e:
        raise ValueError(
            f"the snapshot is whole, but no core can be in its state: {e}. Replay the journal, and keep the snapshot"
            " for examination"
        ) from e
    return state, timers


def _terms(state: State) -> bytes:
    rows = ((i.base, i.quote, i.maker_rate, i.taker_rate, i.lot_units, i.tick_lot_units) for i in state.instruments)
    return b"".join(_INSTRUMENT.pack(*row) for row in rows)


def _check_header(snapshot: bytes, state: State) -> None:
    if len(snapshot) < _HEAD.size:
        raise ValueError("the snapshot is damaged: it is shorter than its header; take another, or replay the journal")
    magic, checksum, version, n_currencies, n_instruments, n_bytes, max_fills = _HEAD.unpack_from(snapshot)
    if magic != MAGIC:
        raise ValueError("this is no snapshot of a core, or its beginning is damaged; replay the journal")
    if version != VERSION:
        raise ValueError(f"the snapshot is of version {version}, and this core reads {VERSION}; replay the journal")
    if n_bytes != len(snapshot) or checksum != xxhash.xxh3_128_digest(snapshot[_CHECKED_FROM:]):
        raise ValueError("the snapshot is damaged: its checksum differs; take another, or replay the journal")
    if (n_currencies, max_fills) != (state.n_currencies, state.max_fills):
        raise ValueError("the snapshot is of another venue: its currencies or max_fills differ; take the venue's own")
    terms = _terms(state)
    if n_instruments != len(state.instruments) or snapshot[_HEAD.size : _HEAD.size + len(terms)] != terms:
        raise ValueError("the snapshot is of another venue: it has other instruments; take the venue's own")


class _Reader:
    """Reads the sections of the canonical form, one after the other."""

    def __init__(self, written: bytes) -> None:
        self._written = written
        self._at = 0
        self._n_slots = 0

    def fill(self, state: State, timers: Timers) -> None:
        """Fill an empty state."""
        _, state.sequence, state.now_ns, _, _, n_accounts, n_slots = self._next(canonical.HEAD)
        if n_accounts > state.max_accounts:
            raise ValueError("it has more accounts than this core may have (max_accounts)")
        self._n_slots = n_slots
        state.accounts = [self._account(number, state, timers) for number in range(n_accounts)]
        if n_slots > state.pool.capacity:
            raise ValueError("it has room for more orders than this core may have (max_orders)")
        state.pool.generations = self._numbers(n_slots)
        (n_free,) = self._next(_NUMBER)
        state.pool.free = self._numbers(n_free)
        for index, book in enumerate(state.books):
            self._book(index, book, state, timers)
        (n_triggered,) = self._next(_NUMBER)
        for _ in range(n_triggered):
            queue_triggered(state, self._order(state, timers))
        if self._at < len(self._written):
            self._marks(state, timers)
        if self._at < len(self._written):
            self._money(state)
        if self._at < len(self._written):
            self._controls(state)
        if self._at < len(self._written):
            self._busts(state)

    def _marks(self, state: State, timers: Timers) -> None:
        (n_marked,) = self._next(_NUMBER)
        for _ in range(n_marked):
            number, bits, dead_man_ns = self._next(canonical.MARK)
            account = state.client(number)
            if account is None or 0 < dead_man_ns <= state.now_ns:
                raise ValueError(f"account {number} is not there, or its dead-man timer is due already")
            account.frozen = bool(bits & canonical.FROZEN)
            account.token_revoked = bool(bits & canonical.REVOKED)
            account.watching = bool(bits & canonical.WATCHING)
            timers.set_dead_man(account, dead_man_ns)
        (n_revoked,) = self._next(_NUMBER)
        for _ in range(n_revoked):
            state.revoked_tokens.add(self._piece(_TOKEN_BYTES))

    def _money(self, state: State) -> None:
        (state.final_sequence,) = self._next(_SEQUENCE)
        (n_open,) = self._next(_NUMBER)
        for _ in range(n_open):
            number, amount_units, account, currency = self._next(canonical.WITHDRAWAL)
            if currency >= state.n_currencies:
                raise ValueError(f"withdrawal {number} is in a currency that is not listed")
            state.withdrawals[number] = Withdrawal(number, account, currency, amount_units)
        (n_known,) = self._next(_NUMBER)
        for _ in range(n_known):
            state.external_ids.add(self._piece(_EXTERNAL_ID_BYTES))

    def _controls(self, state: State) -> None:
        mode, n_closed = self._numbers(2)
        state.cancel_only = ControlMode(mode) is ControlMode.CANCEL_ONLY
        for currency in self._numbers(n_closed):
            if currency >= state.n_currencies:
                raise ValueError(f"currency {currency}, which is closed, is not listed")
            state.redeem_only.add(currency)

    def _busts(self, state: State) -> None:
        (n_busted,) = self._next(_NUMBER)
        for _ in range(n_busted):
            instrument, number = self._next(canonical.BUST)
            if instrument >= len(state.books) or not 1 <= number <= state.books[instrument].stream:
                raise ValueError(f"trade {number} of instrument {instrument}, which was undone, is still to come")
            state.busted.add((instrument, number))

    def _piece(self, n_bytes: int) -> bytes:
        piece = self._written[self._at : self._at + n_bytes]
        if len(piece) != n_bytes:
            raise ValueError("it ends too early")
        self._at += n_bytes
        return piece

    def _next(self, layout: struct.Struct) -> tuple[int, ...]:
        fields = layout.unpack_from(self._written, self._at)
        self._at += layout.size
        return fields

    def _numbers(self, n: int) -> list[int]:
        if self._at + n * _NUMBER.size > len(self._written):
            raise ValueError("it ends too early")
        return [self._next(_NUMBER)[0] for _ in range(n)]

    def _account(self, number: int, state: State, timers: Timers) -> Account:
        head = self._written[self._at : self._at + len(_VENUES_OWN)]
        if number < FIRST_CLIENT_ACCOUNT and head != _VENUES_OWN:
            raise ValueError("an account of the venue's own has a credential")
        account = Account(number)
        *credential, account.client_id_highest, account.stream, n_outcomes = self._next(canonical.ACCOUNT)
        account.identity, flags, account.level, account.jurisdiction, account.window = credential[:5]  # type: ignore[assignment]
        account.flags = AccountFlag(flags)
        account.issued_at_ns, account.expires_ns = credential[5:7]
        account.permitted = tuple(credential[7:11])
        account.token_id, account.trade_group = credential[11:]  # type: ignore[assignment]
        for currency in range(state.n_currencies):
            account.balances[currency] = Balance(*self._next(canonical.BALANCE))
        for _ in range(n_outcomes):
            client_id, hashed, sequence, order_id, kind, status, reason, done, notional = self._next(canonical.OUTCOME)
            if order_id % 2**32 > self._n_slots:
                raise ValueError("the outcome of a client id names a slot that is not there")
            outcome = Outcome(CommandKind(kind), hashed, sequence, order_id, OrdStatus(status), RejectReason(reason))
            outcome.done, outcome.notional = done, notional
            account.remember(client_id, outcome)
        if account.expires_ns > state.now_ns:
            timers.add_credential(account)
        return account

    def _book(self, index: int, book: Book, state: State, timers: Timers) -> None:
        book.stream, book.last_price_ticks, n_bids, n_asks, n_stops = self._next(canonical.BOOK)
        for _ in range(n_bids + n_asks):
            order = self._order(state, timers, index)
            shown = order.shown_lots
            book.add(order)  # shows a whole part anew
            book.sides[order.side][order.price_ticks].lots -= order.shown_lots - shown
            order.shown_lots = shown
            if order.is_quote:
                state.accounts[order.account].quotes[index][order.side][order.price_ticks] = order
        for _ in range(n_stops):
            book.add_stop(self._order(state, timers, index))

    def _order(self, state: State, timers: Timers, of_instrument: int | None = None) -> Order:
        (
            slot, account, client_order_id, entry_sequence, price_ticks, stop_price_ticks, side, ord_type, exec_inst,
            prevention, instrument, is_quote, fee_credit, leaves, shown, display, cum, notional, expire_ns,
        ) = self._next(canonical.ORDER)  # fmt: skip
        if slot in state.pool.live or not 1 <= slot <= len(state.pool.generations) or state.client(account) is None:
            raise ValueError(f"slot {slot} of account {account} is not there, or another order has it")
        if of_instrument not in (None, instrument) or instrument >= len(state.instruments):
            raise ValueError(f"the order in slot {slot} is of another instrument than its book")
        order = Order(
            slot, state.pool.generations[slot - 1], account, client_order_id, instrument, Side(side), price_ticks,
            leaves, entry_sequence, cum, notional, fee_credit, OrdType(ord_type),
            TimeInForce.GTD if expire_ns else TimeInForce.GTC, ExecInst(exec_inst), SelfTradePrevention(prevention),
            expire_ns, display, stop_price_ticks, shown, bool(is_quote),
        )  # fmt: skip
        state.pool.live[slot] = order
        if expire_ns:
            timers.add_order(order)
        return order
