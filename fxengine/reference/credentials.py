"""Credentials: opening accounts, renewing what they may do, and ending it on time.

A CREDENTIAL command carries what a KYC token allowed. The account's number is the next one, or one
that belongs to the same identity already. When a credential ends, every order of its account leaves
the books before the next command is looked at: matching never meets an invalid owner.
"""

import heapq
from dataclasses import dataclass

from fxengine.codes import FIRST_CLIENT_ACCOUNT, AccountFlag, CommandKind, EventKind, OrdStatus, RejectReason
from fxengine.money import INT64_MAX
from fxengine.reference.account import Account
from fxengine.reference.orders import cancel
from fxengine.reference.state import State

WINDOW_MIN, WINDOW_MAX = 16, 1 << 20


@dataclass(slots=True)
class Credential:
    """The body of a CREDENTIAL command and of its detail record."""

    account: int
    flags: int
    level: int
    jurisdiction: bytes
    window: int
    issued_at_ns: int
    expires_ns: int
    identity: bytes
    permitted: tuple[int, ...]
    token_id: bytes


class Expiries:
    """When credentials end, soonest first, then by account. Renewals leave stale entries that are skipped."""

    def __init__(self) -> None:
        self.due: list[tuple[int, int]] = []

    def add(self, account: Account) -> None:
        """Note when the account's credential ends. O(log n)."""
        heapq.heappush(self.due, (account.expires_ns, account.number))

    def next_ns(self, state: State) -> int:
        """Return when the next credential ends; INT64_MAX for never."""
        while self.due and state.accounts[self.due[0][1]].expires_ns != self.due[0][0]:
            heapq.heappop(self.due)
        return self.due[0][0] if self.due else INT64_MAX

    def fire(self, state: State) -> None:
        """Cancel the orders of every account whose credential has ended by now, oldest client id first."""
        while self.next_ns(state) <= state.now_ns and self.due:  # INT64_MAX is never, also when it is now
            _, number = heapq.heappop(self.due)
            orders = [order for order in state.pool.live.values() if order.account == number]
            for order in sorted(orders, key=lambda order: order.client_order_id):
                cancel(state, order, RejectReason.CREDENTIAL_EXPIRED, resting=True)


def renew(state: State, expiries: Expiries, command: Credential) -> None:
    """Open or renew an account, and report it, or the refusal, to that account."""
    reason = _refusal(state, command)
    if reason:
        state.emit_cancel(
            EventKind.REJECTED, command.account, side=CommandKind.CREDENTIAL, instrument=0,
            status=OrdStatus.REJECTED, reason=reason, order_id=0, client_order_id=0,
        )  # fmt: skip
        return
    if command.account == len(state.accounts):
        state.accounts.append(Account(command.account, command.window, command.identity))
    account = state.accounts[command.account]
    renewed = account.expires_ns != command.expires_ns
    account.flags, account.level = AccountFlag(command.flags), command.level
    account.jurisdiction, account.token_id = command.jurisdiction, command.token_id
    account.issued_at_ns, account.expires_ns = command.issued_at_ns, command.expires_ns
    account.permitted = command.permitted
    if renewed:
        expiries.add(account)
    state.emit_order(
        EventKind.CREDENTIALED, account.number, side=0, instrument=0, status=OrdStatus.NEW, order_id=0,
        client_order_id=account.client_id_highest, price_ticks=0, quantity_lots=account.window,
        leaves_lots=0, cum_lots=0,
    )  # fmt: skip


def _refusal(state: State, command: Credential) -> RejectReason:
    """Return the first reason to refuse, in this order."""
    if not FIRST_CLIENT_ACCOUNT <= command.account <= len(state.accounts):
        return RejectReason.UNKNOWN_ACCOUNT
    if command.expires_ns <= state.now_ns:
        return RejectReason.CREDENTIAL_EXPIRED
    if command.account == len(state.accounts):
        power_of_two = command.window & (command.window - 1) == 0
        fits = WINDOW_MIN <= command.window <= WINDOW_MAX and power_of_two
        return RejectReason.NONE if fits else RejectReason.UNKNOWN_COMMAND
    account = state.accounts[command.account]
    if command.identity != account.identity:
        return RejectReason.IDENTITY_MISMATCH
    if command.issued_at_ns < account.issued_at_ns:
        return RejectReason.CREDENTIAL_SUPERSEDED
    return RejectReason.NONE
