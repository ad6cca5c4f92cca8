"""What grows: events, client-id rings, the order pool, accounts. It grows in the middle of anything."""

from random import Random

import numpy as np
import pytest

from bench.flows import Feed
from bench.flows.commands import cancel, credential, new_order, time
from fxengine._core import Core
from fxengine.codes import FIRST_CLIENT_ACCOUNT, CommandKind, EventKind, RejectReason, Side
from fxengine.records import EVENT, STATUS_EVENT, Records
from fxengine.reference import Core as ReferenceCore
from tests.unit.core.trading_floor import CURRENCIES, FIRST_TRADER, instruments, open_floor

SEGMENT_IDS = 16


def bid(client_order_id: int, price_ticks: int = 5, *, account: int = FIRST_TRADER, quantity_lots: int = 1) -> bytes:
    return new_order(
        account, client_order_id, instrument=0, side=Side.BUY, price_ticks=price_ticks, quantity_lots=quantity_lots
    )


def events(feed: Feed, commands: bytes) -> Records:
    return np.frombuffer(feed.apply(commands), EVENT)


def test_a_batch_that_outgrows_the_events_array_reports_everything_in_order() -> None:
    floor = open_floor(max_fills=1)
    before = floor.core.events
    first = before[:1].tobytes()
    n = 3 * len(before)
    made = events(floor, b"".join(bid(i) for i in range(1, n + 1)))
    assert made["client_order_id"].tolist() == list(range(1, n + 1))
    assert set(made["kind"]) == {EventKind.ACCEPTED}
    assert floor.core.events is not before
    assert len(floor.core.events) >= n
    assert before[:1].tobytes() != first, "the old array holds the first events still"
    floor.core.check()


def test_one_command_that_ends_more_orders_than_the_events_array_holds_reports_each_once() -> None:
    floor = open_floor(2, expires_ns=1_000, max_fills=1)
    n = len(floor.core.events)
    for trader in (FIRST_TRADER, FIRST_TRADER + 1):
        for start in range(1, n + 1, 1_000):
            floor.apply(b"".join(bid(i, account=trader) for i in range(start, min(start + 1_000, n + 1))))
    assert len(floor.core.events) == n, "or this test proves nothing"
    ended = events(floor, time(1_000))
    assert len(ended) == 2 * n
    assert set(ended["reason"]) == {RejectReason.CREDENTIAL_EXPIRED}
    assert set(ended["sequence"]) == {floor.core.sequence}
    assert ended["account"].tolist() == [FIRST_TRADER] * n + [FIRST_TRADER + 1] * n
    assert ended["client_order_id"].tolist() == [*range(1, n + 1)] * 2
    assert floor.core.n_orders == 0
    floor.core.check()


def test_every_id_of_the_window_is_remembered_while_its_ring_grows() -> None:
    window = 1024
    floor = open_floor(window=window)
    for i in range(1, 3 * window):
        floor.apply(bid(i, price_ticks=i))
        for back in (1, SEGMENT_IDS, window // 2, window - 1):
            if i - back > 0:
                known = np.frombuffer(floor.apply(bid(i - back, price_ticks=i - back)), STATUS_EVENT)[0]
                assert (known["kind"], known["client_order_id"]) == (EventKind.ORDER_STATUS, i - back)
        if i > window:
            old = events(floor, bid(i - window, price_ticks=i - window))[0]
            assert old["reason"] == RejectReason.CLIENT_ID_TOO_OLD
    floor.core.check()


def test_a_late_id_does_not_push_out_the_segment_that_is_still_being_filled() -> None:
    floor = open_floor(window=128)
    assert events(floor, bid(80))[0]["kind"] == EventKind.ACCEPTED
    assert events(floor, bid(80 - 4 * SEGMENT_IDS))[0]["kind"] == EventKind.ACCEPTED, "the same place of a new ring"
    for known in (80, 80 - 4 * SEGMENT_IDS):
        assert events(floor, bid(known))[0]["kind"] == EventKind.ORDER_STATUS
    floor.core.check()


@pytest.mark.parametrize("window", [16, 128, 4096])
def test_ids_in_any_order_with_any_gaps_are_remembered_as_in_the_reference(window: int, seed: int) -> None:
    rng = Random(seed)
    feeds = [Feed(core(instruments(), n_currencies=2)) for core in (Core, ReferenceCore)]
    for feed in feeds:
        feed.apply(credential(2, "somebody", permitted=CURRENCIES, window=window))
    for step in range(1_500):
        highest = feeds[0].core.client_id_highest(2)
        wanted = rng.choice(
            [highest + 1, highest + rng.randint(1, window), highest - rng.randint(0, window), 2**64 - 1]
        )
        commands = bid(max(0, wanted), price_ticks=rng.randint(1, 3), account=2)
        assert feeds[0].apply(commands) == feeds[1].apply(commands)
        if step % 50 == 0:
            assert feeds[0].core.state_bytes() == feeds[1].core.state_bytes()
            feeds[0].core.check()
    assert feeds[0].core.state_bytes() == feeds[1].core.state_bytes()


def test_an_order_older_than_the_window_is_cancelled_by_its_order_id_and_when_its_owner_ends() -> None:
    window = 16
    floor = open_floor(window=window, expires_ns=1_000)
    entered = [events(floor, bid(i))[0]["order_id"] for i in range(1, 4 * window)]
    gone = events(floor, cancel(FIRST_TRADER, 0, order_id=int(entered[1])))[0]
    assert (gone["kind"], gone["client_order_id"]) == (EventKind.CANCELED, 2)
    ended = events(floor, time(1_000))
    assert ended["client_order_id"].tolist() == [1, *range(3, 4 * window)]
    floor.core.check()


def test_a_full_pool_refuses_and_goes_on_when_a_slot_is_free() -> None:
    floor = open_floor(max_orders=3)
    for i in (1, 2, 3):
        assert events(floor, bid(i))[0]["kind"] == EventKind.ACCEPTED
    refused = events(floor, bid(4))[0]
    assert (refused["kind"], refused["reason"]) == (EventKind.REJECTED, RejectReason.CAPACITY)
    assert refused["side"] == CommandKind.NEW_ORDER
    floor.apply(cancel(FIRST_TRADER, 0, orig_client_order_id=2))
    again = events(floor, bid(5))[0]
    assert again["kind"] == EventKind.ACCEPTED
    assert int(again["order_id"]) == 2 << 32 | 2, "the slot that was freed, used a second time"
    floor.core.check()


def test_accounts_keep_their_place_as_their_number_grows() -> None:
    n = 3_000
    floor = open_floor(n)
    floor.apply(b"".join(bid(1, account=FIRST_TRADER + i, price_ticks=i + 1) for i in range(n)))
    for i in (0, 1, 255, 256, 2_047, 2_048, n - 1):
        assert floor.core.balance(FIRST_TRADER + i, 1)[1] == i + 1
    assert floor.core.depth(0, Side.BUY, 2) == [(n, 1), (n - 1, 1)]
    floor.core.check()


@pytest.mark.parametrize("core_type", [Core, ReferenceCore])
def test_no_more_accounts_open_than_there_is_room_for_and_those_there_are_can_be_renewed(
    core_type: type[Core] | type[ReferenceCore],
) -> None:
    core = core_type(instruments(), n_currencies=2, max_accounts=FIRST_CLIENT_ACCOUNT + 2)
    feed = Feed(core)

    def reasons(*accounts: int) -> list[int]:
        renewals = (credential(account, f"trader-{account}", permitted=CURRENCIES) for account in accounts)
        return events(feed, b"".join(renewals))["reason"].tolist()

    assert reasons(FIRST_CLIENT_ACCOUNT, FIRST_CLIENT_ACCOUNT + 1) == [RejectReason.NONE] * 2
    assert reasons(FIRST_CLIENT_ACCOUNT + 2) == [RejectReason.CAPACITY]
    assert reasons(FIRST_CLIENT_ACCOUNT) == [RejectReason.NONE]
    assert core.n_accounts == FIRST_CLIENT_ACCOUNT + 2
    core.check()
