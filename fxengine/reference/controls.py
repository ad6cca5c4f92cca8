"""Controls: an operator, or the venue itself, opens and closes the venue or a currency.

::

    venue     CANCEL_ONLY   no new orders, quotes, swaps; no amend but one that only reduces
    currency  REDEEM_ONLY   the same in its instruments, no swap of it or through it, and no deposits of it

Resting orders stay: nothing comes in that could meet them, and they can be cancelled. Stops that were
triggered and wait do not run until their instrument is open again. Withdrawals go on, so that
everybody can leave. A later mode or scope joins the two tables here.
"""

from dataclasses import dataclass

from fxengine.codes import CommandKind, ControlMode, ControlScope, EventKind, OrdStatus, RejectReason
from fxengine.reference.account import Account, Outcome
from fxengine.reference.state import State, bar_or

MODES = {
    ControlScope.VENUE: (ControlMode.OPEN, ControlMode.CANCEL_ONLY),
    ControlScope.CURRENCY: (ControlMode.OPEN, ControlMode.REDEEM_ONLY),
}


@dataclass(slots=True)
class Control:
    """The body of a CONTROL command. ``subject`` is the currency where the scope is one."""

    account: int
    client_order_id: int
    subject: int
    scope: int
    mode: int


def control(state: State, operator: Account, command: Control, outcome: Outcome) -> RejectReason:
    """Carry out an operator's word; return why it was refused, or NONE."""
    if not state.is_operator(operator):
        return bar_or(operator, RejectReason.NOT_AUTHORIZED)
    reason = _refusal(state, command)
    if reason:
        return reason
    subject = _apply(state, command)
    outcome.status = OrdStatus.FILLED
    state.emit_money(EventKind.DONE, operator.number, subject, 0, client_order_id=command.client_order_id)
    return RejectReason.NONE


def venue_control(state: State, command: Control) -> None:
    """Carry out the venue's own word, which has no client id; report it, or the refusal, to account 0."""
    reason = RejectReason.UNKNOWN_COMMAND if command.client_order_id else _refusal(state, command)
    if reason:
        state.emit_cancel(
            EventKind.REJECTED, command.account, side=CommandKind.CONTROL, instrument=command.subject,
            status=OrdStatus.REJECTED, reason=reason, order_id=0, client_order_id=command.client_order_id,
        )  # fmt: skip
    else:
        _apply(state, command)


def _refusal(state: State, command: Control) -> RejectReason:
    if command.scope not in tuple(ControlScope) or command.mode not in MODES[ControlScope(command.scope)]:
        return RejectReason.UNKNOWN_COMMAND
    if command.scope == ControlScope.CURRENCY and command.subject >= state.n_currencies:
        return RejectReason.UNKNOWN_CURRENCY
    return RejectReason.NONE


def _apply(state: State, command: Control) -> int:
    """Set the mode, tell the commander, and return the currency; 0 for the venue."""
    subject = command.subject if command.scope == ControlScope.CURRENCY else 0
    if command.scope == ControlScope.VENUE:
        state.cancel_only = command.mode == ControlMode.CANCEL_ONLY
    elif command.mode == ControlMode.REDEEM_ONLY:
        state.redeem_only.add(subject)
    else:
        state.redeem_only.discard(subject)
    state.emit_told(EventKind.CONTROLLED, command.account, action=command.mode, setting=command.scope, subject=subject)
    return subject
