"""Intents of operators, issuers and the clock: money in and out, credentials, time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.flows import commands
from bench.flows.population import Member, Role

if TYPE_CHECKING:
    from bench.flows.flow import Flow


def fund(flow: Flow, member: Member, currency: int) -> bytes:
    """Give a member one starting amount of a currency."""
    operator = flow.population.members[0]
    return commands.deposit(
        operator.number, flow.take_id(operator), currency=currency, beneficiary=member.number,
        amount_units=flow.scenario.deposit_units, time_ns=flow.stamp(),
    )  # fmt: skip


def deposit(flow: Flow) -> bytes | None:
    """Credit whoever has least of something; a little, where more would exceed the currency's total."""
    rng = flow.rng
    currency = rng.choice(flow.scenario.traded)
    members = [m for m in flow.population if currency in m.permitted and m.role is not Role.OPERATOR]
    poorest = min(members, key=lambda member: flow.available(member, currency))
    operator = rng.choice(flow.population.members[:2])
    amount = min(flow.scenario.deposit_units, flow.room(currency))
    if amount < 1:
        return None
    return commands.deposit(
        operator.number, flow.take_id(operator), currency=currency, beneficiary=poorest.number,
        amount_units=rng.choice((amount, 1 + rng.randrange(amount))), time_ns=flow.stamp(),
    )  # fmt: skip


def withdraw(flow: Flow) -> bytes | None:
    """Debit a part, or all, of what someone has available; an expired credential does not matter."""
    rng = flow.rng
    member = rng.choice(flow.population.members)
    currency = rng.choice(flow.scenario.traded)
    available = flow.available(member, currency)
    if not available:
        return None
    operator = rng.choice(flow.population.members[:2])
    amount = available if rng.random() < 0.05 else 1 + rng.randrange(-(-available // 4))
    return commands.withdraw(
        operator.number, flow.take_id(operator), currency=currency, beneficiary=member.number,
        amount_units=amount, time_ns=flow.stamp(),
    )  # fmt: skip


def let_time_pass(flow: Flow) -> bytes:
    """Send TIME; now and then exactly when, or just before, the next credential ends."""
    deadline = flow.core.next_deadline_ns
    if flow.rng.random() < 0.3 and deadline < flow.now_ns + flow.scenario.life_ns // 4:
        flow.now_ns = max(flow.now_ns, deadline - flow.rng.randrange(2))
        return commands.time(flow.now_ns)
    return commands.time(flow.stamp())


def welcome_guest(flow: Flow) -> bytes | None:
    """Open an account with a short credential, up to the scenario's number of them."""
    if len(flow.population.guests) >= flow.population.guests_max:
        return renew(flow)
    return flow.credential(flow.population.add_guest(flow.scenario, flow.now_ns))


def renew(flow: Flow) -> bytes | None:
    """Give a guest, an ended one first, a longer credential; rarely a shorter one, or the same again."""
    rng = flow.rng
    guests = [guest for guest in flow.population.guests if not guest.frozen]
    if not guests:
        return None
    ended = [guest for guest in guests if not guest.may_trade(flow.now_ns)]
    guest = rng.choice(ended or guests)
    guest.issued_at_ns = max(guest.issued_at_ns + guest.token_revoked, flow.now_ns)
    if guest in ended or rng.random() < 0.8:
        guest.expires_ns = flow.now_ns + 10_000 + rng.randrange(flow.scenario.life_ns * 2)
    return flow.credential(guest)
