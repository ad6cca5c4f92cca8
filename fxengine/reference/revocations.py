"""Revocations: an operator freezes an account, releases it, or takes a KYC token back.

What is hit loses its open orders and quotes in the same command, so matching never meets an owner
that may not trade. Until it is released, or has a credential by another token, every command of it is
refused with the reason; deposits to it are taken, withdrawals of a frozen one are not. A revoked
token is kept for ever, and no credential by it is taken any more.
"""

from dataclasses import dataclass

from fxengine.codes import EventKind, OrdStatus, RejectReason, RevokeAction
from fxengine.reference.account import Account, Outcome
from fxengine.reference.matching import cancel_all
from fxengine.reference.state import State, bar_or

NO_TOKEN = bytes(16)


@dataclass(slots=True)
class Revoke:
    """The body of a REVOKE command. ``instrument`` means nothing; DONE repeats it."""

    client_order_id: int
    instrument: int
    action: int
    target: int
    token_id: bytes


def revoke(state: State, operator: Account, command: Revoke, outcome: Outcome) -> RejectReason:
    """Freeze or release an account, or revoke a token; return why it was refused, or NONE.

    Doing it again is done again: nothing is left to cancel, and the account is told once more.
    """
    reason = _refusal(state, operator, command)
    if reason:
        return reason
    n_ended = 0
    if command.action == RevokeAction.TOKEN:
        state.revoked_tokens.add(command.token_id)
        for account in state.accounts:
            if account.token_id == command.token_id:
                account.token_revoked = True
                n_ended += _end(state, account, command.action, RejectReason.TOKEN_REVOKED)
    else:
        account = state.accounts[command.target]
        account.frozen = command.action == RevokeAction.FREEZE
        if account.frozen:
            n_ended = _end(state, account, command.action, RejectReason.ACCOUNT_FROZEN)
        else:
            state.emit_told(EventKind.REVOKED, account.number, action=command.action)
    outcome.status, outcome.done = OrdStatus.FILLED, n_ended
    state.emit_money(
        EventKind.DONE, operator.number, command.instrument, n_ended,
        counterparty=0 if command.action == RevokeAction.TOKEN else command.target,
        client_order_id=command.client_order_id,
    )  # fmt: skip
    return RejectReason.NONE


def _refusal(state: State, operator: Account, command: Revoke) -> RejectReason:
    """Return the first reason to refuse, in this order."""
    if not state.is_operator(operator):
        return bar_or(operator, RejectReason.NOT_AUTHORIZED)
    if command.action not in tuple(RevokeAction):
        return RejectReason.UNKNOWN_COMMAND
    if command.action == RevokeAction.TOKEN:
        return RejectReason.UNKNOWN_COMMAND if command.token_id == NO_TOKEN else RejectReason.NONE
    return RejectReason.UNKNOWN_ACCOUNT if state.client(command.target) is None else RejectReason.NONE


def _end(state: State, account: Account, action: int, reason: RejectReason) -> int:
    """End the orders of an account that was just barred, tell it, and return how many they were."""
    n_ended = cancel_all(state, account, reason)
    state.emit_told(EventKind.REVOKED, account.number, action=action, reason=reason)
    return n_ended
