"""The heap of dead-man timers under all it may meet, and guards and revocations that outgrow the events array."""

from random import Random

import numpy as np
import pytest

from bench.flows import Feed
from bench.flows.commands import cancel, credential, guard, new_order, revoke, time, token_of
from fxengine._core import Core
from fxengine.codes import EventKind, GuardAction, RejectReason, RevokeAction, Side
from fxengine.records import EVENT, Records
from tests.unit.core.trading_floor import CURRENCIES, FIRST_TRADER, OPERATOR, instruments, open_floor
from tests.unit.core.twin_floor import Twins

N_TRADERS = 200


def test_timers_set_moved_stopped_and_fired_at_random_are_those_of_the_reference(seed: int) -> None:
    twins, rng, now_ns = Twins(N_TRADERS), Random(seed), 0
    for _ in range(40):
        batch = bytearray()
        for _ in range(60):
            trader = FIRST_TRADER + rng.randrange(N_TRADERS)
            timeout_ns = rng.choice((0, 1, rng.randrange(1, 50), rng.randrange(1, 5_000)))
            batch += guard(trader, GuardAction.DEAD_MAN, timeout_ns=timeout_ns, time_ns=now_ns)
            if rng.random() < 0.3:
                number = twins.core.client_id_highest(trader) + 1
                twins.apply(
                    new_order(
                        trader, number, instrument=0, side=Side.BUY, price_ticks=5, quantity_lots=1, time_ns=now_ns
                    )
                )
        twins.apply(bytes(batch))
        now_ns += rng.randrange(300)
        twins.apply(time(now_ns))
    fired = twins.apply(time(now_ns + 10_000))
    assert set(fired["reason"]) == {RejectReason.DEAD_MAN_FIRED}
    assert twins.core.next_deadline_ns == 2**62, "only the credentials' ends are left"


def test_a_thousand_timers_come_in_order_of_due_and_account(seed: int) -> None:
    feed = Feed(Core(instruments(), n_currencies=2), n_records=1 << 14)
    accounts = range(2, 1_002)
    for account in accounts:
        feed.apply(credential(account, f"payer-{account}", permitted=CURRENCIES, window=16))
    rng = Random(seed)
    due = {account: rng.randrange(1, 300) for account in accounts}
    for account in rng.sample(accounts, len(accounts)):
        feed.apply(guard(account, GuardAction.DEAD_MAN, timeout_ns=rng.randrange(1, 400)))
        feed.apply(guard(account, GuardAction.DEAD_MAN, timeout_ns=due[account]))
    feed.core.check()
    fired = np.frombuffer(feed.apply(time(1_000)), EVENT)
    assert fired["account"].tolist() == sorted(accounts, key=lambda account: (due[account], account))
    assert set(fired["kind"]) == {EventKind.GUARDED}
    feed.core.check()


def full_floor() -> tuple[Feed, int]:
    """Two traders who share a token and have more orders each than the events array has room for.

    The guards over the first are set before: what they make room for must not be there when they act.
    """
    floor = open_floor(2, max_fills=1)
    floor.apply(guard(FIRST_TRADER, GuardAction.DEAD_MAN, timeout_ns=1))
    floor.apply(guard(FIRST_TRADER, GuardAction.WATCH, watching=1))
    for trader in (FIRST_TRADER, FIRST_TRADER + 1):
        shared = bytearray(credential(trader, f"trader-{trader}", permitted=CURRENCIES))
        shared[64 + 32 : 64 + 48] = token_of("shared-1", 0)
        floor.apply(bytes(shared))
    n = len(floor.core.events) + 50
    for trader in (FIRST_TRADER, FIRST_TRADER + 1):
        for start in range(1, n + 1, 1_000):
            floor.apply(
                b"".join(
                    new_order(trader, i, instrument=0, side=Side.BUY, price_ticks=5, quantity_lots=1)
                    for i in range(start, min(start + 1_000, n + 1))
                )
            )
    return floor, n


def acts(floor: Feed, what: str) -> Records:
    """Let all of the first trader's orders, or both's, end in one command; return its events."""
    if what == "dead man":
        return np.frombuffer(floor.apply(time(1)), EVENT)
    if what == "disconnected":
        return np.frombuffer(floor.apply(guard(FIRST_TRADER, GuardAction.DISCONNECTED)), EVENT)
    number = floor.core.client_id_highest(OPERATOR) + 1
    if what == "freeze":
        return np.frombuffer(floor.apply(revoke(OPERATOR, number, RevokeAction.FREEZE, target=FIRST_TRADER)), EVENT)
    token_id = token_of("shared-1", 0)
    return np.frombuffer(floor.apply(revoke(OPERATOR, number, RevokeAction.TOKEN, token_id=token_id)), EVENT)


@pytest.mark.parametrize("what", ["dead man", "disconnected", "freeze", "token"])
def test_more_orders_than_the_events_array_holds_end_in_one_command_each_once(what: str) -> None:
    floor, n = full_floor()
    capacity = len(floor.core.events)
    made = acts(floor, what)
    traders = (FIRST_TRADER, FIRST_TRADER + 1) if what == "token" else (FIRST_TRADER,)
    assert len(made) > capacity, "or this test proves nothing"
    assert len(set(made["sequence"])) == 1
    for trader in traders:
        ended = made[(made["account"] == trader) & (made["kind"] == EventKind.CANCELED)]
        assert ended["client_order_id"].tolist() == list(range(1, n + 1))
    assert floor.core.n_orders == n * (2 - len(traders))
    floor.core.check()


def test_tokens_in_any_order_are_found_and_others_are_not(seed: int) -> None:
    twins, rng = Twins(1), Random(seed)
    tokens = [bytes(rng.choice((0, 1, 127, 128, 255)) for _ in range(16)) for _ in range(400)]
    for token_id in tokens[:200]:
        number = twins.core.client_id_highest(OPERATOR) + 1
        twins.apply(revoke(OPERATOR, number, RevokeAction.TOKEN, token_id=token_id))
    revoked = set(tokens[:200]) - {bytes(16)}
    assert [twins.core.is_revoked(token_id) for token_id in tokens] == [token_id in revoked for token_id in tokens]


def test_the_first_and_the_last_account_lose_their_tokens_like_any_other() -> None:
    twins = Twins(3)
    last = FIRST_TRADER + 2
    number = twins.core.client_id_highest(OPERATOR) + 1
    for place, subject in enumerate((f"trader-{last}", "operator", "trader-nobody")):
        told = twins.apply(revoke(OPERATOR, number + place, RevokeAction.TOKEN, token_id=token_of(subject, 0)))
        kinds = told["kind"].tolist(), told["account"].tolist(), told["reason"].tolist()
        assert (
            kinds
            == [
                ([EventKind.REVOKED, EventKind.DONE], [last, OPERATOR], [RejectReason.TOKEN_REVOKED, 0]),
                ([EventKind.REVOKED, EventKind.DONE], [OPERATOR, OPERATOR], [RejectReason.TOKEN_REVOKED, 0]),
                ([EventKind.REJECTED], [OPERATOR], [RejectReason.TOKEN_REVOKED]),
            ][place]
        )


def test_a_state_without_guards_and_revocations_has_the_bytes_it_had_before_there_were_any() -> None:
    """A journal is sealed with the hash of its state: one from then must keep it."""
    floor = open_floor(2)
    for account in (FIRST_TRADER, FIRST_TRADER + 1):
        for number, side in enumerate((Side.BUY, Side.SELL), 1):
            price = 5 if side is Side.BUY else 4 + account
            floor.apply(
                new_order(account, number, instrument=0, side=side, price_ticks=price, quantity_lots=3, time_ns=9)
            )
    floor.apply(cancel(FIRST_TRADER, 3, orig_client_order_id=1))
    assert floor.core.state_hash() == SEALED_BEFORE


SEALED_BEFORE = "10ee9579553633373e93d0f3a487a6aa"
