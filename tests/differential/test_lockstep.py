"""The comparison itself can fail, and says where: a core with one unit changed is found out."""

import numpy as np
import pytest

from bench.flows import SCENARIOS, CoresDiffer, CoreType, Feed, Flow, lockstep
from bench.flows.canonical_text import first_difference, parts
from fxengine.codes import EventKind, Side
from fxengine.records import EVENT
from fxengine.reference import Core as ReferenceCore

TIGHT = SCENARIOS["tight"]
SINCE = 150
FEE_OFFSET = 72


class Overcharging(ReferenceCore):
    """Reports one unit more or less of each fee, from the 150th command on."""

    def apply(self, first: int, last: int) -> int:
        n_events = super().apply(first, last)
        raw = bytearray(self.events.tobytes())
        for at in range(0, len(raw) if self.sequence >= SINCE else 0, EVENT.itemsize):
            raw[at + FEE_OFFSET] ^= raw[at] == EventKind.FILL
        self.events = np.frombuffer(bytes(raw), EVENT)
        return n_events


class Forgetful(ReferenceCore):
    """Finds a unit that nobody had, from the 150th command on."""

    def state_bytes(self) -> bytes:
        self._state.accounts[1].balances[1].available += self.sequence >= SINCE
        return super().state_bytes()


class Silent(ReferenceCore):
    """Leaves out the last event of a command that has several, from the 150th on."""

    def apply(self, first: int, last: int) -> int:
        n_events = super().apply(first, last)
        return n_events - (self.sequence >= SINCE and n_events > 1)


def message_of(core_type: CoreType, seed: int) -> str:
    with pytest.raises(CoresDiffer) as caught:
        lockstep(TIGHT, seed, 1_000, core_type)
    return str(caught.value)


def test_a_wrong_fee_is_found_and_named(seed: int) -> None:
    message = message_of(Overcharging, seed)
    assert f"of scenario 'tight', seed {seed}" in message
    assert "expected FILL" in message
    assert "found    FILL" in message
    assert "differs  fee_units" in message
    assert f"--scenario tight --seed {seed} --commands " in message


def test_the_first_command_that_differs_is_named(seed: int) -> None:
    message = message_of(Forgetful, seed)
    assert f"at command {SINCE - 1} of" in message  # commands are counted from 0, sequence from 1
    assert "state      account 1, balance in currency 1: available" in message


def test_a_missing_event_is_told_in_full(seed: int) -> None:
    assert "expected alone: " in message_of(Silent, seed)


def test_equal_cores_pass_and_tell_their_mix(seed: int) -> None:
    mix = lockstep(TIGHT, seed, 300, ReferenceCore)
    assert mix.commands == 300
    assert mix.trades


def test_the_state_reads_back_as_its_documentation_says(seed: int) -> None:
    feed = Feed(SCENARIOS["paths"].core(ReferenceCore))
    flow = Flow(SCENARIOS["paths"], seed, feed.core)
    for _, command in zip(range(500), flow, strict=False):
        flow.observe(feed.apply(command))
    core, read = feed.core, list(parts(feed.core.state_bytes()))
    by_place = {part.where: part.fields for part in read}
    assert by_place["head"]["sequence"] == core.sequence == 500
    assert by_place["head"]["accounts"] == core.n_accounts
    for account in range(core.n_accounts):
        for currency in range(6):
            balance = by_place[f"account {account}, balance in currency {currency}"]
            assert (balance["available"], balance["held"]) == core.balance(account, currency)
    orders = [part.fields for part in read if part.where.split()[-1] in ("priority", "entry", "turn")]
    assert len(orders) == core.n_orders
    assert any(order["stop_price_ticks"] for order in orders)
    assert any(order["is_quote"] for order in orders)
    for instrument in range(len(SCENARIOS["paths"].pairs)):
        for side in Side:
            level = core.depth(instrument, side, 1)
            best = f"book {instrument}, {'bid' if side is Side.BUY else 'ask'} 0 in priority"
            assert (best in by_place) == bool(level)
            assert not level or by_place[best]["price_ticks"] == level[0][0]
    assert "after the triggered stops" not in by_place


def test_states_that_do_not_read_are_compared_by_bytes() -> None:
    assert first_difference(b"FXSTATE1abc", b"FXSTATE1abd") == "byte 10 (11 bytes expected, 11 found)"
