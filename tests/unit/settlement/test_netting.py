"""Netting against the same rules written plainly, over generated events and over the core's own."""

from collections import defaultdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.flows import SCENARIOS, Feed
from bench.flows import Flow as Flow_
from fxengine._core import Core as CompiledCore
from fxengine.codes import CUSTODY_ACCOUNT, FEES_ACCOUNT, EventFlag, EventKind, Side
from fxengine.ledger import TRADE
from fxengine.ledger.batch import WithdrawalStep
from fxengine.records import BUST_EVENT, EVENT, MONEY_EVENT, Records
from fxengine.settlement import net
from fxengine.venue import Venue
from tests.unit.settlement.trading import Flow, Trading, make_venue

MAKER, TAKER, BOOK, SWAP = EventFlag.MAKER, EventFlag.TAKER, EventFlag.BOOK, EventFlag.SWAP
VENUE = make_venue()
INSTRUMENTS = VENUE.instrument_records


def plain_deltas(events: Records, venue: Venue) -> dict[tuple[int, int], int]:
    """Return what every account gains, in Python's unbounded integers, straight from the rules."""
    units: dict[tuple[int, int], int] = defaultdict(int)
    for event in events:
        account, kind = int(event["account"]), event["kind"]
        if kind in (EventKind.FILL, EventKind.BUSTED):
            sign = 1 if kind == EventKind.FILL else -1
            pair = venue.instruments[event["instrument"]]
            lots, fee = int(event["quantity_lots"]), int(event["fee_units"])
            principal, notional = lots * pair.lot_units, pair.notional_units(int(event["price_ticks"]), lots)
            receives, gives = pair.base.index, pair.quote.index
            received, given = principal, notional
            if event["side"] == Side.SELL:
                receives, gives, received, given = gives, receives, given, received
            units[account, receives] += sign * received
            units[account, gives] -= sign * given
            fee_currency = receives if fee > 0 else gives
            units[account, fee_currency] -= sign * fee
            units[FEES_ACCOUNT, fee_currency] += sign * fee
        elif kind in (EventKind.RECEIVED, EventKind.DEPOSITED, EventKind.WITHDRAWN):
            money = np.frombuffer(event.tobytes(), MONEY_EVENT)[0]
            amount = int(money["amount_units"]) * (-1 if kind == EventKind.WITHDRAWN else 1)
            units[account, int(money["instrument"])] += amount
            units[int(money["counterparty"]), int(money["instrument"])] -= amount
    return {key: amount for key, amount in units.items() if amount}


def as_dict(deltas: Records) -> dict[tuple[int, int], int]:
    return {(account, currency): units for account, currency, _, units in deltas.tolist()}


def check_zero_sum_and_canonical(deltas: Records) -> None:
    totals: dict[int, int] = defaultdict(int)
    for _, currency, _, units in deltas.tolist():
        totals[currency] += units
    assert not any(totals.values())
    keys = list(as_dict(deltas))
    assert len(keys) == len(deltas)
    assert keys == sorted(keys)
    assert deltas["amount_units"].all()


accounts = st.integers(2, 6)


@st.composite
def trade(draw: st.DrawFn) -> list[Records]:
    """Draw the two FILL events of one trade, the taker's fee covering the rebate."""
    pair = draw(st.integers(0, len(VENUE.instruments) - 1))
    maker_side = draw(st.sampled_from(Side))
    taker_fee = draw(st.integers(0, 50))
    maker_fee = draw(st.integers(-taker_fee, 50))
    shared: dict[str, Any] = {
        "kind": EventKind.FILL, "instrument": pair, "price_ticks": draw(st.integers(1, 2**31 - 1)),
        "quantity_lots": draw(st.integers(1, 1000)), "instrument_stream": draw(st.integers(1, 2**40)),
        "sequence": draw(st.integers(1, 2**40)),
    }  # fmt: skip
    maker, taker = draw(accounts), draw(accounts)
    taker_side = Side.SELL if maker_side is Side.BUY else Side.BUY
    flags = TAKER | draw(st.sampled_from((EventFlag.NONE, SWAP)))
    fills = []
    for account, other, side, fee, flag in (
        (maker, taker, maker_side, maker_fee, MAKER | BOOK),
        (taker, maker, taker_side, taker_fee, flags),
    ):
        event = np.zeros(1, EVENT)
        for name, value in shared.items():
            event[name] = value
        event["account"], event["counterparty"], event["side"] = account, other, side
        event["fee_units"], event["flags"] = fee, flag
        fills.append(event)
    return fills


@st.composite
def bust(draw: st.DrawFn) -> list[Records]:
    """Draw the two BUSTED events of one trade that is undone."""
    fills = draw(trade())
    for event in fills:
        number = int(event["instrument_stream"][0])
        event["kind"], event["instrument_stream"] = EventKind.BUSTED, 0
        event.view(BUST_EVENT)["trade_number"] = number
    return fills


@st.composite
def movement(draw: st.DrawFn) -> list[Records]:
    """Draw a deposit, a withdrawal or a payment."""
    kind = draw(st.sampled_from((EventKind.DEPOSITED, EventKind.WITHDRAWN, EventKind.RECEIVED)))
    event = np.zeros(1, MONEY_EVENT)
    event["kind"], event["account"], event["instrument"] = kind, draw(accounts), draw(st.integers(0, 2))
    event["counterparty"] = draw(accounts) if kind is EventKind.RECEIVED else CUSTODY_ACCOUNT
    event["amount_units"], event["sequence"] = draw(st.integers(1, 10**15)), draw(st.integers(1, 2**40))
    return [event.view(EVENT)]


@st.composite
def noise(draw: st.DrawFn) -> list[Records]:
    """Draw an event that moves no money, whatever stands in it."""
    event = np.frombuffer(draw(st.binary(min_size=96, max_size=96)), EVENT).copy()
    moving = {EventKind.FILL, EventKind.RECEIVED, EventKind.DEPOSITED, EventKind.WITHDRAWN, EventKind.BUSTED}
    event["kind"] = draw(st.sampled_from(sorted(set(EventKind) - moving)))
    return [event]


streams = st.lists(st.one_of(trade(), trade(), bust(), movement(), noise()), max_size=40).map(
    lambda groups: np.concatenate([np.zeros(0, EVENT), *(event for group in groups for event in group)])
)


@given(streams)
def test_deltas_are_those_of_the_plain_rules_and_sum_to_zero(events: Records) -> None:
    result = net(events, INSTRUMENTS)
    assert as_dict(result.deltas) == plain_deltas(events, VENUE)
    check_zero_sum_and_canonical(result.deltas)
    assert len(result.trades) == np.count_nonzero(events["kind"] == EventKind.FILL) // 2
    undone = events[(events["kind"] == EventKind.BUSTED) & (events["flags"] & MAKER != 0)].view(BUST_EVENT)
    assert result.busts["number"].tolist() == undone["trade_number"].tolist()


@given(streams, streams)
def test_netting_two_stretches_adds_up_to_netting_them_together(one: Records, two: Records) -> None:
    together = as_dict(net(np.concatenate([one, two]), INSTRUMENTS).deltas)
    sums = defaultdict(int, as_dict(net(one, INSTRUMENTS).deltas))
    for key, units in as_dict(net(two, INSTRUMENTS).deltas).items():
        sums[key] += units
    assert together == {key: units for key, units in sums.items() if units}


def test_sums_that_leave_64_bits_on_the_way_are_exact() -> None:
    most = 2**63 - 1
    events = np.zeros(8, MONEY_EVENT)
    events["account"], events["counterparty"], events["amount_units"] = 2, CUSTODY_ACCOUNT, most
    events["kind"] = [EventKind.DEPOSITED] * 4 + [EventKind.WITHDRAWN] * 3 + [EventKind.RECEIVED]
    events["amount_units"][7] = 5
    events["kind"][7] = EventKind.WITHDRAWN
    result = net(events.view(EVENT), INSTRUMENTS)
    assert as_dict(result.deltas) == {(CUSTODY_ACCOUNT, 0): 5 - most, (2, 0): most - 5}


def test_a_rebate_is_paid_in_the_currency_that_the_maker_gave() -> None:
    events = np.zeros(2, EVENT)
    events["kind"], events["price_ticks"], events["quantity_lots"] = EventKind.FILL, 110, 5
    events["side"], events["account"] = [Side.SELL, Side.BUY], [2, 3]
    events["flags"], events["fee_units"] = [MAKER, TAKER], [-50, 100]
    lot, notional = VENUE.instruments[0].lot_units, VENUE.instruments[0].notional_units(110, 5)
    usd, eur = 0, 1
    assert as_dict(net(events, INSTRUMENTS).deltas) == {
        (FEES_ACCOUNT, eur): 50, (2, usd): notional, (2, eur): 50 - 5 * lot,
        (3, usd): -notional, (3, eur): 5 * lot - 100,
    }  # fmt: skip


def test_a_trade_row_says_all_that_its_two_fills_said() -> None:
    events = np.zeros(2, EVENT)
    events["kind"], events["sequence"], events["instrument"], events["instrument_stream"] = EventKind.FILL, 9, 1, 77
    events["price_ticks"], events["quantity_lots"], events["side"] = 150, 4, [Side.BUY, Side.SELL]
    events["account"], events["fee_units"], events["flags"] = [2, 3], [1, 2], [MAKER, TAKER | SWAP]
    expected = np.array([(9, 77, 1, Side.BUY, 1, 2, 3, b"", 150, 4, 1, 2)], TRADE)
    assert net(events, INSTRUMENTS).trades.tobytes() == expected.tobytes()


@pytest.mark.parametrize(
    "field", ["sequence", "instrument_stream", "instrument", "price_ticks", "quantity_lots", "flags"]
)
def test_fills_that_are_not_two_sides_of_one_trade_are_refused(field: str) -> None:
    events = np.zeros(4, EVENT)
    events["kind"], events["flags"] = EventKind.FILL, [MAKER, TAKER] * 2
    net(events, INSTRUMENTS)
    events[field][1] = 1
    with pytest.raises(AssertionError, match="side by side"):
        net(events, INSTRUMENTS)
    with pytest.raises(AssertionError, match="side by side"):
        net(events[:1], INSTRUMENTS)


def test_nothing_nets_to_nothing() -> None:
    result = net(np.zeros(0, EVENT), INSTRUMENTS)
    assert [len(part) for part in result] == [0, 0, 0, 0, 0]


@pytest.mark.parametrize("name", SCENARIOS)
def test_netting_a_whole_life_gives_the_cores_balances_and_every_step_of_a_withdrawal(name: str, seed: int) -> None:
    scenario = SCENARIOS[name]
    feed = Feed(scenario.core(CompiledCore))
    flow, made = Flow_(scenario, seed, feed.core), bytearray()
    for _, command in zip(range(4_000), flow, strict=False):
        events = feed.apply(command)
        flow.observe(events)
        made += events
    result = net(np.frombuffer(bytes(made), EVENT), scenario.instruments)
    core = feed.core
    keys = [(a, c) for a in range(core.n_accounts) for c in range(scenario.n_currencies)]
    assert as_dict(result.deltas) == {key: sum(core.balance(*key)) for key in keys if sum(core.balance(*key))}
    steps = [(int(row["withdrawal"]), int(row["step"])) for row in result.withdrawals]
    ended = {number for number, step in steps if step != WithdrawalStep.HELD}
    held = [number for number, step in steps if step == WithdrawalStep.HELD]
    assert [number for number in held if number not in ended] == [r[0] for r in core.open_withdrawals(0, 0, 10_000)]
    assert len(ended) == len(steps) - len(held) > 10
    paid = result.transfers[result.transfers["kind"] == EventKind.WITHDRAWN]
    assert sorted(paid["withdrawal"].tolist()) == sorted(n for n, step in steps if step == WithdrawalStep.PAID)
    assert len({row.tobytes() for row in result.busts[["instrument", "number"]]}) == len(result.busts) > 3
    known = {bytes(row["external_id"]) for row in result.transfers} - {bytes(16)}
    assert len(known) == sum(bytes(row["external_id"]) != bytes(16) for row in result.transfers) > 3


def test_netting_the_cores_events_gives_the_cores_balances(trading: Trading, flow: Flow) -> None:
    trading.start()
    trading.open(flow)
    trading.trade(flow, n_frames=40, per_frame=15)
    events = np.concatenate([released.events for released in trading.released])
    result = net(events, trading.venue.instrument_records)
    assert as_dict(result.deltas) == trading.balances() == plain_deltas(events, trading.venue)
    check_zero_sum_and_canonical(result.deltas)
    assert len(result.trades) > 100
    assert (result.trades["maker_fee_units"] < 0).any()
    assert (result.trades["swap"] == 1).any()
    assert set(result.transfers["kind"].tolist()) == {EventKind.DEPOSITED, EventKind.WITHDRAWN, EventKind.RECEIVED}
