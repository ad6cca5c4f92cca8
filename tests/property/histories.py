"""Short histories of a small venue, drawn by Hypothesis so that they shrink to something readable.

A history is a list of actions in the venue's own terms (``Cancel(who=1, nth_last=0)``), not of
bytes: ids and order ids are filled in as it is played, so that it still means something when
Hypothesis leaves actions out. Prices, lots and fees are small numbers chosen to collide and to
round badly: 3 % of a few units is never a whole unit.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import pytest
from hypothesis import strategies as st

from bench.flows import Core, CoreType, Event, Feed, Pair, Scenario, commands, decode
from bench.flows.commands import Quotes, Trade
from fxengine._core import Core as CompiledCore
from fxengine.codes import (
    AccountFlag,
    ControlMode,
    ControlScope,
    EventKind,
    ExecInst,
    GuardAction,
    OrdType,
    RevokeAction,
    SelfTradePrevention,
    Side,
    SwapFlag,
    SwapMode,
    TimeInForce,
    WithdrawalAction,
)
from fxengine.records import ALL_INSTRUMENTS
from fxengine.reference import Core as ReferenceCore
from tests.property.actions import (
    Action,
    Amend,
    Bust,
    Cancel,
    Control,
    EndWithdrawal,
    FeePayout,
    Guard,
    MassCancel,
    Move,
    Order,
    Quote,
    Refresh,
    Renew,
    Repeat,
    Revoke,
    Settle,
    Swap,
    Wait,
)

both_cores = pytest.mark.parametrize("core_type", [CompiledCore, ReferenceCore], ids=["compiled", "reference"])

VENUE = Scenario(
    "small",
    (
        Pair(0, 1, 20_000, 30_000, 3, 2, 6),
        Pair(1, 2, -10_000, 30_000, 5, 1, 6),
        Pair(2, 0, 0, 7_777, 1, 4, 6),
        Pair(2, 3, 30_000, 1, 7, 3, 6),
    ),
    n_currencies=4,
    max_fills=3,
    max_orders=20,
    window=16,
)
OPERATOR = 2
CLIENTS = (3, 4, 5, 6)
GUEST = 6
TRADE_GROUP = 9
"""Clients 3 and 4 are one group."""
"""The last client's credential ends soon; the others' never."""
FUNDS_UNITS = 400
GUEST_LIFE_NS = 1_000
_NEVER_NS = 2**62


OPENING = tuple(
    Order(who, instrument, side, price, 5)
    for instrument in range(4)
    for who, side, price in ((3, Side.BUY, 4), (4, Side.SELL, 8))
)
"""What rests when a history begins, so that swaps have something to meet."""

_who = st.sampled_from(CLIENTS)
_currency = st.integers(0, 3)
_plain, _post_only = st.just(ExecInst.NONE), st.just(ExecInst.POST_ONLY)
_gtc = st.just(TimeInForce.GTC)
_any_time = st.sampled_from([TimeInForce.GTC, TimeInForce.GTC, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK])
_book, _side, _price, _lots = (
    st.sampled_from((0, 0, 1, 1, 2, 3)),
    st.sampled_from(Side),
    st.integers(4, 8),
    st.integers(1, 9),
)
_limit, _prevention = st.just(OrdType.LIMIT), st.sampled_from(SelfTradePrevention)
_free, _zero = st.just(SelfTradePrevention.NONE), st.just(0)


def _order(
    time_in_force: st.SearchStrategy[TimeInForce],
    *,
    exec_inst: st.SearchStrategy[ExecInst] = _plain,
    ord_type: st.SearchStrategy[OrdType] = _limit,
    prevention: st.SearchStrategy[SelfTradePrevention] = _prevention,
    life_ns: st.SearchStrategy[int] = _zero,
    display_lots: st.SearchStrategy[int] = _zero,
    stop_price_ticks: st.SearchStrategy[int] = _zero,
    min_lots: st.SearchStrategy[int] = _zero,
) -> st.SearchStrategy[Order]:
    """Draw an order; every field is given, because Hypothesis would invent the others."""
    entry = _who, _book, _side, _price, _lots, time_in_force, exec_inst, ord_type
    return st.builds(Order, *entry, prevention, life_ns, display_lots, stop_price_ticks, min_lots)


_orders = _order(_any_time, prevention=_free)
_post_only_orders = _order(_gtc, exec_inst=_post_only)
_icebergs = _order(_gtc, display_lots=st.integers(1, 4))
_mortal = _order(st.just(TimeInForce.GTD), life_ns=st.integers(1, GUEST_LIFE_NS))
_least = _order(st.just(TimeInForce.IOC), min_lots=st.integers(1, 5))
_markets = _order(st.sampled_from([TimeInForce.IOC, TimeInForce.FOK]), ord_type=st.just(OrdType.MARKET))
_stops = _order(_gtc, ord_type=st.sampled_from([OrdType.STOP, OrdType.STOP_LIMIT]), stop_price_ticks=_price)
_amends = st.builds(
    Amend, _who, st.integers(0, 3), _price, st.integers(1, 12), st.sampled_from([-1, -1, -1, 0, 1])
)  # fmt: skip
_ladder = st.lists(st.integers(1, 6), max_size=3).map(tuple)
_quotes = st.builds(Quote, _who, _book, st.integers(5, 7), _ladder, _ladder)
_mass_cancels = st.builds(MassCancel, _who, st.none() | _book, st.sampled_from([0, Side.BUY, Side.SELL]))
_new: st.SearchStrategy[Action] = st.one_of(
    _icebergs, _icebergs, _mortal, _least, _markets, _stops, _stops, _amends, _amends, _quotes, _quotes, _mass_cancels
)
_ends = st.permutations(range(4)).map(lambda order: (order[0], order[1])) | st.tuples(_currency, _currency)
_amount, _bound = st.integers(1, 120), st.none() | st.none() | st.integers(1, 150)
_swaps = st.builds(
    lambda who, ends, *rest: Swap(who, *ends, *rest), _who, _ends, st.sampled_from(SwapMode), _amount, _bound,
    st.none() | _who, st.booleans(), st.just(0) | st.just(0) | st.integers(1, 150),
)  # fmt: skip
_rare: st.SearchStrategy[Action] = st.one_of(
    _post_only_orders,
    st.builds(Move, _who, _currency, st.integers(-200, 200).filter(bool), st.integers(0, 2), st.booleans()),
    st.builds(EndWithdrawal, st.integers(0, 2), st.sampled_from(WithdrawalAction)),
    st.builds(FeePayout, _who, _currency, st.integers(1, 4)),
    st.builds(Settle, st.integers(0, 3)),
    st.builds(Control, st.none() | _currency, st.booleans(), st.booleans()),
    st.builds(Bust, st.integers(0, 3)),
    st.builds(Wait, st.integers(0, GUEST_LIFE_NS // 2)),
    st.builds(Renew, st.integers(1, 4 * GUEST_LIFE_NS)),
    st.builds(Repeat, st.integers(0, 20)),
    st.builds(Guard, _who, st.sampled_from(GuardAction), st.sampled_from([0, 1, 1, GUEST_LIFE_NS // 4])),
    st.builds(Revoke, _who, st.sampled_from(RevokeAction)),
    st.builds(Refresh, _who),
)
_cancels = st.builds(Cancel, _who, st.integers(0, 3), st.booleans())
_often: st.SearchStrategy[Action] = st.one_of(_orders, _orders, _orders, _new, _new, _cancels, _swaps)
_actions = st.integers(0, 5).flatmap(lambda throw: _often if throw else _rare)
histories = st.lists(st.lists(_actions, max_size=10), max_size=10).map(
    lambda parts: [a for part in parts for a in part]
)
"""Lists of actions that a :class:`Life` plays; of lists, because Hypothesis keeps single ones short."""


UNNUMBERED = Wait | Renew | Refresh | Guard | Settle | Control
"""Actions without a client id, at least where the venue itself says them."""


class Step(NamedTuple):
    """One command as it was sent, and its events."""

    command: bytes
    events: list[Event]


@dataclass
class Life:
    """A small venue with four funded clients; ``play`` turns an action into a command and applies it."""

    core_type: CoreType
    venue: Scenario = VENUE
    funds_units: int = FUNDS_UNITS
    opening: tuple[Order, ...] = OPENING
    now_ns: int = 0
    steps: list[Step] = field(default_factory=list)
    accepted: dict[int, list[Event]] = field(default_factory=lambda: {who: [] for who in CLIENTS})
    numbered: list[bytes] = field(default_factory=list)
    asked: list[int] = field(default_factory=list)
    """Numbers of the withdrawals that were asked for."""
    trades: list[Trade] = field(default_factory=list)
    tokens: dict[int, int] = field(default_factory=lambda: dict.fromkeys(CLIENTS, 0))
    """When each client's latest token was issued."""
    watch: Callable[["Life", Step], None] = lambda life, step: None

    def __post_init__(self) -> None:
        self.feed = Feed(self.venue.core(self.core_type))
        everything = range(self.venue.n_currencies)
        self.apply(
            commands.credential(OPERATOR, "operator-1", permitted=(), flags=AccountFlag.OPERATOR, window=1 << 10)
        )
        for who in CLIENTS:
            expires_ns = GUEST_LIFE_NS if who == GUEST else _NEVER_NS
            group = TRADE_GROUP if who in CLIENTS[:2] else 0
            self.apply(
                commands.credential(
                    who, f"maker-{who}", permitted=everything, window=16, expires_ns=expires_ns, trade_group=group
                )
            )
        for who in CLIENTS:
            for currency in everything:
                self.play(Move(who, currency, self.funds_units))
        for order in self.opening:
            self.play(order)

    @property
    def core(self) -> Core:
        """The core that is played on."""
        return self.feed.core

    def apply(self, command: bytes) -> Step:
        """Apply one command and remember it."""
        step = Step(command, decode(self.feed.apply(command)))
        self.steps.append(step)
        for event in step.events:
            if event.kind is EventKind.ACCEPTED:
                self.accepted[event.account].append(event)
            elif event.kind is EventKind.WITHDRAWAL_HELD:
                self.asked.append(event.withdrawal)
        fills = [event for event in step.events if event.kind is EventKind.FILL]
        self.trades += [
            Trade(
                maker.instrument, maker.instrument_stream, maker.price_ticks, maker.quantity_lots, maker.account,
                taker.account, maker.side, maker.fee_units, taker.fee_units,
            )
            for maker, taker in zip(fills[::2], fills[1::2], strict=True)
        ]  # fmt: skip
        self.watch(self, step)
        return step

    def play(self, action: Action) -> Step | None:
        """Carry out an action; None where there is nothing to cancel or repeat."""
        command = self._command(action)
        if command is None:
            return None
        if not isinstance(action, UNNUMBERED | Repeat):
            self.numbered.append(command)
        return self.apply(command)

    def _command(self, action: Action) -> bytes | None:
        if isinstance(action, Wait):
            self.now_ns += action.for_ns
            return commands.time(self.now_ns)
        if isinstance(action, Renew):
            return self._credential(GUEST, self.now_ns + action.life_ns)
        if isinstance(action, Refresh):
            self.tokens[action.who] += 1
            return self._credential(action.who, self.now_ns + GUEST_LIFE_NS if action.who == GUEST else _NEVER_NS)
        if isinstance(action, Guard):
            timeout_ns = action.setting if action.action is GuardAction.DEAD_MAN else 0
            watching = action.action is GuardAction.WATCH and action.setting > 0
            return commands.guard(
                action.who, action.action, timeout_ns=timeout_ns, watching=watching, time_ns=self.now_ns
            )
        if isinstance(action, Repeat):
            return self.numbered[-1 - action.nth_last] if action.nth_last < len(self.numbered) else None
        if isinstance(action, Settle):
            return commands.settled(max(self.core.sequence - action.but, 0), time_ns=self.now_ns)
        of_operator = isinstance(action, Revoke | EndWithdrawal | Control | Bust | FeePayout)
        own = isinstance(action, Move) and action.amount_units < 0 and action.own
        sender = OPERATOR if of_operator or (isinstance(action, Move) and not own) else action.who  # type: ignore[union-attr]
        client_order_id = self.core.client_id_highest(sender) + 1
        if isinstance(action, EndWithdrawal):
            if action.nth_last >= len(self.asked):
                return None
            number = self.asked[-1 - action.nth_last]
            return commands.end_withdrawal(OPERATOR, client_order_id, action.action, number, time_ns=self.now_ns)
        if isinstance(action, FeePayout):
            return commands.fee_payout(
                OPERATOR, client_order_id, currency=action.currency, beneficiary=action.who,
                amount_units=action.amount_units, time_ns=self.now_ns,
            )  # fmt: skip
        if isinstance(action, Bust):
            if action.nth_last >= len(self.trades):
                return None
            return commands.bust(OPERATOR, client_order_id, self.trades[-1 - action.nth_last], time_ns=self.now_ns)
        if isinstance(action, Control):
            scope = ControlScope.VENUE if action.currency is None else ControlScope.CURRENCY
            closed = ControlMode.CANCEL_ONLY if action.currency is None else ControlMode.REDEEM_ONLY
            who = (0, 0) if action.by_venue else (OPERATOR, client_order_id)
            mode = closed if action.closed else ControlMode.OPEN
            return commands.control(*who, scope, mode, currency=action.currency or 0, time_ns=self.now_ns)
        if isinstance(action, Order):
            return commands.new_order(
                sender, client_order_id, instrument=action.instrument, side=action.side,
                price_ticks=action.price_ticks, quantity_lots=action.lots, time_in_force=action.time_in_force,
                exec_inst=action.exec_inst, ord_type=action.ord_type, self_trade_prevention=action.prevention,
                expire_ns=self.now_ns + action.life_ns if action.life_ns else 0, display_lots=action.display_lots,
                stop_price_ticks=action.stop_price_ticks, min_lots=action.min_lots, time_ns=self.now_ns,
            )  # fmt: skip
        if isinstance(action, Revoke):
            of_token = action.action is RevokeAction.TOKEN
            token_id = commands.token_of(f"maker-{action.whom}", self.tokens[action.whom])
            return commands.revoke(
                OPERATOR, client_order_id, action.action, target=0 if of_token else action.whom,
                token_id=token_id if of_token else commands.NO_TOKEN, time_ns=self.now_ns,
            )  # fmt: skip
        if isinstance(action, MassCancel):
            instrument = ALL_INSTRUMENTS if action.instrument is None else action.instrument
            return commands.mass_cancel(
                sender, client_order_id, instrument=instrument, side=action.side, time_ns=self.now_ns
            )
        if isinstance(action, Quote):
            bids = [(action.middle_ticks - n, lots) for n, lots in enumerate(action.bids, 1)]
            offers = [(action.middle_ticks + n, lots) for n, lots in enumerate(action.offers)]
            ladders = Quotes(action.instrument, bids, offers)
            return commands.mass_quote(sender, client_order_id, ladders, time_ns=self.now_ns)
        if isinstance(action, Amend):
            if action.nth_last >= len(self.accepted[sender]):
                return None
            order = self.accepted[sender][-1 - action.nth_last]
            return commands.amend(
                sender, client_order_id, order_id=order.order_id, price_ticks=action.price_ticks,
                quantity_lots=action.lots, expected_cum_lots=action.expected_cum_lots, time_ns=self.now_ns,
            )  # fmt: skip
        if isinstance(action, Cancel):
            if action.nth_last >= len(self.accepted[sender]):
                return None
            order = self.accepted[sender][-1 - action.nth_last]
            named = (
                {"orig_client_order_id": order.client_order_id} if action.by_client_id else {"order_id": order.order_id}
            )
            return commands.cancel(sender, client_order_id, time_ns=self.now_ns, **named)
        if isinstance(action, Swap):
            bound = action.bound_units or (1 if action.mode is SwapMode.EXACT_IN else 10**9)
            return commands.swap(
                sender, client_order_id, currency_in=action.pay, currency_out=action.get, mode=action.mode,
                amount_units=action.amount_units, bound_units=bound, payee=action.payee or 0, time_ns=self.now_ns,
                flags=SwapFlag.ALLOW_PARTIAL if action.allow_partial else SwapFlag.NONE,
                worst_units=action.worst_units,
            )  # fmt: skip
        if action.amount_units < 0:
            return commands.withdraw(
                sender, client_order_id, currency=action.currency, beneficiary=action.who,
                amount_units=-action.amount_units, time_ns=self.now_ns,
            )  # fmt: skip
        return commands.deposit(
            OPERATOR, client_order_id, currency=action.currency, beneficiary=action.who,
            amount_units=action.amount_units, reference=f"bank-1/{action.reference}" if action.reference else "",
            time_ns=self.now_ns,
        )  # fmt: skip

    def _credential(self, who: int, expires_ns: int) -> bytes:
        """Write a client's credential by its latest token."""
        return commands.credential(
            who, f"maker-{who}", permitted=range(self.venue.n_currencies), issued_at_ns=self.tokens[who],
            expires_ns=expires_ns, time_ns=self.now_ns, trade_group=TRADE_GROUP if who in CLIENTS[:2] else 0,
        )  # fmt: skip


class Standing(NamedTuple):
    """What a retry must not change: balances by (account, currency), every level, the highest client ids."""

    money: dict[tuple[int, int], tuple[int, int]]
    books: list[list[tuple[int, int]]]
    highest_ids: list[int]


def standing(life: Life) -> Standing:
    """Return where everybody stands now."""
    core, venue = life.core, life.venue
    accounts = range(core.n_accounts)
    return Standing(
        {(a, c): core.balance(a, c) for a in accounts for c in range(venue.n_currencies)},
        [core.depth(i, side, venue.max_orders) for i in range(len(venue.pairs)) for side in Side],
        [core.client_id_highest(a) for a in accounts],
    )
