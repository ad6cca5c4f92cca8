"""Instant swap: pay one currency, receive another, over all the books that lead there, in one command.

The router plans against the books as they stand (lots, fees and all); here what it found is held against the
payer's bounds and funds, and its legs are executed as ordinary trades: all of them or none. A leg is one book
in one direction, whichever paths go over it, and pays one order's fees. What the payer hears::

    FILL ...      one a trade, as the maker does
    SWAP_LEG ...  one a book: spent, received, fee, and what is left of the currency received, as change
    SWAP_PATH ... the best single paths, at most three: what each would have given
    SWAPPED       the whole: spent, delivered, how many of each came before it
"""

from dataclasses import dataclass
from typing import NamedTuple

from fxengine.codes import EventFlag, EventKind, OrdStatus, RejectReason, Side, SwapFlag, SwapMode
from fxengine.money import INT64_MAX
from fxengine.reference.account import Account, Outcome
from fxengine.reference.arcs import Leg, Rate
from fxengine.reference.book import Order, opposite
from fxengine.reference.matching import trade
from fxengine.reference.paths import Candidates, Hops
from fxengine.reference.routing import Routed, route
from fxengine.reference.splits import Plan, Wish
from fxengine.reference.state import State, bar_or

FLAGS_KNOWN = int(SwapFlag.ALLOW_PARTIAL)


@dataclass(slots=True)
class Swap:
    """The body of a SWAP command."""

    client_order_id: int
    currency_in: int
    currency_out: int
    mode: int
    flags: int
    payee: int
    amount_units: int
    bound_units: int
    deadline_ns: int
    worst_units: int

    @property
    def wish(self) -> Wish:
        """What the router is asked for."""
        exact_in = self.mode == SwapMode.EXACT_IN
        partial = bool(self.flags & SwapFlag.ALLOW_PARTIAL)
        budget = self.amount_units if exact_in else self.bound_units if partial else INT64_MAX
        worst = None
        if self.worst_units:
            amounts = (self.worst_units, self.amount_units) if exact_in else (self.amount_units, self.worst_units)
            worst = Rate(*amounts)
        return Wish(exact_in, self.amount_units, worst, partial, budget)


class SwapQuote(NamedTuple):
    """What a swap would do now, were it executed: an indication, nothing is held for it.

    ``reason`` is why it would be refused, 0 if it would not, and then the rest is what its SWAPPED would tell.
    ``legs`` are ``(instrument, side, lots, spent_units, received_units, fee_units, change_units, fills)`` in the
    order of execution, ``singles`` ``(path, paid_units, delivered_units, unfilled_units, fills)``, best first.
    """

    reason: int
    paid_units: int = 0
    delivered_units: int = 0
    unfilled_units: int = 0
    fills: int = 0
    legs: tuple[tuple[int, int, int, int, int, int, int, int], ...] = ()
    singles: tuple[tuple[tuple[int, ...], int, int, int, int], ...] = ()


def swap(state: State, hops: Hops, account: Account, command: Swap, outcome: Outcome) -> RejectReason:
    """Check, plan and execute an instant swap; return why it was refused, or NONE."""
    payee = command.payee or account.number
    routed, reason = _routed(state, hops, account, command)
    if routed is None or routed.plan is None:
        return reason
    plan = routed.plan
    if account.balances[command.currency_in].available < plan.paid_units:
        return RejectReason.INSUFFICIENT_FUNDS
    for leg in plan.legs:
        _execute(state, account, command.client_order_id, leg)
    outcome.status, outcome.done, outcome.notional = OrdStatus.FILLED, plan.paid_units, plan.delivered_units
    _report(state, account, command, payee, routed)
    if payee != account.number:
        account.balances[command.currency_out].available -= plan.delivered_units
        state.accounts[payee].balances[command.currency_out].available += plan.delivered_units
        state.emit_money(
            EventKind.RECEIVED, payee, command.currency_out, plan.delivered_units, counterparty=account.number
        )
    return RejectReason.NONE


def quote(state: State, hops: Hops, account: Account, command: Swap) -> SwapQuote:
    """Return what a swap would do, whatever the payer has; nothing changes."""
    routed, reason = _routed(state, hops, account, command, is_quote=True)
    if routed is None or routed.plan is None:
        return SwapQuote(int(reason))
    plan = routed.plan
    legs = tuple(
        (
            leg.arc.instrument, int(leg.arc.side), leg.lots, leg.spent_units, leg.gross_units,
            leg.gross_units - leg.net_units, change, leg.fills,
        )
        for leg, change in zip(plan.legs, _changes(command, plan), strict=True)
    )  # fmt: skip
    singles = tuple(
        (
            tuple(arc.instrument for arc in path.arcs), found.paid_units, found.delivered_units,
            unfilled(command, found), found.fills,
        )
        for path, found in routed.singles
    )  # fmt: skip
    return SwapQuote(0, plan.paid_units, plan.delivered_units, unfilled(command, plan), plan.fills, legs, singles)


def _routed(
    state: State, hops: Hops, account: Account, command: Swap, *, is_quote: bool = False
) -> tuple[Routed | None, RejectReason]:
    """Check a swap, plan it and hold the plan against its bound; say why there is nothing to execute."""
    reason = _refusal(state, account, command, command.payee or account.number, is_quote=is_quote)
    if reason:
        return None, reason
    candidates = Candidates(state, hops, command.currency_in, command.currency_out, account)
    routed = route(state, candidates, command.wish)
    if routed.plan is None:
        return None, routed.reason
    exact_in = command.mode == SwapMode.EXACT_IN
    if exact_in and routed.plan.delivered_units < command.bound_units:
        return None, RejectReason.BOUND_EXCEEDED
    if not exact_in and routed.plan.paid_units > command.bound_units:
        return None, RejectReason.BOUND_EXCEEDED
    return routed, RejectReason.NONE


def _refusal(state: State, account: Account, command: Swap, payee: int, *, is_quote: bool) -> RejectReason:
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
    if command.flags & ~FLAGS_KNOWN:
        return RejectReason.BAD_SWAP_FLAGS
    if command.amount_units < 1 or command.bound_units < 1 or command.worst_units < 0:
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
    available = account.balances[command.currency_in].available
    if command.mode == SwapMode.EXACT_IN and not is_quote and available < command.amount_units:
        return RejectReason.INSUFFICIENT_FUNDS
    return RejectReason.NONE


def unfilled(command: Swap, plan: Plan) -> int:
    """Return what a plan leaves of the exact amount because it could not be had; part of a lot is not that."""
    if not plan.reason:
        return 0
    return command.amount_units - (plan.paid_units if command.mode == SwapMode.EXACT_IN else plan.delivered_units)


def _changes(command: Swap, plan: Plan) -> list[int]:
    """Return, leg by leg, what stays with the payer of the currency that it received.

    Where several legs receive a currency, the last of them tells.
    """
    left: dict[int, int] = {command.currency_out: -plan.delivered_units}
    last: dict[int, int] = {}
    for place, leg in enumerate(plan.legs):
        left[leg.arc.brings] = left.get(leg.arc.brings, 0) + leg.net_units
        left[leg.arc.spends] = left.get(leg.arc.spends, 0) - leg.spent_units
        last[leg.arc.brings] = place
    return [left[leg.arc.brings] if last[leg.arc.brings] == place else 0 for place, leg in enumerate(plan.legs)]


def _report(state: State, account: Account, command: Swap, payee: int, routed: Routed) -> None:
    """Give the payer the receipt: legs, single paths, the whole."""
    plan = routed.plan
    assert plan is not None
    for leg, change in zip(plan.legs, _changes(command, plan), strict=True):
        state.emit_swap_leg(
            account.number, side=leg.arc.side, instrument=leg.arc.instrument,
            client_order_id=command.client_order_id, spent_units=leg.spent_units, received_units=leg.gross_units,
            fee_units=leg.gross_units - leg.net_units, change_units=change, quantity_lots=leg.lots, fills=leg.fills,
        )  # fmt: skip
    whole = {"currency_in": command.currency_in, "currency_out": command.currency_out, "mode": command.mode}
    whole |= {"payee": payee, "client_order_id": command.client_order_id}
    for path, found in routed.singles:
        books = [arc.instrument for arc in path.arcs]
        state.emit_swap(
            EventKind.SWAP_PATH, account.number, **whole, path=books, n_legs=len(books), singles=0,
            amount_in_units=found.paid_units, amount_out_units=found.delivered_units,
            unfilled_units=unfilled(command, found), fills=found.fills,
        )  # fmt: skip
    state.emit_swap(
        EventKind.SWAPPED, account.number, **whole, path=(), n_legs=len(plan.legs), singles=len(routed.singles),
        amount_in_units=plan.paid_units, amount_out_units=plan.delivered_units,
        unfilled_units=unfilled(command, plan), fills=plan.fills,
    )  # fmt: skip


def _execute(state: State, account: Account, client_order_id: int, leg: Leg) -> None:
    """Trade one leg with the resting orders that its plan walked over.

    The leg is an order like any other but for its OrderID: it never rests and holds nothing.
    """
    side = leg.arc.side
    book = state.books[leg.arc.instrument]
    instrument = state.instruments[leg.arc.instrument]
    order = Order(0, 0, account.number, client_order_id, leg.arc.instrument, side, 0, leg.lots)
    while order.leaves_lots:
        maker = book.best(opposite(side))
        assert maker is not None
        lots = min(order.leaves_lots, maker.shown_lots)
        order.leaves_lots -= lots
        if side is Side.BUY:
            account.balances[instrument.quote].available -= instrument.notional_units(maker.price_ticks, lots)
        else:
            account.balances[instrument.base].available -= lots * instrument.lot_units
        trade(state, maker, order, lots, leg.arc.taker_rate, flags=EventFlag.TAKER | EventFlag.SWAP)
