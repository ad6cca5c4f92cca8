"""Swaps and movements of money that should be refused, one function per reason or two.

The writers at the top make a command that is right but for what they are told to make wrong.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.flows import commands
from bench.flows.population import Member
from bench.flows.trading import SIDES, affordable_lots, may_trade_in
from bench.flows.wrong_orders import order
from fxengine.codes import FEES_ACCOUNT, ExecInst, OrdType, Side, SwapMode, TimeInForce, WithdrawalAction
from fxengine.money import INT64_MAX, fee_owed_units

if TYPE_CHECKING:
    from bench.flows.flow import Flow


def swap(flow: Flow, member: Member, **wrong: int) -> bytes:
    """Write a swap of a little between two permitted currencies, but for what is wrong."""
    currency_in, currency_out = flow.rng.sample(sorted(member.permitted), 2)
    right = {
        "currency_in": currency_in, "currency_out": currency_out, "mode": flow.rng.choice(list(SwapMode)),
        "amount_units": 100, "bound_units": INT64_MAX, "time_ns": flow.stamp(),
    }  # fmt: skip
    return commands.swap(member.number, flow.take_id(member), **(right | wrong))


def money(flow: Flow, by: Member, **wrong: int) -> bytes:
    """Write a deposit or withdrawal of one unit to a maker, but for what is wrong."""
    other = next(member for member in flow.population.members[2:] if member is not by)
    right = {"currency": 0, "beneficiary": other.number, "amount_units": 1}
    write = flow.rng.choice((commands.deposit, commands.withdraw))
    return write(by.number, flow.take_id(by), time_ns=flow.stamp(), **(right | wrong))


def operator(flow: Flow) -> Member:
    """Return who may move money."""
    return flow.population.members[0]


def unlisted(flow: Flow, member: Member) -> bytes:
    """UNKNOWN_INSTRUMENT and UNKNOWN_CURRENCY: one beyond the last, and far beyond."""
    throw = flow.rng.randrange(3)
    if throw == 0:
        return order(flow, member, instrument=flow.rng.choice((len(flow.scenario.pairs), 2**16 - 1)))
    currency = flow.rng.choice((flow.scenario.n_currencies, 2**16 - 1))
    if throw == 1:
        return money(flow, operator(flow), currency=currency)
    return swap(flow, member, **{flow.rng.choice(("currency_in", "currency_out")): currency})


def same_currency(flow: Flow, member: Member) -> bytes:
    """SAME_CURRENCY: a swap into itself."""
    return swap(flow, member, currency_in=0, currency_out=0)


def unfunded(flow: Flow, member: Member) -> bytes | None:
    """INSUFFICIENT_FUNDS: one lot, or one unit, more than is there."""
    throw = flow.rng.randrange(3)
    if throw == 0:
        instrument, side = flow.rng.choice(may_trade_in(flow, member)), flow.rng.choice(SIDES)
        price = flow.mid_ticks[instrument]
        lots = affordable_lots(flow, member, instrument, side, price) + 1
        return order(flow, member, instrument=instrument, side=side, price_ticks=price, quantity_lots=lots)
    currency = flow.rng.choice(sorted(member.permitted))
    beyond = flow.available(member, currency) + 1
    if throw == 1:
        other = flow.rng.choice(sorted(member.permitted - {currency}))
        return swap(flow, member, mode=SwapMode.EXACT_IN, currency_in=currency, currency_out=other, amount_units=beyond)
    teller = operator(flow)
    return commands.withdraw(
        teller.number, flow.take_id(teller), currency=currency, beneficiary=member.number, amount_units=beyond,
        time_ns=flow.stamp(),
    )  # fmt: skip


def bad_amount(flow: Flow, member: Member) -> bytes:
    """AMOUNT_OUT_OF_RANGE: nothing, or less."""
    amount = flow.rng.choice((0, -1, -(2**63)))
    if flow.rng.random() < 0.4:
        return money(flow, operator(flow), amount_units=amount)
    return swap(flow, member, **{flow.rng.choice(("amount_units", "bound_units")): amount})


def beyond_the_total(flow: Flow, member: Member) -> bytes:
    """CURRENCY_TOTAL_EXCEEDED: one unit more than the venue can represent, and much more."""
    teller = operator(flow)
    currency = flow.rng.choice(sorted(member.permitted))
    amount = min(flow.rng.choice((flow.room(currency) + 1, INT64_MAX)), INT64_MAX)
    return commands.deposit(
        teller.number, flow.take_id(teller), currency=currency, beneficiary=member.number, amount_units=amount,
        time_ns=flow.stamp(),
    )  # fmt: skip


def known_deposit(flow: Flow, member: Member) -> bytes | None:
    """DEPOSIT_KNOWN: another deposit that the bank calls by the same name."""
    if not flow.references:
        return None
    teller = operator(flow)
    return commands.deposit(
        teller.number, flow.take_id(teller), currency=flow.rng.choice(sorted(member.permitted)),
        beneficiary=member.number, amount_units=1, reference=flow.rng.choice(flow.references), time_ns=flow.stamp(),
    )  # fmt: skip


def bad_ending(flow: Flow, member: Member) -> bytes:
    """UNKNOWN_WITHDRAWAL, NOT_FINAL, NOT_AUTHORIZED, UNKNOWN_COMMAND: of none, too early, by a member, by no action."""
    rng, core = flow.rng, flow.core
    waiting = [row[0] for row in core.open_withdrawals(0, core.final_sequence, 10_000)]
    number = rng.choice(waiting) if waiting else core.sequence
    paid, returned = WithdrawalAction
    by, action, withdrawal = rng.choice(
        (
            (operator(flow), paid, 0), (operator(flow), returned, core.sequence), (operator(flow), paid, 2**64 - 1),
            (operator(flow), paid, number), (operator(flow), paid, number), (member, paid, number),
            (member, returned, number), (operator(flow), 0, number), (operator(flow), 3, number),
        )
    )  # fmt: skip
    return commands.end_withdrawal(by.number, flow.take_id(by), action, withdrawal, time_ns=flow.stamp())


def bad_bust(flow: Flow, member: Member) -> bytes | None:
    """TRADE_BUSTED, UNKNOWN_TRADE and whatever no trade can have been; INSUFFICIENT_FUNDS, NOT_AUTHORIZED."""
    if not flow.trades:
        return None
    rng = flow.rng
    trade = rng.choice(flow.trades)
    stream = flow.core.instrument_stream(trade.instrument)
    wrong = rng.choice(
        (
            {"number": 0}, {"number": stream + 1}, {"number": 2**64 - 1}, {"price_ticks": 0}, {"quantity_lots": 0},
            {"maker_side": 0}, {"maker_side": 3}, {"maker": 1}, {"taker": flow.core.n_accounts},
            {"instrument": len(flow.scenario.pairs)}, {"taker_fee_units": -1}, {"taker_fee_units": INT64_MAX},
            {"maker_fee_units": INT64_MAX}, {"maker_fee_units": -INT64_MAX}, {"quantity_lots": 2**62},
            {"quantity_lots": trade.quantity_lots * 50}, {"taker": trade.maker}, {}, {},
        )
    )  # fmt: skip
    by = member if rng.random() < 0.1 else operator(flow)
    return commands.bust(by.number, flow.take_id(by), trade._replace(**wrong), time_ns=flow.stamp())


def bad_fee_payout(flow: Flow, member: Member) -> bytes | None:
    """INSUFFICIENT_FUNDS by a unit, NOT_AUTHORIZED, and whatever else is no payout; PAYEE_NOT_PERMITTED."""
    rng = flow.rng
    currency = rng.choice(flow.scenario.traded)
    barred = flow.population.pick(rng, lambda m: currency in m.permitted and not m.may_trade(flow.now_ns - 5_000))
    wrong = rng.choice(
        (
            {"amount_units": flow.core.balance(FEES_ACCOUNT, currency)[0] + 1}, {"amount_units": INT64_MAX},
            {"amount_units": 0}, {"amount_units": -1}, {"beneficiary": FEES_ACCOUNT}, {"beneficiary": 1},
            {"beneficiary": flow.core.n_accounts}, {"currency": flow.scenario.n_currencies},
            {"beneficiary": flow.population.members[1].number}, {"beneficiary": barred.number if barred else 1}, {},
        )
    )  # fmt: skip
    by = operator(flow) if wrong else rng.choice((member, flow.population.members[1]))
    right = {"currency": currency, "beneficiary": member.number, "amount_units": 1}
    return commands.fee_payout(by.number, flow.take_id(by), time_ns=flow.stamp(), **(right | wrong))


def bad_settled(flow: Flow, member: Member) -> bytes:
    """UNKNOWN_COMMAND: another's word, with an id, or of what is still to come."""
    wrong = flow.rng.choice(({"account": member.number}, {"account": 1}, {"client_order_id": 1}, {}))
    final = 0 if wrong else flow.rng.choice((flow.core.sequence + 1, 2**64 - 1))
    return commands.settled(final, time_ns=flow.stamp(), **wrong)


def bad_code(flow: Flow, member: Member) -> bytes:
    """BAD_SIDE, UNSUPPORTED_ORD_TYPE, UNSUPPORTED_TIME_IN_FORCE, BAD_EXEC_INST, BAD_SWAP_MODE."""
    wrong = flow.rng.choice(
        (
            {"side": 0}, {"side": 3}, {"ord_type": 0}, {"ord_type": OrdType.STOP_LIMIT + 1}, {"time_in_force": 0},
            {"time_in_force": 2}, {"exec_inst": 2}, {"exec_inst": ExecInst.POST_ONLY | 2}, {"mode": 0}, {"mode": 3},
            {"exec_inst": ExecInst.POST_ONLY, "time_in_force": TimeInForce.IOC},
            {"exec_inst": ExecInst.POST_ONLY, "time_in_force": TimeInForce.FOK},
        )
    )  # fmt: skip
    return swap(flow, member, **wrong) if "mode" in wrong else order(flow, member, **wrong)


def no_path(flow: Flow, member: Member) -> bytes:
    """NO_PATH: the last currency has no pair."""
    ends = flow.rng.sample((flow.scenario.traded[0], flow.scenario.traded[-1]), 2)
    return swap(flow, member, mode=SwapMode.EXACT_OUT, currency_in=ends[0], currency_out=ends[1])


def too_much(flow: Flow, member: Member) -> bytes:
    """INSUFFICIENT_LIQUIDITY: more than all books hold."""
    pair = flow.scenario.pairs[0]
    amount = min(flow.rng.choice((INT64_MAX, INT64_MAX // 2, flow.scenario.deposit_units * 9)), INT64_MAX)
    return swap(
        flow, member, mode=SwapMode.EXACT_OUT, currency_in=pair.quote, currency_out=pair.base, amount_units=amount
    )


def all_there_is(flow: Flow, member: Member) -> bytes | None:
    """INSUFFICIENT_LIQUIDITY, at the edge: all that a book offers, which may cost more than int64; or one lot more."""
    pair = flow.scenario.pairs[0]
    asks = flow.core.depth(0, Side.SELL, 2**20)
    if not asks:
        return None
    principal = sum(lots for _, lots in asks) * pair.lot_units
    if flow.rng.random() < 0.5:
        return swap(
            flow, member, mode=SwapMode.EXACT_OUT, currency_in=pair.quote, currency_out=pair.base,
            amount_units=max(principal - fee_owed_units(pair.taker_rate, principal), 1),
        )  # fmt: skip
    cost = (sum(price * lots for price, lots in asks) + asks[-1][0]) * pair.tick_lot_units
    return swap(
        flow, member, mode=SwapMode.EXACT_IN, currency_in=pair.quote, currency_out=pair.base, bound_units=1,
        amount_units=min(cost - flow.rng.randrange(2), INT64_MAX),
    )  # fmt: skip


def worst_price(flow: Flow, member: Member) -> bytes:
    """WORST_PRICE_EXCEEDED: at a rate that no book has; and BAD_SWAP_FLAGS, now and then."""
    pair = flow.scenario.pairs[0]
    if flow.rng.random() < 0.3:
        return swap(flow, member, flags=flow.rng.choice((2, 3, 128, 255)))
    terms = {"currency_in": pair.quote, "currency_out": pair.base, "amount_units": 10**6, "worst_units": 1}
    return swap(flow, member, mode=SwapMode.EXACT_OUT, **terms)


def tight_bound(flow: Flow, member: Member) -> bytes:
    """BOUND_EXCEEDED: pay one unit at most, or receive all there is."""
    pair = flow.scenario.pairs[0]
    ends = {"currency_in": pair.base, "currency_out": pair.quote}
    if flow.rng.random() < 0.5:
        return swap(flow, member, mode=SwapMode.EXACT_OUT, bound_units=1, **ends)
    amount = max(flow.available(member, pair.base) // 16, 1)
    return swap(flow, member, mode=SwapMode.EXACT_IN, amount_units=amount, **ends)


def too_late(flow: Flow, member: Member) -> bytes:
    """DEADLINE_PASSED: at the deadline, and after it; one nanosecond before it is in time."""
    at = max(flow.stamp(), flow.core.now_ns)
    return swap(flow, member, deadline_ns=flow.rng.choice((1, at, at, at + 1, -1)), time_ns=at)
