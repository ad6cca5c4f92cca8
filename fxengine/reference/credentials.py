"""Credentials: opening accounts and renewing what they may do.

A CREDENTIAL command carries what a KYC token allowed. The account's number is the next one, or one
that belongs to the same identity already. When a credential ends, every order of its account leaves
the books before the next command is looked at (``timers``): matching never meets an invalid owner.
"""

from dataclasses import dataclass

from fxengine.codes import FIRST_CLIENT_ACCOUNT, AccountFlag, CommandKind, EventKind, OrdStatus, RejectReason
from fxengine.reference.account import Account
from fxengine.reference.state import State
from fxengine.reference.timers import Timers

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
    trade_group: int


def renew(state: State, timers: Timers, command: Credential) -> None:
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
    account.token_revoked = False
    account.permitted, account.trade_group = command.permitted, command.trade_group
    if renewed:
        timers.add_credential(account)
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
    if command.token_id in state.revoked_tokens:
        return RejectReason.TOKEN_REVOKED
    if command.account == len(state.accounts):
        power_of_two = command.window & (command.window - 1) == 0
        fits = WINDOW_MIN <= command.window <= WINDOW_MAX and power_of_two
        if not fits:
            return RejectReason.UNKNOWN_COMMAND
        return RejectReason.CAPACITY if len(state.accounts) == state.max_accounts else RejectReason.NONE
    account = state.accounts[command.account]
    if command.identity != account.identity:
        return RejectReason.IDENTITY_MISMATCH
    if account.frozen:
        return RejectReason.ACCOUNT_FROZEN
    if command.issued_at_ns < account.issued_at_ns:
        return RejectReason.CREDENTIAL_SUPERSEDED
    return RejectReason.NONE
