"""The reference core's interface: time, then dispatch of each command in turn.

What happens to a command, in this order:

1. its number is the next; time moves on to its stamp, never back;
2. stops that were triggered earlier and still wait run, then all timers that are due fire: credentials
   end (their orders leave the books), GTD orders expire, dead-man timers run out;
3. an unknown kind or a wrong number of records is refused, then an unknown account; a credential, a
   guard, what has settled, the venue's own control and the time have no client id and are carried out
   at once;
4. its client id is looked up: too old, too high, reused for another body: refused and not
   remembered; used before with the same body: answered with the outcome so far;
5. else the id is remembered and the command carried out or refused, and that is its outcome;
6. the stops that its trades triggered run, first in first out, up to the bound of a command.
"""

import hashlib

import numpy as np

from fxengine.codes import FEES_ACCOUNT, CommandKind, EventKind, OrdStatus, RejectReason, Side
from fxengine.records import (
    AMEND,
    CANCEL,
    COMMAND,
    CONTROL,
    CREDENTIAL,
    CREDENTIAL_DETAIL,
    EVENT,
    GUARD,
    NEW_ORDER,
    RECORD_BYTES,
    SETTLED,
    Records,
    struct_of,
)
from fxengine.reference import snapshot
from fxengine.reference.account import Account, Outcome, body_hash
from fxengine.reference.canonical import state_bytes
from fxengine.reference.controls import Control, venue_control
from fxengine.reference.credentials import Credential, renew
from fxengine.reference.guards import Guard, guard
from fxengine.reference.invariants import check
from fxengine.reference.numbered import carry_out, read_swap
from fxengine.reference.paths import Hops
from fxengine.reference.queries import (
    OpenOrder,
    OpenWithdrawal,
    OrderState,
    open_orders,
    open_withdrawals,
    order_state,
)
from fxengine.reference.revocations import NO_TOKEN
from fxengine.reference.state import State
from fxengine.reference.swaps import SwapQuote, quote
from fxengine.reference.timers import Timers, run_triggered
from fxengine.reference.withdrawals import Settled, settled

_NEW_ORDER, _CANCEL, _AMEND = struct_of(NEW_ORDER), struct_of(CANCEL), struct_of(AMEND)
_CREDENTIAL, _DETAIL = struct_of(CREDENTIAL), struct_of(CREDENTIAL_DETAIL)
_GUARD, _SETTLED, _CONTROL = struct_of(GUARD), struct_of(SETTLED), struct_of(CONTROL)
_ACCOUNT_FIELD = 3
_QUANTITY_FIELD = 12
_KINDS = frozenset(CommandKind)
_HEADER_FIELDS = 6
_N_RECORDS = {
    CommandKind.CREDENTIAL: (2, 255),
    CommandKind.NEW_ORDER: (1, 2),
    CommandKind.MASS_QUOTE: (2, 255),
    CommandKind.DEPOSIT: (1, 255),
    CommandKind.BUST: (2, 2),
}


class Core:
    """The matching core in plain Python; the same interface and the same bytes as ``fxengine._core.Core``.

    ``instruments`` are ``(n,) INSTRUMENT`` records, ``routes`` the ``ROUTE`` records of paths that are named,
    ``swap_rate`` the fee on the last leg of a swap where it takes the place of every leg's taker fee.
    Every command is O(log n) in the orders and levels it touches, in Python's time.
    """

    def __init__(
        self,
        instruments: Records,
        *,
        n_currencies: int,
        max_fills: int = 256,
        max_orders: int = 4_000_000,
        max_accounts: int = 1 << 22,
        max_withdrawals: int = 1024,
        routes: Records | None = None,
        swap_rate: int | None = None,
    ) -> None:
        bounds = max_fills, max_orders, max_accounts, max_withdrawals
        named = [
            tuple(int(stop) for stop in row["stops"][: row["n_stops"]]) for row in (() if routes is None else routes)
        ]

        def empty() -> tuple[State, Timers]:
            timers = Timers()
            return State(instruments, n_currencies, *bounds, timers, named, swap_rate), timers

        self._empty = empty
        self._state, self._timers = empty()
        self._hops = Hops(self._state)
        self._commands: Records = np.zeros(0, COMMAND)
        self.events: Records = np.zeros(0, EVENT)

    def bind(self, commands: Records) -> None:
        """Use this C-contiguous ``(n,) COMMAND`` array as input; the caller fills it in place."""
        if commands.dtype.itemsize != RECORD_BYTES or not commands.flags.c_contiguous or commands.ndim != 1:
            raise ValueError("commands must be a one-dimensional C-contiguous array of 64-byte records")
        self._commands = commands

    def apply(self, first: int, last: int) -> int:
        """Apply the whole commands in records ``[first, last)``; return how many events they made.

        The events stand in ``self.events[:n]`` until the next call. Raises ValueError, with nothing
        of the broken command done, when the records do not end at a command's end.
        """
        if not 0 <= first <= last <= len(self._commands):
            raise ValueError(f"records [{first}, {last}) are not within the {len(self._commands)} bound")
        block = self._commands[first:last].tobytes()
        self._state.events.clear()
        at = 0
        try:
            while at < len(block):
                n_records = block[at + 1]
                end = at + n_records * RECORD_BYTES
                if not n_records or end > len(block):
                    raise ValueError(f"record {first + at // RECORD_BYTES}: its n_records, {n_records}, does not fit")
                self._apply_one(block[at:end])
                at = end
        finally:
            self.events = np.frombuffer(bytes(self._state.events), EVENT)
        return len(self.events)

    def _apply_one(self, command: bytes) -> None:
        state = self._state
        kind, n_records, instrument, number, client_id, time_ns, *_ = _NEW_ORDER.unpack_from(command)
        state.sequence += 1
        state.now_ns = max(state.now_ns, time_ns)
        ran = run_triggered(state, 0)
        self._timers.fire(state)
        low, high = _N_RECORDS.get(kind, (1, 1))
        if kind not in _KINDS or not low <= n_records <= high:
            self._reject(RejectReason.UNKNOWN_COMMAND, kind, number, instrument, client_id, 0, 0)
        elif kind == CommandKind.CREDENTIAL:
            renew(state, self._timers, _credential(command))
        elif kind == CommandKind.GUARD:
            body = _GUARD.unpack_from(command)[_HEADER_FIELDS:]
            guard(state, self._timers, Guard(number, instrument, client_id, *body))
        elif kind == CommandKind.SETTLED:
            settled(state, Settled(number, instrument, client_id, *_SETTLED.unpack_from(command)[_HEADER_FIELDS:]))
        elif kind == CommandKind.CONTROL and number == FEES_ACCOUNT:
            venue_control(
                state, Control(number, client_id, instrument, *_CONTROL.unpack_from(command)[_HEADER_FIELDS:])
            )
        elif kind != CommandKind.TIME:
            self._apply_identified(CommandKind(kind), instrument, number, client_id, command)
        run_triggered(state, ran)

    def _apply_identified(self, kind: CommandKind, subject: int, number: int, client_id: int, command: bytes) -> None:
        """Carry out a command that a client numbers, once."""
        state = self._state
        order_id = original = request_id = 0
        names_order = kind in (CommandKind.CANCEL, CommandKind.AMEND)
        if names_order:
            layout = _CANCEL if kind is CommandKind.CANCEL else _AMEND
            order_id, original, *_ = layout.unpack_from(command)[_HEADER_FIELDS:]
            request_id = client_id
        named = original if names_order else client_id
        account = state.client(number)
        outcome = None
        if account is None:
            reason = RejectReason.UNKNOWN_ACCOUNT
        elif client_id or kind is not CommandKind.CANCEL:
            hashed = body_hash(command)
            reason = _id_refusal(account, client_id, hashed)
            if not reason:
                known = account.outcome(client_id)
                if known is not None:
                    self._answer(account, subject, client_id, known, command)
                    return
                outcome = Outcome(kind, hashed, state.sequence)
                account.remember(client_id, outcome)
        else:
            reason = RejectReason.NONE
        if not reason:
            assert account is not None
            reason = carry_out(state, self._hops, kind, subject, account, client_id, command, outcome)
            if reason and outcome is not None:
                outcome.status, outcome.reason = OrdStatus.REJECTED, reason
        if reason:
            self._reject(reason, kind, number, subject, named, order_id, request_id)

    def _answer(self, account: Account, subject: int, client_id: int, known: Outcome, command: bytes) -> None:
        """Tell the outcome so far of a repeated command; an open order tells its own."""
        order = self._state.pool.find(known.order_id) if known.kind is CommandKind.NEW_ORDER else None
        status, done, notional, leaves = known.status, known.done, known.notional, 0
        if order is not None:
            status, done, notional, leaves = order.status, order.cum_lots, order.notional_units, order.leaves_lots
        quantity = _NEW_ORDER.unpack_from(command)[_QUANTITY_FIELD] if known.kind is CommandKind.NEW_ORDER else 0
        self._state.emit_status(
            account.number, command=known.kind, subject=subject, status=status, reason=known.reason,
            order_id=known.order_id, client_order_id=client_id, notional_units=notional, quantity_lots=quantity,
            leaves_lots=leaves, done=done, original_sequence=known.sequence,
        )  # fmt: skip

    def _reject(
        self,
        reason: RejectReason,
        kind: int,
        account: int,
        subject: int,
        client_id: int,
        order_id: int,
        request_id: int,
    ) -> None:
        self._state.emit_cancel(
            EventKind.REJECTED, account, side=kind, instrument=subject, status=OrdStatus.REJECTED, reason=reason,
            order_id=order_id, client_order_id=client_id, request_id=request_id,
        )  # fmt: skip

    # -- what is known now

    @property
    def sequence(self) -> int:
        """Number of the last command applied, from 1."""
        return self._state.sequence

    @property
    def now_ns(self) -> int:
        """Time of the last command."""
        return self._state.now_ns

    @property
    def next_deadline_ns(self) -> int:
        """When the core next has something to do by itself; 2**63 - 1 for never."""
        return self._timers.next_ns(self._state)

    @property
    def n_accounts(self) -> int:
        """Accounts there are, the venue's own two included; the next new one gets this number."""
        return len(self._state.accounts)

    @property
    def n_orders(self) -> int:
        """Open orders: in the books, waiting stops, and triggered ones."""
        return len(self._state.pool.live)

    def balance(self, account: int, currency: int) -> tuple[int, int]:
        """Return the available and the held units of an account."""
        if currency >= self._state.n_currencies:
            raise IndexError(f"currency {currency} is not listed")
        balance = self._state.accounts[account].balances[currency]
        return balance.available, balance.held

    def client_id_highest(self, account: int) -> int:
        """Return the highest client order id the account has used; 0 for none."""
        return self._state.accounts[account].client_id_highest

    def depth(self, instrument: int, side: int, levels: int) -> list[tuple[int, int]]:
        """Return up to ``levels`` best (price_ticks, lots) of one side, best first."""
        walk = self._state.books[instrument].levels(Side(side))
        return [(price, level.lots) for (price, level), _ in zip(walk, range(levels), strict=False)]

    def order_state(self, account: int, client_order_id: int, order_id: int) -> OrderState | None:
        """Return what became of an account's command or order, named by OrderID or else by its client id.

        The tuple is ``(order_id, client_order_id, command, status, reason, instrument, side, ord_type,
        price_ticks, leaves_lots, cum_lots, notional_units, sequence)``: of an open order its own, of any
        other command its outcome, with 0 for what only an open order has. ``sequence`` numbers the command
        that used the client id; 0 when it left the window. None for what the account does not have (any
        more), another's order included; an OrderID names open orders only. IndexError for no account.
        """
        return order_state(self._state, self._account(account), client_order_id, order_id)

    def open_orders(self, account: int, after_order_id: int, limit: int) -> list[OpenOrder]:
        """Return up to ``limit`` of an account's open orders and quotes, by slot, those behind a slot only.

        Rows are ``(order_id, client_order_id, instrument, side, ord_type, price_ticks, leaves_lots,
        cum_lots)``, with ord_type 0 for a quote. ``after_order_id`` is the last of the page before, open or
        not; 0 begins. IndexError for no account, ValueError for a limit below 1.
        """
        if limit < 1:
            raise ValueError(f"limit is {limit}, not at least 1")
        return open_orders(self._state, self._account(account), after_order_id, limit)

    @property
    def final_sequence(self) -> int:
        """All up to this command is FINAL in the ledger, as far as the core was told; 0: nothing is."""
        return self._state.final_sequence

    @property
    def cancel_only(self) -> bool:
        """Say whether the venue takes nothing that adds risk."""
        return self._state.cancel_only

    def redeem_only(self) -> list[int]:
        """Return the currencies that are not traded and not deposited, ascending."""
        return sorted(self._state.redeem_only)

    def open_withdrawals(self, account: int, after: int, limit: int) -> list[OpenWithdrawal]:
        """Return up to ``limit`` withdrawals that wait to be paid, of an account or of all (0), ascending by number.

        Rows are ``(number, account, currency, amount_units)``. ``after`` is the last number of the page
        before; 0 begins. IndexError for no account, ValueError for a limit below 1.
        """
        if limit < 1:
            raise ValueError(f"limit is {limit}, not at least 1")
        return open_withdrawals(self._state, self._account(account).number, after, limit)

    def swap_quote(self, command: bytes) -> SwapQuote:
        """Return what a SWAP record would do now, whatever the payer has and its client id says; nothing changes.

        The account, currencies, amounts and the rest are the record's. IndexError for no account, ValueError for
        another length than a record's.
        """
        if len(command) != RECORD_BYTES:
            raise ValueError(f"len(command) is {len(command)}, not {RECORD_BYTES}")
        account = self._state.client(_NEW_ORDER.unpack_from(command)[_ACCOUNT_FIELD])
        if account is None:
            raise IndexError("the record names no client's account")
        return quote(self._state, self._hops, account, read_swap(command))

    def watching(self) -> list[int]:
        """Return the accounts whose orders end when their connection is lost, ascending."""
        return [account.number for account in self._state.accounts if account.watching]

    def is_frozen(self, account: int) -> bool:
        """Say whether an account is frozen; IndexError for no account."""
        return self._account(account).frozen

    def is_revoked(self, token_id: bytes) -> bool:
        """Say whether a token (blake2b-128 of its jti, 16 bytes) was revoked."""
        if len(token_id) != len(NO_TOKEN):
            raise ValueError(f"len(token_id) is {len(token_id)}, not {len(NO_TOKEN)}")
        return token_id in self._state.revoked_tokens

    def _account(self, number: int) -> Account:
        if not 0 <= number < self.n_accounts:
            raise IndexError(f"account {number} is not one of the {self.n_accounts} there are")
        return self._state.accounts[number]

    def account_stream(self, account: int) -> int:
        """Return the last number of an account's private stream; 0 for none. IndexError for no account."""
        return self._account(account).stream

    def instrument_stream(self, instrument: int) -> int:
        """Return the last number of an instrument's market data; 0 for none."""
        return self._state.books[instrument].stream

    def state_bytes(self) -> bytes:
        """Return the whole state as canonical bytes; see ``fxengine.reference.canonical``."""
        return state_bytes(self._state)

    def state_hash(self) -> str:
        """Return blake2b-128 of the state bytes, in hex."""
        return hashlib.blake2b(self.state_bytes(), digest_size=16).hexdigest()

    def snapshot(self) -> bytes:
        """Return the whole state as bytes that :meth:`restore` takes, checksummed. O(state)."""
        return snapshot.take(self._state)

    def restore(self, taken: bytes) -> None:
        """Take on a snapshot's state; from here on this core does what the one would that it was taken of.

        For a core that has applied nothing, of the same currencies, instruments and ``max_fills``, and
        with room for its orders. Raises ValueError for a snapshot that is damaged, of another version or
        venue, or of a state that no core can be in; RuntimeError for a core that was used. Each leaves the
        core as it was. O(snapshot).
        """
        if self._state.sequence:
            raise RuntimeError("this core has applied commands; restore a snapshot to a new one")
        self._state, self._timers = snapshot.restore(taken, self._empty)
        self._hops = Hops(self._state)

    def check(self) -> None:
        """Walk every invariant; AssertionError names the first that does not hold. O(state)."""
        check(self._state)


def _id_refusal(account: Account, client_id: int, hashed: int) -> RejectReason:
    """Place a client id in the account's window."""
    if client_id == 0:
        return RejectReason.CLIENT_ID_MISSING
    if client_id > account.client_id_highest + account.window:
        return RejectReason.CLIENT_ID_TOO_HIGH
    if client_id + account.window <= account.client_id_highest:
        return RejectReason.CLIENT_ID_TOO_OLD
    known = account.outcome(client_id)
    if known is not None and known.body_hash != hashed:
        return RejectReason.CLIENT_ID_REUSED
    return RejectReason.NONE


def _credential(command: bytes) -> Credential:
    flags, level, jurisdiction, window, issued_at, expires, identity = _CREDENTIAL.unpack_from(command)[_HEADER_FIELDS:]
    *permitted, token_id, trade_group = _DETAIL.unpack_from(command, RECORD_BYTES)
    number = int.from_bytes(command[4:8], "little")
    return Credential(
        number,
        flags,
        level,
        jurisdiction,
        window,
        issued_at,
        expires,
        identity,
        tuple(permitted),
        token_id,
        trade_group,
    )
