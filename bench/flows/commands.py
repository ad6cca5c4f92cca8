"""COMMAND records from words, one function per kind.

They check nothing: a test must be able to say what is wrong. Each returns the whole command, a
multiple of 64 bytes, as the journal would hold it; times are nanoseconds, numbers are those of
``fxengine.records``.

>>> len(new_order(2, 1, instrument=0, side=Side.BUY, price_ticks=100, quantity_lots=5))
64
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from fxengine.codes import (
    AccountFlag,
    CommandKind,
    ExecInst,
    OrdType,
    SelfTradePrevention,
    Side,
    SwapFlag,
    SwapMode,
    TimeInForce,
)
from fxengine.records import (
    ALL_INSTRUMENTS,
    AMEND,
    BUST,
    BUST_DETAIL,
    CANCEL,
    CONTROL,
    CREDENTIAL,
    CREDENTIAL_DETAIL,
    GUARD,
    MASS_CANCEL,
    MASS_QUOTE,
    MONEY,
    NEW_ORDER,
    ORDER_DETAIL,
    QUOTE_LEVEL,
    QUOTE_SET,
    RECORD_BYTES,
    REVOKE,
    SETTLED,
    SWAP,
    WITHDRAWAL,
    struct_of,
)

_NEW_ORDER, _CANCEL, _SWAP = struct_of(NEW_ORDER), struct_of(CANCEL), struct_of(SWAP)
_MONEY, _CREDENTIAL, _DETAIL = struct_of(MONEY), struct_of(CREDENTIAL), struct_of(CREDENTIAL_DETAIL)
_ORDER_DETAIL, _AMEND, _MASS_CANCEL = struct_of(ORDER_DETAIL), struct_of(AMEND), struct_of(MASS_CANCEL)
_MASS_QUOTE, _SET, _LEVEL = struct_of(MASS_QUOTE), struct_of(QUOTE_SET), struct_of(QUOTE_LEVEL)
_GUARD, _REVOKE = struct_of(GUARD), struct_of(REVOKE)
_SETTLED, _WITHDRAWAL, _CONTROL = struct_of(SETTLED), struct_of(WITHDRAWAL), struct_of(CONTROL)
_BUST, _BUST_DETAIL = struct_of(BUST), struct_of(BUST_DETAIL)

WORD_BITS = 64
WORDS = 4
_TIME = slice(16, 24)


def time(time_ns: int, *, kind: int = CommandKind.TIME, n_records: int = 1, account: int = 0) -> bytes:
    """Let time pass; with another kind or count, a command that the core does not know."""
    return _CANCEL.pack(kind, n_records, 0, account, 0, time_ns, 0, 0) * max(n_records, 1)


def new_order(
    account: int,
    client_order_id: int,
    *,
    instrument: int,
    side: int,
    price_ticks: int,
    quantity_lots: int,
    time_in_force: int = TimeInForce.GTC,
    exec_inst: int = ExecInst.NONE,
    ord_type: int = OrdType.LIMIT,
    self_trade_prevention: int = SelfTradePrevention.NONE,
    expire_ns: int = 0,
    display_lots: int = 0,
    stop_price_ticks: int = 0,
    min_lots: int = 0,
    n_records: int | None = None,
    time_ns: int = 0,
) -> bytes:
    """Enter an order; its detail record is written where it says something, or ``n_records`` is 2."""
    if n_records is None:
        n_records = 2 if stop_price_ticks or min_lots else 1
    head = (CommandKind.NEW_ORDER, n_records, instrument, account, client_order_id, time_ns)
    words = (side, ord_type, time_in_force, exec_inst, self_trade_prevention)
    record = _NEW_ORDER.pack(*head, *words, price_ticks, quantity_lots, expire_ns, display_lots)
    return record + _ORDER_DETAIL.pack(stop_price_ticks, min_lots) * (n_records - 1)


def cancel(
    account: int, client_order_id: int, *, order_id: int = 0, orig_client_order_id: int = 0, time_ns: int = 0
) -> bytes:
    """Cancel by OrderID or, when that is 0, by the order's client id."""
    head = (CommandKind.CANCEL, 1, 0, account, client_order_id, time_ns)
    return _CANCEL.pack(*head, order_id, orig_client_order_id)


def amend(
    account: int,
    client_order_id: int,
    *,
    price_ticks: int,
    quantity_lots: int,
    order_id: int = 0,
    orig_client_order_id: int = 0,
    expected_cum_lots: int = -1,
    time_ns: int = 0,
) -> bytes:
    """Give an open order a new price and a new total quantity."""
    head = (CommandKind.AMEND, 1, 0, account, client_order_id, time_ns)
    return _AMEND.pack(*head, order_id, orig_client_order_id, price_ticks, quantity_lots, expected_cum_lots)


def mass_cancel(
    account: int,
    client_order_id: int,
    *,
    instrument: int = ALL_INSTRUMENTS,
    side: int = 0,
    target: int = 0,
    time_ns: int = 0,
) -> bytes:
    """Cancel all orders and quotes of the sender or of ``target``, or those of one instrument or side."""
    head = (CommandKind.MASS_CANCEL, 1, instrument, account, client_order_id, time_ns)
    return _MASS_CANCEL.pack(*head, side, target)


class Quotes(NamedTuple):
    """One set of a mass quote: ladders of (price_ticks, leaves_lots), best first."""

    instrument: int
    bids: Sequence[tuple[int, int]] = ()
    offers: Sequence[tuple[int, int]] = ()


def mass_quote(account: int, client_order_id: int, *sets: Quotes, n_sets: int | None = None, time_ns: int = 0) -> bytes:
    """Replace a maker's ladders, set by set; with another ``n_sets``, a count that does not fit."""
    units = b"".join(
        _SET.pack(quotes.instrument, len(quotes.bids), len(quotes.offers))
        + b"".join(_LEVEL.pack(*level) for level in (*quotes.bids, *quotes.offers))
        for quotes in sets
    )
    n_body = max(-(-len(units) // RECORD_BYTES), 1)
    head = (CommandKind.MASS_QUOTE, 1 + n_body, 0, account, client_order_id, time_ns)
    return _MASS_QUOTE.pack(*head, len(sets) if n_sets is None else n_sets) + units.ljust(n_body * RECORD_BYTES, b"\0")


def swap(
    account: int,
    client_order_id: int,
    *,
    currency_in: int,
    currency_out: int,
    mode: int,
    amount_units: int,
    bound_units: int,
    deadline_ns: int = 0,
    payee: int = 0,
    flags: int = SwapFlag.NONE,
    worst_units: int = 0,
    time_ns: int = 0,
) -> bytes:
    """Pay one currency for another; ``mode`` says which amount is exact."""
    head = (CommandKind.SWAP, 1, currency_in, account, client_order_id, time_ns)
    return _SWAP.pack(*head, currency_out, mode, flags, payee, amount_units, bound_units, deadline_ns, worst_units)


def swap_in(account: int, client_order_id: int, pay: int, get: int, amount_units: int, **more: int) -> bytes:
    """Pay exactly ``amount_units`` or less, for at least ``bound_units`` (1 unless given)."""
    more = {"bound_units": 1, **more}
    mode = SwapMode.EXACT_IN
    return swap(
        account, client_order_id, currency_in=pay, currency_out=get, mode=mode, amount_units=amount_units, **more
    )


def swap_out(account: int, client_order_id: int, pay: int, get: int, amount_units: int, **more: int) -> bytes:
    """Deliver exactly ``amount_units``, for at most ``bound_units`` (no bound unless given)."""
    more = {"bound_units": 2**63 - 1, **more}
    mode = SwapMode.EXACT_OUT
    return swap(
        account, client_order_id, currency_in=pay, currency_out=get, mode=mode, amount_units=amount_units, **more
    )


NO_EXTERNAL_ID = bytes(16)


def external_id(reference: str) -> bytes:
    """Return what a deposit with this external reference is known by."""
    return hashlib.blake2b(reference.encode(), digest_size=16).digest() if reference else NO_EXTERNAL_ID


def deposit(
    operator: int,
    client_order_id: int,
    *,
    currency: int,
    beneficiary: int,
    amount_units: int,
    reference: str = "",
    time_ns: int = 0,
) -> bytes:
    """Credit a client; ``reference`` is what the bank or chain calls it."""
    text = reference.encode()
    n_text = -(-len(text) // RECORD_BYTES)
    head = (CommandKind.DEPOSIT, 1 + n_text, currency, operator, client_order_id, time_ns)
    body = _MONEY.pack(*head, beneficiary, amount_units, external_id(reference))
    return body + text.ljust(n_text * RECORD_BYTES, b"\0")


def withdraw(
    sender: int, client_order_id: int, *, currency: int, amount_units: int, beneficiary: int = 0, time_ns: int = 0
) -> bytes:
    """Ask for money to be paid out: the sender's, or as an operator a beneficiary's."""
    head = (CommandKind.WITHDRAW, 1, currency, sender, client_order_id, time_ns)
    return _MONEY.pack(*head, beneficiary, amount_units, NO_EXTERNAL_ID)


def fee_payout(
    operator: int, client_order_id: int, *, currency: int, amount_units: int, beneficiary: int, time_ns: int = 0
) -> bytes:
    """Move fees to a client."""
    head = (CommandKind.FEE_PAYOUT, 1, currency, operator, client_order_id, time_ns)
    return _MONEY.pack(*head, beneficiary, amount_units, NO_EXTERNAL_ID)


def end_withdrawal(
    operator: int, client_order_id: int, action: int, withdrawal: int, *, n_records: int = 1, time_ns: int = 0
) -> bytes:
    """Say that an open withdrawal was paid, or will not be."""
    head = (CommandKind.WITHDRAWAL, n_records, 0, operator, client_order_id, time_ns)
    return _WITHDRAWAL.pack(*head, action, withdrawal) * n_records


def settled(final_sequence: int, *, account: int = 0, client_order_id: int = 0, time_ns: int = 0) -> bytes:
    """Say, as the venue, that all up to a command is FINAL."""
    return _SETTLED.pack(CommandKind.SETTLED, 1, 0, account, client_order_id, time_ns, final_sequence)


class Trade(NamedTuple):
    """What a trade was, as its two fills told it."""

    instrument: int
    number: int
    price_ticks: int
    quantity_lots: int
    maker: int
    taker: int
    maker_side: int
    maker_fee_units: int = 0
    taker_fee_units: int = 0


def bust(operator: int, client_order_id: int, trade: Trade, *, n_records: int = 2, time_ns: int = 0) -> bytes:
    """Undo a trade."""
    head = (CommandKind.BUST, n_records, trade.instrument, operator, client_order_id, time_ns)
    body = _BUST.pack(*head, *trade[1:7])
    return (body + _BUST_DETAIL.pack(*trade[7:])).ljust(n_records * RECORD_BYTES, b"\0")[: n_records * RECORD_BYTES]


def control(
    account: int,
    client_order_id: int,
    scope: int,
    mode: int,
    *,
    currency: int = 0,
    n_records: int = 1,
    time_ns: int = 0,
) -> bytes:
    """Open or close the venue or a currency, as an operator or, with account and id 0, as the venue."""
    head = (CommandKind.CONTROL, n_records, currency, account, client_order_id, time_ns)
    return _CONTROL.pack(*head, scope, mode) * n_records


def guard(
    account: int,
    action: int,
    *,
    timeout_ns: int = 0,
    watching: int = 0,
    client_order_id: int = 0,
    n_records: int = 1,
    time_ns: int = 0,
) -> bytes:
    """Set or tell a guard over an account's orders."""
    head = (CommandKind.GUARD, n_records, 0, account, client_order_id, time_ns)
    return _GUARD.pack(*head, action, watching, timeout_ns) * n_records


NO_TOKEN = bytes(16)


def revoke(
    operator: int,
    client_order_id: int,
    action: int,
    *,
    target: int = 0,
    token_id: bytes = NO_TOKEN,
    time_ns: int = 0,
) -> bytes:
    """Freeze or release an account, or revoke a token."""
    head = (CommandKind.REVOKE, 1, 0, operator, client_order_id, time_ns)
    return _REVOKE.pack(*head, action, target, token_id)


def token_of(subject: str, issued_at_ns: int) -> bytes:
    """Return the token id that a subject's credential of this time has."""
    return hashlib.blake2b(f"issuer\0{subject}{issued_at_ns}".encode(), digest_size=16).digest()


def credential(
    account: int,
    subject: str,
    *,
    permitted: Iterable[int],
    expires_ns: int = 2**62,
    issued_at_ns: int = 0,
    window: int = 1024,
    flags: int = AccountFlag.NONE,
    level: int = 1,
    jurisdiction: bytes = b"HK",
    trade_group: int = 0,
    time_ns: int = 0,
) -> bytes:
    """Open or renew an account for the identity ("issuer", subject)."""
    text = f"issuer\0{subject}".encode()
    n_text = -(-len(text) // RECORD_BYTES)
    identity = hashlib.blake2b(text, digest_size=16).digest()
    mask = sum(1 << currency for currency in set(permitted))
    words = (mask >> WORD_BITS * i & 2**WORD_BITS - 1 for i in range(WORDS))
    head = (CommandKind.CREDENTIAL, 2 + n_text, 0, account, 0, time_ns)
    body = _CREDENTIAL.pack(*head, flags, level, jurisdiction, window, issued_at_ns, expires_ns, identity)
    detail = _DETAIL.pack(*words, token_of(subject, issued_at_ns), trade_group)
    return body + detail + text.ljust(n_text * RECORD_BYTES, b"\0")


def at_time(command: bytes, time_ns: int) -> bytes:
    """Return the same command stamped with another time, as a retry arrives."""
    return command[: _TIME.start] + time_ns.to_bytes(8, "little", signed=True) + command[_TIME.stop :]


def side_paid_by(currency: int, base: int) -> Side:
    """Return the side on which an order for a pair with this base pays ``currency``."""
    return Side.SELL if currency == base else Side.BUY
