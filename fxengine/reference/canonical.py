"""The state as bytes: the same for the same history, whichever core holds it.

Little-endian sections, one after the other::

    head      "FXSTATE1" | sequence u64 | now_ns i64 | currencies, instruments, accounts, slots u32
    accounts  in order of number: fixed part, then balances by currency (available, held i64),
              then the outcomes of the client ids in the window, ascending
    slots     generation u32 of each slot ever used; count u32 and the free ones, next to be used last
    books     in order of instrument: stream u64, last price u32, number of bids, of asks and of
              waiting stops u32, then the orders: bids and asks in priority, stops as they were entered
    triggered count u32 and the orders that wait to run, in turn
    marks     only where there are any: count u32 and the accounts with a mark or a dead-man timer, in
              order of number; count u32 and the revoked tokens, ascending
    money     only where there is any to tell of, and then the marks stand too, if with counts of 0:
              final sequence u64; count u32 and the open withdrawals (number u64, amount i64, account u32,
              currency u16, 2 bytes), ascending; count u32 and the deposits' external ids, ascending
    controls  only where something is closed, and then money stands too: the venue's mode u32; count u32
              and the currencies (u32) that are REDEEM_ONLY, ascending
    busts     only where there are any, and then controls stand too: count u32 and the trades that were
              undone (instrument u64, number u64, both big-endian), ascending

Timers are not written: they follow from the credentials and the orders, since every one that is due
has fired; a dead-man timer is its account's. Nor are a maker's quote sets: they are its open orders that
are quotes. Marks, money, controls and busts are left out where there are none, so a journal of a venue that
never had one keeps the hashes that it was sealed with.
The hash of these bytes is the state hash.
"""

import struct

from fxengine.codes import ControlMode, Side
from fxengine.reference.account import Account
from fxengine.reference.book import Order
from fxengine.reference.state import State

MAGIC = b"FXSTATE1"
FROZEN, REVOKED, WATCHING = 1, 2, 4
HEAD = struct.Struct("<8sQqIIII")
ACCOUNT = struct.Struct("<16sBB2sIqq4Q16sIQQI")
BALANCE = struct.Struct("<qq")
OUTCOME = struct.Struct("<QQQQBBH4xqq")
BOOK = struct.Struct("<QIIII")
MARK = struct.Struct("<IIq")
BUST = struct.Struct(">QQ")
WITHDRAWAL = struct.Struct("<QqIH2x")
ORDER = struct.Struct("<IIQQIIBBBBHBxIqqqqqq")


def state_bytes(state: State) -> bytes:
    """Write the whole state. O(state)."""
    pool = state.pool
    parts = [
        HEAD.pack(
            MAGIC,
            state.sequence,
            state.now_ns,
            state.n_currencies,
            len(state.instruments),
            len(state.accounts),
            len(pool.generations),
        )
    ]
    parts += [_account(account, state.n_currencies) for account in state.accounts]
    parts.append(struct.pack(f"<{len(pool.generations)}I", *pool.generations))
    parts.append(struct.pack(f"<I{len(pool.free)}I", len(pool.free), *pool.free))
    for book in state.books:
        bids, asks = list(book.orders(Side.BUY)), list(book.orders(Side.SELL))
        waiting = [o for side in Side for orders in book.stops[side].values() for o in orders.values()]
        stops = sorted(waiting, key=lambda order: order.entry_sequence)
        parts.append(BOOK.pack(book.stream, book.last_price_ticks, len(bids), len(asks), len(stops)))
        parts += [_order(order) for order in bids + asks + stops]
    due = [order for wanted in state.triggered if (order := pool.find(wanted)) is not None]
    parts.append(struct.pack("<I", len(due)))
    parts += [_order(order) for order in due]
    busts = _busts(state)
    controls = _controls(state, needed=bool(busts))
    money = _money(state, needed=bool(controls))
    parts += [_marks(state, needed=bool(money)), money, controls, busts]
    return b"".join(parts)


def _busts(state: State) -> bytes:
    """Write which trades were undone; nothing where none was."""
    if not state.busted:
        return b""
    return b"".join([struct.pack("<I", len(state.busted)), *(BUST.pack(*trade) for trade in sorted(state.busted))])


def _controls(state: State, *, needed: bool) -> bytes:
    """Write what is closed; nothing where all is open."""
    if not (state.cancel_only or state.redeem_only or needed):
        return b""
    mode = ControlMode.CANCEL_ONLY if state.cancel_only else ControlMode.OPEN
    closed = sorted(state.redeem_only)
    return struct.pack(f"<{2 + len(closed)}I", mode, len(closed), *closed)


def _money(state: State, *, needed: bool) -> bytes:
    """Write what is FINAL, the open withdrawals and the external ids of deposits; nothing where there is nothing."""
    if not (state.final_sequence or state.withdrawals or state.external_ids or needed):
        return b""
    rows = [WITHDRAWAL.pack(w.number, w.amount_units, w.account, w.currency) for w in state.withdrawals.values()]
    known = sorted(state.external_ids)
    head = struct.pack("<QI", state.final_sequence, len(rows))
    return b"".join([head, *rows, struct.pack("<I", len(known)), *known])


def _marks(state: State, *, needed: bool) -> bytes:
    """Write who is barred, watching or under a dead-man timer, and the revoked tokens; nothing for nobody.

    ``needed``: something stands behind it, so the counts are written in any case.
    """
    marked = []
    for account in state.accounts:
        bits = account.frozen * FROZEN | account.token_revoked * REVOKED | account.watching * WATCHING
        if bits or account.dead_man_ns:
            marked.append(MARK.pack(account.number, bits, account.dead_man_ns))
    revoked = sorted(state.revoked_tokens)
    if not (marked or revoked or needed):
        return b""
    return b"".join([struct.pack("<I", len(marked)), *marked, struct.pack("<I", len(revoked)), *revoked])


def _account(account: Account, n_currencies: int) -> bytes:
    parts = [
        ACCOUNT.pack(
            account.identity,
            account.flags,
            account.level,
            account.jurisdiction,
            account.window,
            account.issued_at_ns,
            account.expires_ns,
            *account.permitted,
            account.token_id,
            account.trade_group,
            account.client_id_highest,
            account.stream,
            len(account.outcomes),
        )
    ]
    balances = [account.balances[c] for c in range(n_currencies)]
    parts += [BALANCE.pack(balance.available, balance.held) for balance in balances]
    parts += [
        OUTCOME.pack(client_id, o.body_hash, o.sequence, o.order_id, o.kind, o.status, o.reason, o.done, o.notional)
        for client_id, o in account.outcomes.items()
    ]
    return b"".join(parts)


def _order(order: Order) -> bytes:
    # When it was entered matters only to what is sorted by it: stops, and those that expire by themselves.
    timed = order.stop_price_ticks or order.expire_ns
    return ORDER.pack(
        order.slot, order.account, order.client_order_id, order.entry_sequence if timed else 0,
        order.price_ticks, order.stop_price_ticks, order.side, order.ord_type, order.exec_inst,
        order.self_trade_prevention, order.instrument, order.is_quote, order.fee_credit, order.leaves_lots,
        order.shown_lots,        order.display_lots, order.cum_lots, order.notional_units, order.expire_ns,
    )  # fmt: skip
