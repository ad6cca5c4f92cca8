"""What an order asks for is kept, over whole venue lives: read from the command, held against what happened.

These are promises to one side of a trade that books and balances alone do not show.
"""

from dataclasses import dataclass

import pytest

from bench.flows import SCENARIOS, CoreType, Event, Feed, Flow, Scenario, decode
from fxengine.codes import CommandKind, EventFlag, EventKind, ExecInst, RejectReason, TimeInForce
from fxengine.records import NEW_ORDER, ORDER_DETAIL, RECORD_BYTES, struct_of
from tests.property.histories import both_cores

N_COMMANDS = 1_500
FIRST = struct_of(NEW_ORDER)
DETAIL = struct_of(ORDER_DETAIL)


@dataclass
class Asked:
    """What an accepted order's command says of it."""

    account: int
    time_in_force: int
    exec_inst: int
    prevention: int
    quantity_lots: int
    expire_ns: int
    min_lots: int


def asked(command: bytes) -> Asked:
    """Read a NEW_ORDER command."""
    _, _, _, account, _, _, _, _, time_in_force, exec_inst, prevention, _, quantity, expire_ns, _ = FIRST.unpack_from(
        command
    )
    min_lots = DETAIL.unpack_from(command, RECORD_BYTES)[1] if len(command) > RECORD_BYTES else 0
    return Asked(account, time_in_force, exec_inst, prevention, quantity, expire_ns, min_lots)


class Promises:
    """Follows commands and events; AssertionError when an order got what it had excluded."""

    def __init__(self, flow: Flow) -> None:
        self.flow = flow
        self.orders: dict[int, Asked] = {}
        self.kept = dict.fromkeys(("prevented", "minimum", "whole", "post-only", "expired"), 0)

    def observe(self, command: bytes, events: list[Event]) -> None:
        """Follow one command."""
        entered = [event for event in events if event.kind is EventKind.ACCEPTED]
        if command[0] == CommandKind.NEW_ORDER and entered:
            (accepted,) = entered
            self.orders[accepted.order_id] = asked(command)
            self._entry(self.orders[accepted.order_id], accepted.order_id, events)
        fills = [event for event in events if event.kind is EventKind.FILL]
        for maker, taker in zip(fills[::2], fills[1::2], strict=True):
            self._trade(maker, taker)
        events = [event for event in events if event.kind in (EventKind.CANCELED, EventKind.REDUCED)]
        self.kept["prevented"] += sum(event.reason == RejectReason.SELF_TRADE_PREVENTED for event in events)

    def _entry(self, order: Asked, order_id: int, events: list[Event]) -> None:
        fills = [e for e in events if e.kind is EventKind.FILL and e.order_id == order_id]
        filled = sum(event.quantity_lots for event in fills)
        if order.time_in_force == TimeInForce.FOK:
            assert filled == order.quantity_lots
            self.kept["whole"] += 1
        if order.min_lots:
            assert filled >= order.min_lots
            self.kept["minimum"] += 1
        if order.exec_inst & ExecInst.POST_ONLY:
            assert not fills
            self.kept["post-only"] += 1

    def _trade(self, maker: Event, taker: Event) -> None:
        order = self.orders.get(taker.order_id)
        if order is not None and order.prevention:
            assert not self._same_group(maker.account, taker.account), f"{taker} met its own"
        for event in (maker, taker):
            known = self.orders.get(event.order_id)
            if known is not None and known.time_in_force == TimeInForce.GTD:
                assert self.flow.core.now_ns < known.expire_ns, f"traded when it had expired: {event}"
                self.kept["expired"] += 1
        assert taker.flags & EventFlag.TAKER

    def _same_group(self, one: int, other: int) -> bool:
        first, second = self.flow.population.get(one), self.flow.population.get(other)
        assert first is not None
        assert second is not None
        return one == other or bool(first.trade_group and first.trade_group == second.trade_group)


@both_cores
@pytest.mark.parametrize("name", ["tight", "sweeps", "rebates", "twins"])
def test_orders_get_what_they_ask_for_and_nothing_that_they_exclude(core_type: CoreType, name: str, seed: int) -> None:
    scenario: Scenario = SCENARIOS[name]
    feed = Feed(scenario.core(core_type))
    flow = Flow(scenario, seed, feed.core)
    promises = Promises(flow)
    for _, command in zip(range(N_COMMANDS), flow, strict=False):
        events = feed.apply(command)
        flow.observe(events)
        promises.observe(command, decode(events))
    assert all(promises.kept.values()), promises.kept
