"""Instant swap: pay one currency, receive another, over the best single path of up to three books.

Every simple path between the two currencies is planned in full against the books as they stand
(lots, fees and all), the best plan is chosen, and its legs are executed as ordinary trades in one
command: all of them or none. A path visits a currency once, so no book is used twice and a plan
made leg by leg stays true while it is executed::

    exact in    100 JPY -> [sell JPY/USD] -> USD -> [buy EUR/USD] -> EUR       plan forwards
    exact out   250 HKD <- [buy HKD/USD]  <- USD <- [sell JPY/USD] <- JPY      plan backwards

Paths are tried with fewer books first, then by the indices of the currencies between, and only a
strictly better one replaces the best so far; that order settles ties. What a leg received and the
next could not spend (less than a lot) stays with the payer as change.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from fxengine.codes import EventFlag, EventKind, OrdStatus, RejectReason, Side, SwapMode
from fxengine.money import INT64_MAX, fee_owed_units, gross_for_net_units
from fxengine.reference.account import Account, Outcome
from fxengine.reference.book import Order, opposite
from fxengine.reference.matching import trade
from fxengine.reference.state import State, bar_or

BOOKS_MAX = 3


@dataclass(slots=True)
class Swap:
    """The body of a SWAP command."""

    client_order_id: int
    currency_in: int
    currency_out: int
    mode: int
    payee: int
    amount_units: int
    bound_units: int
    deadline_ns: int


@dataclass(slots=True)
class Leg:
    """One book of a plan: which way, how much, and what it costs and brings after its fee."""

    instrument: int
    side: Side
    lots: int
    spent_units: int
    net_units: int
    fills: int


@dataclass(slots=True)
class Plan:
    """A path with its legs; ``spent`` of the first currency gives ``net`` of the last."""

    legs: list[Leg] = field(default_factory=list)

    @property
    def spent_units(self) -> int:
        """Gross payment."""
        return self.legs[0].spent_units

    @property
    def net_units(self) -> int:
        """Receipt after the last leg's fee."""
        return self.legs[-1].net_units


class Hops:
    """Which instrument joins two currencies, and which side pays the first for the second."""

    def __init__(self, state: State) -> None:
        self.side_of: dict[tuple[int, int], tuple[int, Side]] = {}
        for index, instrument in enumerate(state.instruments):
            self.side_of[instrument.base, instrument.quote] = index, Side.SELL
            self.side_of[instrument.quote, instrument.base] = index, Side.BUY
        self.n_currencies, self.redeem_only = state.n_currencies, state.redeem_only

    def paths(self, start: int, end: int, account: Account) -> Iterator[list[tuple[int, Side]]]:
        """Yield each simple path that the account may use, in the normative order."""
        between = [c for c in range(self.n_currencies) if self._joins(c, start, end, account)]
        middles: list[tuple[int, ...]] = [()]
        middles += [(a,) for a in between]
        middles += [(a, b) for a in between for b in between if a != b]
        for middle in middles:
            stops = (start, *middle, end)
            hops = [self.side_of.get(pair) for pair in pairwise(stops)]
            found = [hop for hop in hops if hop is not None]
            if len(found) == len(hops):
                yield found

    def _joins(self, currency: int, start: int, end: int, account: Account) -> bool:
        """Say whether a path between two others may lead over a currency."""
        return currency not in (start, end) and account.permits(currency) and currency not in self.redeem_only


def swap(state: State, hops: Hops, account: Account, command: Swap, outcome: Outcome) -> RejectReason:
    """Check, plan and execute an instant swap; return why it was refused, or NONE."""
    payee = command.payee or account.number
    reason = _refusal(state, account, command, payee)
    if reason:
        return reason
    plan, reason = _best_plan(state, hops, account, command)
    if plan is None:
        return reason
    exact_in = command.mode == SwapMode.EXACT_IN
    if exact_in and plan.net_units < command.bound_units:
        return RejectReason.BOUND_EXCEEDED
    if not exact_in and plan.spent_units > command.bound_units:
        return RejectReason.BOUND_EXCEEDED
    if account.balances[command.currency_in].available < plan.spent_units:
        return RejectReason.INSUFFICIENT_FUNDS
    for leg in plan.legs:
        _execute(state, account, command.client_order_id, leg)
    delivered = plan.net_units if exact_in else command.amount_units
    changes = [leg.net_units - after.spent_units for leg, after in pairwise(plan.legs)]
    changes.append(plan.net_units - delivered)
    outcome.status, outcome.done, outcome.notional = OrdStatus.FILLED, plan.spent_units, delivered
    state.emit_swap(
        account.number, payee=payee, currency_in=command.currency_in, currency_out=command.currency_out,
        mode=command.mode, path=[leg.instrument for leg in plan.legs], client_order_id=command.client_order_id,
        amount_in_units=plan.spent_units, amount_out_units=delivered, change_units=changes,
    )  # fmt: skip
    if payee != account.number:
        account.balances[command.currency_out].available -= delivered
        state.accounts[payee].balances[command.currency_out].available += delivered
        state.emit_money(EventKind.RECEIVED, payee, command.currency_out, delivered, counterparty=account.number)
    return RejectReason.NONE


def _refusal(state: State, account: Account, command: Swap, payee: int) -> RejectReason:
    """Return the first reason to refuse before any book is looked at, in this order."""
    if not state.is_valid(account):
        return bar_or(account, RejectReason.CREDENTIAL_EXPIRED)
    if command.currency_in >= state.n_currencies or command.currency_out >= state.n_currencies:
        return RejectReason.UNKNOWN_CURRENCY
    if command.currency_in == command.currency_out:
        return RejectReason.SAME_CURRENCY
    closed = state.closed_to(command.currency_in, command.currency_out)
    if closed:
        return closed
    if command.mode not in (SwapMode.EXACT_IN, SwapMode.EXACT_OUT):
        return RejectReason.BAD_SWAP_MODE
    if command.amount_units < 1 or command.bound_units < 1:
        return RejectReason.AMOUNT_OUT_OF_RANGE
    if command.deadline_ns and state.now_ns >= command.deadline_ns:
        return RejectReason.DEADLINE_PASSED
    if not (account.permits(command.currency_in) and account.permits(command.currency_out)):
        return RejectReason.CURRENCY_NOT_PERMITTED
    receiver = state.client(payee)
    if receiver is None:
        return RejectReason.UNKNOWN_ACCOUNT
    if not (state.is_valid(receiver) and receiver.permits(command.currency_out)):
        return RejectReason.PAYEE_NOT_PERMITTED
    if command.mode == SwapMode.EXACT_IN and account.balances[command.currency_in].available < command.amount_units:
        return RejectReason.INSUFFICIENT_FUNDS
    return RejectReason.NONE


def _best_plan(state: State, hops: Hops, account: Account, command: Swap) -> tuple[Plan | None, RejectReason]:
    """Plan every path and return the best, or why there is none."""
    best: Plan | None = None
    reason = RejectReason.NO_PATH
    for path in hops.paths(command.currency_in, command.currency_out, account):
        if command.mode == SwapMode.EXACT_IN:
            plan = _plan_forwards(state, path, command.amount_units)
            better = plan is not None and (best is None or plan.net_units > best.net_units)
        else:
            plan = _plan_backwards(state, path, command.amount_units)
            better = plan is not None and (best is None or plan.spent_units < best.spent_units)
        if plan is None:
            reason = max(reason, RejectReason.INSUFFICIENT_LIQUIDITY)
        elif sum(leg.fills for leg in plan.legs) > state.max_fills:
            reason = RejectReason.INSUFFICIENT_LIQUIDITY
        elif better:
            best = plan
    return best, reason


def _plan_forwards(state: State, path: list[tuple[int, Side]], amount_units: int) -> Plan | None:
    """Spend ``amount_units`` along a path, less than one lot of it left at each leg."""
    plan = Plan()
    for index, side in path:
        leg = _sell_all(state, index, amount_units) if side is Side.SELL else _buy_with(state, index, amount_units)
        if leg is None:
            return None
        plan.legs.append(leg)
        amount_units = leg.net_units
    return plan


def _plan_backwards(state: State, path: list[tuple[int, Side]], amount_units: int) -> Plan | None:
    """Find what each leg must trade so that the last yields at least ``amount_units`` net."""
    plan = Plan()
    for index, side in reversed(path):
        gross = gross_for_net_units(state.instruments[index].taker_rate, amount_units)
        leg = _sell_for(state, index, gross) if side is Side.SELL else _buy_amount(state, index, gross)
        if leg is None:
            return None
        plan.legs.insert(0, leg)
        amount_units = leg.spent_units
    return plan


def _sell_all(state: State, index: int, amount_units: int) -> Leg | None:
    """Sell as many whole lots of base as the amount holds."""
    wanted = amount_units // state.instruments[index].lot_units
    return _sweep_lots(state, index, Side.SELL, wanted)


def _buy_amount(state: State, index: int, gross_units: int) -> Leg | None:
    """Buy the fewest lots of base that make at least ``gross_units``."""
    return _sweep_lots(state, index, Side.BUY, -(-gross_units // state.instruments[index].lot_units))


def _sweep_lots(state: State, index: int, side: Side, wanted: int) -> Leg | None:
    """Walk the other side for exactly ``wanted`` lots."""
    instrument = state.instruments[index]
    left, notional, fills = wanted, 0, 0
    for resting, offered in state.books[index].ahead(opposite(side)):
        if not left:
            break
        lots = min(left, offered)
        notional += instrument.notional_units(resting.price_ticks, lots)
        left, fills = left - lots, fills + 1
        if fills > state.max_fills:
            return None
    return None if left else _leg(state, index, side, wanted, notional, fills)


def _buy_with(state: State, index: int, budget_units: int) -> Leg | None:
    """Buy as many lots of base as the budget of quote pays for.

    The offers suffice when what is left would not pay for one more lot at the last price taken.
    """
    instrument = state.instruments[index]
    left, bought, fills, lot_cost = budget_units, 0, 0, budget_units
    for resting, offered in state.books[index].ahead(Side.SELL):
        lot_cost = instrument.notional_units(resting.price_ticks, 1)
        lots = min(left // lot_cost, offered)
        if not lots:
            break
        left, bought, fills = left - lots * lot_cost, bought + lots, fills + 1
        if fills > state.max_fills:
            return None
    return None if left >= lot_cost else _leg(state, index, Side.BUY, bought, budget_units - left, fills)


def _sell_for(state: State, index: int, gross_units: int) -> Leg | None:
    """Sell the fewest lots of base whose proceeds are at least ``gross_units``."""
    instrument = state.instruments[index]
    sold, notional, fills = 0, 0, 0
    for resting, offered in state.books[index].ahead(Side.BUY):
        if notional >= gross_units:
            break
        lot_price = instrument.notional_units(resting.price_ticks, 1)
        lots = min(-(-(gross_units - notional) // lot_price), offered)
        sold, notional, fills = sold + lots, notional + lots * lot_price, fills + 1
        if fills > state.max_fills:
            return None
    return None if notional < gross_units else _leg(state, index, Side.SELL, sold, notional, fills)


def _leg(state: State, index: int, side: Side, lots: int, notional_units: int, fills: int) -> Leg | None:
    """Complete a leg with what it spends and what it brings after the taker fee.

    None for one that trades nothing, or that costs more than any balance can hold: resting offers
    are backed by what they sell, so their value at far prices is not bounded by the money there is.
    """
    instrument = state.instruments[index]
    principal = lots * instrument.lot_units
    spent, received = (notional_units, principal) if side is Side.BUY else (principal, notional_units)
    net = received - fee_owed_units(instrument.taker_rate, received)
    return Leg(index, side, lots, spent, net, fills) if net > 0 and spent <= INT64_MAX else None


def _execute(state: State, account: Account, client_order_id: int, leg: Leg) -> None:
    """Trade one leg with the resting orders that its plan walked over.

    The leg is an order like any other but for its OrderID: it never rests and holds nothing.
    """
    book = state.books[leg.instrument]
    instrument = state.instruments[leg.instrument]
    order = Order(0, 0, account.number, client_order_id, leg.instrument, leg.side, 0, leg.lots)
    while order.leaves_lots:
        maker = book.best(opposite(leg.side))
        assert maker is not None
        lots = min(order.leaves_lots, maker.shown_lots)
        order.leaves_lots -= lots
        if leg.side is Side.BUY:
            account.balances[instrument.quote].available -= instrument.notional_units(maker.price_ticks, lots)
        else:
            account.balances[instrument.base].available -= lots * instrument.lot_units
        trade(state, maker, order, lots, flags=EventFlag.TAKER | EventFlag.SWAP)
