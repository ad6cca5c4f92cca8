"""Guards: what watches over an account's open orders when its own systems cannot.

::

    dead man      set with a timeout, again and again; when it runs out, all orders and quotes end
    watch         while it is on, the venue's word DISCONNECTED ends them

A guard only takes risk away, so it is taken with an expired credential, a frozen account or a revoked
token too. It has no client id: the latest counts, and saying it twice changes nothing.
"""

from dataclasses import dataclass

from fxengine.codes import CommandKind, EventKind, GuardAction, OrdStatus, RejectReason
from fxengine.money import INT64_MAX
from fxengine.reference.matching import cancel_all
from fxengine.reference.state import State
from fxengine.reference.timers import Timers


@dataclass(slots=True)
class Guard:
    """The body of a GUARD command."""

    account: int
    instrument: int
    client_order_id: int
    action: int
    watching: int
    timeout_ns: int


def guard(state: State, timers: Timers, command: Guard) -> None:
    """Set a guard over an account's orders, or let it act, and report it, or the refusal, to the account."""
    reason = _refusal(state, command)
    if reason:
        state.emit_cancel(
            EventKind.REJECTED, command.account, side=CommandKind.GUARD, instrument=command.instrument,
            status=OrdStatus.REJECTED, reason=reason, order_id=0, client_order_id=command.client_order_id,
        )  # fmt: skip
        return
    account = state.accounts[command.account]
    setting = 0
    if command.action == GuardAction.DEAD_MAN:
        setting = command.timeout_ns
        timers.set_dead_man(account, state.now_ns + setting if setting else 0)
    elif command.action == GuardAction.WATCH:
        setting = command.watching
        account.watching = bool(setting)
    elif account.watching:
        account.watching = False
        reason = RejectReason.DISCONNECTED
        cancel_all(state, account, reason)
    state.emit_told(EventKind.GUARDED, account.number, action=command.action, reason=reason, setting=setting)


def _refusal(state: State, command: Guard) -> RejectReason:
    """Return why a guard is not one; NONE for a good one."""
    if state.client(command.account) is None:
        return RejectReason.UNKNOWN_ACCOUNT
    sound = (
        command.action in tuple(GuardAction)
        and command.client_order_id == 0
        and command.watching <= 1
        and 0 <= command.timeout_ns <= INT64_MAX - state.now_ns
    )
    return RejectReason.NONE if sound else RejectReason.UNKNOWN_COMMAND
