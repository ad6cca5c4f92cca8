"""Commands from people who may not: unknown ones, ended or older credentials, forbidden currencies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.flows import commands
from bench.flows.population import Member, Role
from bench.flows.trading import may_trade_in
from bench.flows.wrong_orders import order
from bench.flows.wrong_payments import money, operator, swap
from fxengine.codes import CUSTODY_ACCOUNT, CommandKind

if TYPE_CHECKING:
    from bench.flows.flow import Flow


def unknown_kind(flow: Flow, member: Member) -> bytes:
    """UNKNOWN_COMMAND: a kind of the future, or a kind with the wrong number of records."""
    kind, n_records = flow.rng.choice(
        (
            (0, 1), (18, 1), (255, 3), (CommandKind.TIME, 2), (CommandKind.CREDENTIAL, 1), (CommandKind.NEW_ORDER, 3),
            (CommandKind.AMEND, 2), (CommandKind.MASS_CANCEL, 2), (CommandKind.MASS_QUOTE, 1), (CommandKind.GUARD, 2),
            (CommandKind.REVOKE, 2), (CommandKind.WITHDRAW, 2), (CommandKind.SETTLED, 2), (CommandKind.WITHDRAWAL, 2),
            (CommandKind.CONTROL, 2), (CommandKind.BUST, 1), (CommandKind.BUST, 3),
            (CommandKind.FEE_PAYOUT, 2),
        )
    )  # fmt: skip
    return commands.time(flow.stamp(), kind=kind, n_records=n_records, account=member.number)


def unknown_account(flow: Flow, member: Member) -> bytes:
    """UNKNOWN_ACCOUNT: who commands, who benefits, who is paid, or which number opens."""
    nobody = flow.rng.choice((0, CUSTODY_ACCOUNT, flow.core.n_accounts, 2**32 - 1))
    stranger = Member(nobody, "stranger-1", Role.GUEST, member.permitted, 0, 2**62)
    throw = flow.rng.randrange(4)
    if throw == 0:
        return commands.cancel(nobody, 1, order_id=1, time_ns=flow.stamp())
    if throw == 1:
        return money(flow, operator(flow), beneficiary=nobody)
    if throw == 2:
        return swap(flow, member, payee=max(nobody, CUSTODY_ACCOUNT))
    stranger.number += nobody == flow.core.n_accounts
    return flow.credential(stranger)


def ended_credential(flow: Flow, member: Member) -> bytes | None:
    """CREDENTIAL_EXPIRED: a guest who stayed too long or just too long, or a credential ended before it came."""
    ended = flow.population.pick(flow.rng, lambda m: m.role is Role.GUEST and not m.may_trade(flow.now_ns - 5_000))
    soon = flow.population.pick(flow.rng, lambda m: flow.now_ns < m.expires_ns < flow.now_ns + 20_000)
    throw = flow.rng.randrange(3)
    if throw == 0:
        return flow.credential(member, expires_ns=flow.core.now_ns)
    if soon:
        flow.now_ns = soon.expires_ns
        return order(flow, soon, time_ns=flow.now_ns)
    if ended is None:
        return None
    return order(flow, ended) if throw == 1 else swap(flow, ended)


def superseded_credential(flow: Flow, member: Member) -> bytes:
    """CREDENTIAL_SUPERSEDED: a token older than the one in use."""
    older = Member(member.number, member.subject, member.role, member.permitted, member.issued_at_ns - 1, 2**62)
    return flow.credential(older)


def stolen_account(flow: Flow, member: Member) -> bytes:
    """IDENTITY_MISMATCH: another's number."""
    thief = Member(member.number, "thief-1", member.role, member.permitted, flow.now_ns, 2**62)
    return flow.credential(thief)


def bad_window(flow: Flow, member: Member) -> bytes:
    """UNKNOWN_COMMAND: a new account with a window that is no power of two, too small or too large."""
    newcomer = Member(flow.core.n_accounts, "newcomer-1", Role.GUEST, member.permitted, 0, 2**62)
    return flow.credential(newcomer, window=flow.rng.choice((0, 8, 24, 1 << 21, 2**32 - 1)))


def not_an_operator(flow: Flow, member: Member) -> bytes:
    """NOT_AUTHORIZED: money moved by a member, or by an issuer that issues another currency."""
    return money(flow, member, currency=flow.rng.choice(flow.scenario.traded))


def forbidden_currency(flow: Flow, member: Member) -> bytes | None:
    """CURRENCY_NOT_PERMITTED and PAYEE_NOT_PERMITTED: beyond what a credential allows."""
    every = frozenset(flow.scenario.traded)
    limited = flow.population.pick(flow.rng, lambda m: m.role is Role.PAYER and len(m.permitted) < len(every))
    closed = [i for i in range(len(flow.scenario.pairs)) if limited and i not in may_trade_in(flow, limited)]
    throw = flow.rng.randrange(4)
    if throw == 0 and limited and closed:
        return order(flow, limited, instrument=flow.rng.choice(closed))
    if throw == 1 and limited and closed:
        foreign = flow.rng.choice(sorted(every - limited.permitted))
        return swap(flow, limited, currency_in=foreign, currency_out=flow.scenario.traded[0])
    no_holder = flow.population.members[1]  # an operator may hold nothing
    if throw == 2:
        return swap(flow, member, payee=no_holder.number)
    return commands.deposit(
        operator(flow).number, flow.take_id(operator(flow)), currency=0, beneficiary=no_holder.number,
        amount_units=1, time_ns=flow.stamp(),
    )  # fmt: skip


def ended_payee(flow: Flow, member: Member) -> bytes | None:
    """PAYEE_NOT_PERMITTED: a payee whose credential has ended."""
    ended = flow.population.pick(flow.rng, lambda m: not m.may_trade(flow.now_ns - 5_000))
    return swap(flow, member, payee=ended.number) if ended else None
