"""The flows are worth comparing: everything happens in them, often enough, and each bends as it should."""

from collections import Counter

import pytest

from bench.flows import CORE_REASONS, FEATURES, SCENARIOS, Feed, Flow, Mix, Scenario, decode
from fxengine._core import Core
from fxengine.codes import CommandKind, EventKind, RejectReason
from tests.differential.test_cores_agree import N_COMMANDS, each_scenario

Flows = dict[str, tuple[Mix, bytes]]


@pytest.fixture(scope="module")
def flows(seed: int) -> Flows:
    """Each scenario's flow as it was compared: what it consisted of, and its events."""
    found = {}
    for name, scenario in SCENARIOS.items():
        feed = Feed(scenario.core(Core))
        flow, mix, events = Flow(scenario, seed, feed.core), Mix(), bytearray()
        for _, command in zip(range(N_COMMANDS), flow, strict=False):
            made = feed.apply(command)
            flow.observe(made)
            mix.count(command, made)
            events += made
        found[name] = mix, bytes(events)
    return found


@each_scenario
def test_every_kind_has_a_share_and_trades_outweigh_refusals(scenario: Scenario, flows: Flows) -> None:
    mix, _ = flows[scenario.name]
    for kind in CommandKind:
        assert mix.share(kind) >= 0.01, f"{kind.name}: {mix}"
    assert mix.trade_share >= 0.10, str(mix)
    assert mix.refused_share <= 0.30, str(mix)
    assert mix.events[EventKind.ORDER_STATUS] >= 0.01 * mix.commands, "too few retries"
    missing = [kind.name for kind in EventKind if not mix.events[kind]]
    assert not missing, f"never seen: {missing}"
    assert set(mix.features) >= FEATURES, f"never accepted: {sorted(FEATURES - set(mix.features))}"


def test_every_reason_of_the_core_is_met(flows: Flows) -> None:
    total = Mix()
    for mix, _ in flows.values():
        total.add(mix)
    missing = CORE_REASONS - total.reasons
    assert not missing, f"never met: {sorted(reason.name for reason in missing)}; {total}"
    assert total.reasons <= CORE_REASONS, "the core gave a reason that is not its own"


def test_swaps_cross_three_books_and_leave_change_on_the_way(flows: Flows) -> None:
    swaps = [event for event in decode(flows["paths"][1]) if event.kind is EventKind.SWAPPED]
    by_legs = {n: sum(event.n_legs == n for event in swaps) for n in (1, 2, 3)}
    assert min(by_legs.values()) >= 10, by_legs
    changes = Counter(
        event.sequence for event in decode(flows["paths"][1]) if event.kind is EventKind.SWAP_LEG and event.change_units
    )
    assert max(changes.values()) >= 2


def test_swaps_are_split_over_many_books_and_parts_are_taken(flows: Flows) -> None:
    swaps = [event for event in decode(flows["web"][1]) if event.kind is EventKind.SWAPPED]
    assert sum(event.n_legs > 3 for event in swaps) >= 20, "swaps hardly ever take several paths"
    assert sum(event.singles < 2 for event in swaps) >= 1
    assert sum(event.unfilled_units > 0 for event in swaps) >= 5


def test_rebates_are_paid_and_never_exceed_what_takers_pay(flows: Flows) -> None:
    fills = [event for event in decode(flows["rebates"][1]) if event.kind is EventKind.FILL]
    assert sum(event.fee_units < 0 for event in fills) > 100
    for maker, taker in zip(fills[::2], fills[1::2], strict=True):
        assert maker.fee_units + taker.fee_units >= 0


def test_amounts_come_near_the_bounds(flows: Flows) -> None:
    mix, events = flows["huge"]
    assert mix.canceled[RejectReason.NOTIONAL_TOO_LARGE], "no remainder ever became too large"
    assert mix.refused[RejectReason.CURRENCY_TOTAL_EXCEEDED]
    largest = max(event.amount_units for event in decode(events) if event.kind is EventKind.DEPOSITED)
    assert largest > 2**59


def test_few_fills_and_few_slots_run_out(flows: Flows) -> None:
    assert flows["sweeps"][0].canceled[RejectReason.TOO_MANY_FILLS] >= 10
    assert flows["sweeps"][0].refused[RejectReason.TOO_MANY_FILLS] >= 10
    assert flows["crowded"][0].refused[RejectReason.CAPACITY] >= 10


FORCED = (
    RejectReason.CREDENTIAL_EXPIRED, RejectReason.ACCOUNT_FROZEN, RejectReason.TOKEN_REVOKED,
    RejectReason.DEAD_MAN_FIRED, RejectReason.DISCONNECTED,
)  # fmt: skip


def test_what_ends_an_accounts_orders_takes_several_also_such_as_have_left_the_window(flows: Flows) -> None:
    together, older = Counter[tuple[int, int, str]](), Counter[int]()
    for name, (_, events) in flows.items():
        highest = dict[int, int]()
        for event in decode(events):
            known = highest.get(event.account, 0)
            if event.kind is EventKind.ACCEPTED:
                highest[event.account] = max(known, event.client_order_id)
            elif event.kind is EventKind.CANCELED and event.reason in FORCED:
                together[event.reason, event.sequence, name] += 1
                older[event.reason] += event.client_order_id + SCENARIOS[name].window <= known
    for reason in FORCED:
        assert max(n for (found, *_), n in together.items() if found == reason) >= 3, reason.name
        assert older[reason] >= 3, reason.name
