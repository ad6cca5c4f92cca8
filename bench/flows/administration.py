"""Intents of operators, issuers and the clock: money in and out, credentials, time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.flows import commands
from bench.flows.population import Member, Role
from fxengine.codes import FEES_ACCOUNT, WithdrawalAction

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
    mover = flow.population.mover(rng, currency)
    amount = min(flow.scenario.deposit_units, flow.room(currency))
    if amount < 1:
        return None
    return commands.deposit(
        mover.number, flow.take_id(mover), currency=currency, beneficiary=poorest.number,
        amount_units=rng.choice((amount, 1 + rng.randrange(amount))), reference=_fresh_reference(flow),
        time_ns=flow.stamp(),
    )  # fmt: skip


def _fresh_reference(flow: Flow) -> str:
    """Name a deposit as its bank would: nothing, a word, or a long text."""
    if flow.rng.random() < 0.3:
        return ""
    flow.references.append(f"bank-1/{len(flow.references)}".ljust(flow.rng.choice((1, 1, 64, 65, 255)), "x"))
    return flow.references[-1]


def withdraw(flow: Flow) -> bytes | None:
    """Ask for a part, or all, of what someone has available; who asks for another may do so when it has expired."""
    rng = flow.rng
    member = rng.choice(flow.population.members)
    currency = rng.choice(flow.scenario.traded)
    available = flow.available(member, currency)
    if not available:
        return None
    own = rng.random() < 0.6 and member.may_trade(flow.now_ns)
    sender = member if own else flow.population.mover(rng, currency)
    beneficiary = 0 if own and rng.random() < 0.5 else member.number
    amount = available if rng.random() < 0.05 else 1 + rng.randrange(-(-available // 4))
    return commands.withdraw(
        sender.number, flow.take_id(sender), currency=currency, beneficiary=beneficiary,
        amount_units=amount, time_ns=flow.stamp(),
    )  # fmt: skip


def pay_out_fees(flow: Flow) -> bytes | None:
    """Give whoever may hold them a part of the fees of a currency, or all; where there are none, ask for a unit."""
    rng = flow.rng
    earned = [currency for currency in flow.scenario.traded if flow.core.balance(FEES_ACCOUNT, currency)[0]]
    currency = rng.choice(earned or flow.scenario.traded)
    members = [m for m in flow.population if currency in m.permitted and m.may_trade(flow.now_ns)]
    if not members:
        return None
    there = max(flow.core.balance(FEES_ACCOUNT, currency)[0], 1)
    operator = flow.population.members[0]
    return commands.fee_payout(
        operator.number, flow.take_id(operator), currency=currency, beneficiary=rng.choice(members).number,
        amount_units=there if rng.random() < 0.1 else 1 + rng.randrange(-(-there // 4)), time_ns=flow.stamp(),
    )  # fmt: skip


def end_withdrawal(flow: Flow) -> bytes | None:
    """Say of an open withdrawal that it was paid, mostly once it is FINAL, or that it will not be."""
    rng = flow.rng
    waiting = flow.core.open_withdrawals(0, 0, 10_000)
    final = [row for row in waiting if row[0] <= flow.core.final_sequence]
    if not waiting:
        return None
    number, _, currency, _ = rng.choice(final if final and rng.random() < 0.9 else waiting)
    action = WithdrawalAction.PAID if rng.random() < 0.6 else WithdrawalAction.RETURNED
    mover = flow.population.mover(rng, currency)
    return commands.end_withdrawal(mover.number, flow.take_id(mover), action, number, time_ns=flow.stamp())


def settle(flow: Flow) -> bytes:
    """Say that all is FINAL, or all but the latest; now and then once more what was said before."""
    behind = flow.rng.choice((0, 0, 1, flow.rng.randrange(100), flow.rng.randrange(10_000)))
    return commands.settled(max(flow.core.sequence - behind, 0), time_ns=flow.stamp())


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


def bust(flow: Flow) -> bytes | None:
    """Undo a trade, mostly one of the latest; whoever has spent it makes that impossible."""
    if not flow.trades:
        return None
    operator = flow.population.members[0]
    trade = flow.trades[-1] if flow.rng.random() < 0.3 else flow.rng.choice(flow.trades)
    return commands.bust(operator.number, flow.take_id(operator), trade, time_ns=flow.stamp())
