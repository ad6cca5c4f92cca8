"""What those may not do who are frozen or whose token was revoked; guards and revocations that are none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.flows import commands
from bench.flows.commands import Quotes, token_of
from bench.flows.population import Member, Role
from bench.flows.wrong_orders import order
from bench.flows.wrong_payments import operator, swap
from fxengine.codes import CUSTODY_ACCOUNT, GuardAction, RevokeAction, WithdrawalAction
from fxengine.money import INT64_MAX

if TYPE_CHECKING:
    from bench.flows.flow import Flow


def barred(flow: Flow, member: Member) -> bytes | None:
    """ACCOUNT_FROZEN and TOKEN_REVOKED: anything that trades, takes back or moves money."""
    wanted = flow.population.pick(flow.rng, lambda other: other.frozen or other.token_revoked)
    if wanted is None or len(wanted.permitted) < 2:
        return None
    number, stamp = wanted.number, flow.stamp()
    closed = wanted.orders.closed[-1].client_order_id if wanted.orders.closed else 1
    throw = flow.rng.randrange(8)
    if throw == 0:
        return order(flow, wanted)
    if throw == 1:
        return swap(flow, wanted)
    client_order_id = flow.take_id(wanted)
    if throw == 2:
        return commands.cancel(number, client_order_id, orig_client_order_id=closed, time_ns=stamp)
    if throw == 3:
        return commands.amend(
            number, client_order_id, orig_client_order_id=closed, price_ticks=1, quantity_lots=1, time_ns=stamp
        )
    if throw == 4:
        return commands.mass_cancel(number, client_order_id, time_ns=stamp)
    if throw == 5:
        return commands.mass_quote(number, client_order_id, Quotes(0, [(1, 1)]), time_ns=stamp)
    if throw == 6:
        return commands.withdraw(number, client_order_id, currency=0, amount_units=1, time_ns=stamp)
    return commands.deposit(number, client_order_id, currency=0, beneficiary=number, amount_units=1, time_ns=stamp)


def frozen_account(flow: Flow, member: Member) -> bytes | None:
    """ACCOUNT_FROZEN: a fresh credential, a withdrawal, or its payment; and PAYEE_NOT_PERMITTED: a payment."""
    frozen = flow.population.pick(flow.rng, lambda other: other.frozen)
    if frozen is None:
        return None
    throw = flow.rng.randrange(4)
    if throw == 0:
        fresh = Member(frozen.number, frozen.subject, Role.GUEST, frozen.permitted, flow.now_ns, 2**62)
        return flow.credential(fresh)
    if throw == 1:
        return swap(flow, member, payee=frozen.number)
    teller = operator(flow)
    held = flow.core.open_withdrawals(frozen.number, 0, 1)
    if throw == 2 and held:
        return commands.end_withdrawal(
            teller.number, flow.take_id(teller), WithdrawalAction.PAID, held[0][0], time_ns=flow.stamp()
        )
    return commands.withdraw(
        teller.number, flow.take_id(teller), currency=0, beneficiary=frozen.number, amount_units=1,
        time_ns=flow.stamp(),
    )  # fmt: skip


def revoked_token(flow: Flow, member: Member) -> bytes | None:
    """TOKEN_REVOKED: a credential by a token that was taken back, for its account or a new one."""
    revoked = flow.population.pick(flow.rng, lambda other: other.token_revoked)
    if revoked is None:
        return None
    opens = flow.rng.random() < 0.3
    number = flow.core.n_accounts if opens else revoked.number
    return flow.credential(Member(number, revoked.subject, Role.GUEST, revoked.permitted, revoked.issued_at_ns, 2**62))


def bad_guard(flow: Flow, member: Member) -> bytes:
    """UNKNOWN_COMMAND and UNKNOWN_ACCOUNT: an action that is none, a setting out of range, an id, nobody."""
    rng = flow.rng
    nobody = rng.choice((0, CUSTODY_ACCOUNT, flow.core.n_accounts, 2**32 - 1))
    wrong = rng.choice(
        (
            {"action": 0}, {"action": 4}, {"action": 255}, {"timeout_ns": -1}, {"timeout_ns": -(2**63)},
            {"timeout_ns": INT64_MAX}, {"watching": 2}, {"client_order_id": 1}, {"n_records": 2}, {"account": nobody},
        )
    )  # fmt: skip
    right = {"account": member.number, "action": rng.choice(list(GuardAction))}
    return commands.guard(**(right | wrong), time_ns=flow.stamp())


def bad_control(flow: Flow, member: Member) -> bytes:
    """NOT_AUTHORIZED, UNKNOWN_COMMAND, UNKNOWN_CURRENCY, UNKNOWN_ACCOUNT: by a member, of no scope or mode."""
    rng, teller = flow.rng, operator(flow)
    who = rng.choice(
        ((member.number, None), (teller.number, None), (teller.number, None), (0, 0), (0, 5), (CUSTODY_ACCOUNT, 1))
    )
    number = who[1] if who[1] is not None else flow.take_id(member if who[0] == member.number else teller)
    scope, mode, currency = rng.choice(
        (
            (0, 1, 0),
            (3, 1, 0),
            (255, 2, 0),
            (1, 0, 0),
            (1, 3, 0),
            (2, 2, 0),
            (2, 4, 0),
            (2, 3, flow.scenario.n_currencies),
        )
    )
    return commands.control(who[0], number, scope, mode, currency=currency, time_ns=flow.stamp())


def bad_revocation(flow: Flow, member: Member) -> bytes:
    """NOT_AUTHORIZED, UNKNOWN_COMMAND and UNKNOWN_ACCOUNT: by a member, of nothing, of no token, of nobody."""
    rng = flow.rng
    if rng.random() < 0.4:
        token_id = token_of(member.subject, member.issued_at_ns)
        return commands.revoke(
            member.number, flow.take_id(member), rng.choice(list(RevokeAction)), target=member.number,
            token_id=token_id, time_ns=flow.stamp(),
        )  # fmt: skip
    nobody = rng.choice((0, CUSTODY_ACCOUNT, flow.core.n_accounts, 2**32 - 1))
    action, target = rng.choice(
        (
            (0, member.number), (4, member.number), (RevokeAction.TOKEN, member.number), (RevokeAction.FREEZE, nobody),
            (RevokeAction.UNFREEZE, nobody),
        )
    )  # fmt: skip
    teller = operator(flow)
    return commands.revoke(teller.number, flow.take_id(teller), action, target=target, time_ns=flow.stamp())
