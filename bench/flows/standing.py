"""Intents about who may trade and who watches over whom: guards, freezes, revoked tokens, fresh ones.

Mostly guests are hit, so that the books stay full.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.flows import commands
from bench.flows.commands import token_of
from bench.flows.population import Member, Role
from fxengine.codes import ControlMode, ControlScope, GuardAction, RevokeAction

if TYPE_CHECKING:
    from bench.flows.flow import Flow


def one_to_hit(flow: Flow) -> Member:
    """Draw whom it concerns: a guest, or now and then anybody but the first operator."""
    guests = flow.population.guests
    if guests and flow.rng.random() < 0.8:
        return flow.rng.choice(guests)
    return flow.rng.choice(flow.population.members[1:])


def guard(flow: Flow) -> bytes:
    """Set a dead-man timer, mostly in good time; begin or stop watching; say that a connection is gone."""
    rng, member = flow.rng, one_to_hit(flow)
    throw = rng.random()
    if throw < 0.55:
        timeout_ns = rng.choice((0, 1, 3_000, 20_000, flow.scenario.life_ns, 2 * flow.scenario.life_ns))
        return commands.guard(member.number, GuardAction.DEAD_MAN, timeout_ns=timeout_ns, time_ns=flow.stamp())
    if throw < 0.8:
        on = rng.random() < 0.75
        return commands.guard(member.number, GuardAction.WATCH, watching=on, time_ns=flow.stamp())
    watching = flow.core.watching()
    lost = rng.choice(watching) if watching and rng.random() < 0.8 else member.number
    return commands.guard(lost, GuardAction.DISCONNECTED, time_ns=flow.stamp())


def revoke(flow: Flow) -> bytes:
    """Freeze, release, or revoke a token; at times of nobody in particular, or once more."""
    rng, member = flow.rng, one_to_hit(flow)
    frozen = [other for other in flow.population if other.frozen]
    throw = rng.random()
    if frozen and throw < 0.6:
        return _revoke(flow, RevokeAction.UNFREEZE, target=rng.choice(frozen).number)
    if throw < 0.75:
        return _revoke(flow, RevokeAction.FREEZE, target=member.number)
    if throw < 0.8:
        return _revoke(flow, RevokeAction.UNFREEZE, target=member.number)
    token_id = token_of(member.subject, member.issued_at_ns)
    if throw < 0.85:
        token_id = token_of("nobody-1", rng.randrange(4))
    return _revoke(flow, RevokeAction.TOKEN, token_id=token_id)


def _revoke(flow: Flow, action: RevokeAction, **what: object) -> bytes:
    operator = flow.population.members[0]
    return commands.revoke(operator.number, flow.take_id(operator), action, time_ns=flow.stamp(), **what)  # type: ignore[arg-type]


def control(flow: Flow) -> bytes:
    """Close the venue or a currency for a little while; mostly open again what is closed."""
    rng, core = flow.rng, flow.core
    venue_speaks = rng.random() < 0.4
    operator = flow.population.members[0]
    who = (0, 0) if venue_speaks else (operator.number, flow.take_id(operator))
    closed = core.redeem_only()
    if core.cancel_only and rng.random() < 0.9:
        return commands.control(*who, ControlScope.VENUE, ControlMode.OPEN, time_ns=flow.stamp())
    if closed and rng.random() < 0.8:
        opened = rng.choice(closed)
        return commands.control(*who, ControlScope.CURRENCY, ControlMode.OPEN, currency=opened, time_ns=flow.stamp())
    if rng.random() < 0.3:
        mode = rng.choice((ControlMode.OPEN, ControlMode.CANCEL_ONLY))
        return commands.control(*who, ControlScope.VENUE, mode, time_ns=flow.stamp())
    mode, currency = rng.choice((ControlMode.OPEN, ControlMode.REDEEM_ONLY)), rng.choice(flow.scenario.traded)
    return commands.control(*who, ControlScope.CURRENCY, mode, currency=currency, time_ns=flow.stamp())


def reopen(flow: Flow) -> bytes | None:
    """Open at once what has been closed for a while, so that trade goes on."""
    core = flow.core
    if core.cancel_only:
        return commands.control(0, 0, ControlScope.VENUE, ControlMode.OPEN, time_ns=flow.stamp())
    if closed := core.redeem_only():
        return commands.control(0, 0, ControlScope.CURRENCY, ControlMode.OPEN, currency=closed[0], time_ns=flow.stamp())
    return None


def fresh_token(flow: Flow) -> bytes | None:
    """Give somebody whose token was revoked a credential by another one."""
    member = flow.population.pick(flow.rng, lambda member: member.token_revoked and not member.frozen)
    if member is None:
        return None
    member.issued_at_ns = max(member.issued_at_ns + 1, flow.now_ns)
    if member.role is Role.GUEST:
        member.expires_ns = flow.now_ns + flow.scenario.life_ns
    return flow.credential(member)
