"""Guards by hand: the dead man's due time to the nanosecond, and who hears what when a connection is gone."""

import pytest

from bench.flows import Event, commands
from bench.flows.commands import Quotes
from fxengine.codes import CommandKind, EventFlag, EventKind, GuardAction, OrdStatus, RejectReason, TimeInForce
from fxengine.money import INT64_MAX
from tests.unit.reference.desk import EUR, MAKER, NEVER_NS, OPERATOR, OTHER, PAYER, USD, Desk

GUEST = 6


def floor() -> Desk:
    """A maker with two orders and a quote, another maker with one order."""
    desk = Desk()
    desk.fund(MAKER, eur=100, usd=100)
    desk.fund(OTHER, eur=100)
    desk.sell(MAKER, 3, 12)
    desk.buy(MAKER, 2, 5)
    desk.quote(MAKER, Quotes(0, [(4, 1)]))
    desk.sell(OTHER, 4, 12)
    return desk


def guard(desk: Desk, account: int, action: int, **setting: int) -> list[Event]:
    return desk.send(commands.guard(account, action, **setting))


def dead_man(desk: Desk, account: int, timeout_ns: int) -> list[Event]:
    return guard(desk, account, GuardAction.DEAD_MAN, timeout_ns=timeout_ns)


def told(event: Event) -> tuple[int, ...]:
    """All that a GUARDED says."""
    assert event.kind is EventKind.GUARDED
    assert (event.client_order_id, event.order_id, event.leaves_lots, event.cum_lots) == (0, 0, 0, 0)
    return event.account, event.side, event.quantity_lots, event.reason


def test_a_dead_man_ends_all_orders_and_quotes_when_he_is_due_and_not_before() -> None:
    desk = floor()
    desk.now_ns = 50
    (event,) = dead_man(desk, MAKER, 100)
    assert told(event) == (MAKER, GuardAction.DEAD_MAN, 100, RejectReason.NONE)
    assert desk.core.next_deadline_ns == 150
    assert desk.wait_until(149) == []
    *canceled, last = desk.wait_until(150)
    assert [(e.client_order_id, e.quantity_lots) for e in canceled] == [(1, 3), (2, 2), (3, 1)]
    assert {(e.kind, e.account, e.reason, e.status, e.flags) for e in canceled} == {
        (EventKind.CANCELED, MAKER, RejectReason.DEAD_MAN_FIRED, OrdStatus.CANCELED, EventFlag.BOOK)
    }
    assert told(last) == (MAKER, GuardAction.DEAD_MAN, 0, RejectReason.DEAD_MAN_FIRED)
    assert desk.has(MAKER, EUR) == desk.has(MAKER, USD) == (100, 0)
    assert desk.core.depth(0, 2, 9) == [(12, 4)], "the other maker's order stays"
    assert desk.core.next_deadline_ns == NEVER_NS, "the credentials'"


def test_it_fires_once_and_the_account_trades_on() -> None:
    desk = floor()
    dead_man(desk, MAKER, 100)
    desk.wait_until(100)
    assert desk.wait_until(1_000) == []
    (accepted,) = desk.sell(MAKER, 1, 12)
    assert accepted.kind is EventKind.ACCEPTED


def test_setting_it_again_counts_from_then_be_it_later_or_sooner() -> None:
    desk = floor()
    dead_man(desk, MAKER, 100)
    desk.now_ns = 90
    dead_man(desk, MAKER, 100)
    assert desk.wait_until(189) == []
    desk.now_ns = 189
    dead_man(desk, MAKER, 5)
    assert desk.core.next_deadline_ns == 194
    assert desk.wait_until(194)


def test_a_command_at_the_due_time_comes_too_late_to_save_the_orders() -> None:
    desk = floor()
    dead_man(desk, MAKER, 100)
    desk.now_ns = 100
    events = dead_man(desk, MAKER, 100)
    assert [event.kind for event in events] == [EventKind.CANCELED] * 3 + [EventKind.GUARDED] * 2
    assert [event.reason for event in events[3:]] == [RejectReason.DEAD_MAN_FIRED, RejectReason.NONE]
    assert desk.core.next_deadline_ns == 200


def test_a_timeout_of_zero_stops_it() -> None:
    desk = floor()
    dead_man(desk, MAKER, 100)
    desk.now_ns = 50
    (event,) = dead_man(desk, MAKER, 0)
    assert told(event) == (MAKER, GuardAction.DEAD_MAN, 0, RejectReason.NONE)
    assert desk.core.next_deadline_ns == NEVER_NS
    assert desk.wait_until(1_000) == []
    assert desk.core.n_orders == 4


def test_setting_it_ten_thousand_times_leaves_one_timer() -> None:
    desk = floor()
    marks = {len(desk.core.state_bytes())}
    for timeout_ns in range(10_000, 0, -1):
        dead_man(desk, MAKER, timeout_ns + 5)
        dead_man(desk, MAKER, 10_000)
    assert len(desk.core._timers.dead_men) == 1
    assert len(desk.core.state_bytes()) == marks.pop() + 8 + 16


def test_dead_men_due_at_once_come_by_account_after_credentials_and_orders() -> None:
    desk = floor()
    desk.send(commands.credential(GUEST, "guest-1", permitted=(EUR, USD), expires_ns=100))
    desk.fund(GUEST, eur=1)
    desk.sell(GUEST, 1, 13)
    desk.buy(MAKER, 1, 3, time_in_force=TimeInForce.GTD, expire_ns=100)
    for account in (GUEST, OTHER, MAKER):
        dead_man(desk, account, 100)
    events = desk.wait_until(100)
    assert [(event.account, event.reason) for event in events] == [
        (GUEST, RejectReason.CREDENTIAL_EXPIRED),
        (MAKER, RejectReason.ORDER_EXPIRED),
        *[(MAKER, RejectReason.DEAD_MAN_FIRED)] * 4,
        *[(OTHER, RejectReason.DEAD_MAN_FIRED)] * 2,
        (GUEST, RejectReason.DEAD_MAN_FIRED),
    ]  # fmt: skip


def test_an_order_that_the_dead_man_took_does_not_expire_a_second_time() -> None:
    desk = floor()
    desk.buy(MAKER, 1, 3, time_in_force=TimeInForce.GTD, expire_ns=101)
    dead_man(desk, MAKER, 100)
    events = desk.wait_until(200)
    assert [event.reason for event in events] == [RejectReason.DEAD_MAN_FIRED] * 5


def test_a_lost_connection_ends_the_orders_of_who_watches_once() -> None:
    desk = floor()
    (event,) = guard(desk, MAKER, GuardAction.WATCH, watching=1)
    assert told(event) == (MAKER, GuardAction.WATCH, 1, RejectReason.NONE)
    assert desk.core.watching() == [MAKER]
    *canceled, last = guard(desk, MAKER, GuardAction.DISCONNECTED)
    assert [(e.kind, e.reason, e.client_order_id) for e in canceled] == [
        (EventKind.CANCELED, RejectReason.DISCONNECTED, number) for number in (1, 2, 3)
    ]
    assert told(last) == (MAKER, GuardAction.DISCONNECTED, 0, RejectReason.DISCONNECTED)
    assert desk.core.watching() == []
    desk.sell(MAKER, 1, 12)
    (event,) = guard(desk, MAKER, GuardAction.DISCONNECTED)
    assert told(event) == (MAKER, GuardAction.DISCONNECTED, 0, RejectReason.NONE)
    assert desk.core.n_orders == 2


def test_who_does_not_watch_any_more_loses_nothing() -> None:
    desk = floor()
    guard(desk, MAKER, GuardAction.WATCH, watching=1)
    (event,) = guard(desk, MAKER, GuardAction.WATCH, watching=0)
    assert told(event) == (MAKER, GuardAction.WATCH, 0, RejectReason.NONE)
    assert len(guard(desk, MAKER, GuardAction.DISCONNECTED)) == 1
    assert desk.core.n_orders == 4


def test_watching_accounts_are_told_in_order() -> None:
    desk = floor()
    for account in (OTHER, OPERATOR, PAYER):
        guard(desk, account, GuardAction.WATCH, watching=1)
    assert desk.core.watching() == [OPERATOR, PAYER, OTHER]


def test_a_guard_is_taken_from_whom_nothing_else_is_taken() -> None:
    desk = floor()
    desk.send(commands.credential(GUEST, "guest-1", permitted=(EUR,), expires_ns=100))
    desk.wait_until(100)
    assert told(dead_man(desk, GUEST, 7)[0]) == (GUEST, GuardAction.DEAD_MAN, 7, RejectReason.NONE)


def test_it_has_no_client_id_and_is_done_each_time() -> None:
    desk = floor()
    for _ in range(3):
        (event,) = dead_man(desk, MAKER, 100)
        assert event.kind is EventKind.GUARDED
    assert desk.core.client_id_highest(MAKER) == 3, "the orders' and the quote's"


@pytest.mark.parametrize(
    "wrong",
    [
        {"action": 0}, {"action": 4}, {"timeout_ns": -1}, {"timeout_ns": INT64_MAX - 9}, {"watching": 2},
        {"client_order_id": 4},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_no_guard_is_refused_and_changes_nothing(wrong: dict[str, int]) -> None:
    desk = floor()
    desk.wait_until(10)
    guard(desk, MAKER, GuardAction.WATCH, watching=1)
    before = desk.core.watching(), desk.core.n_orders, desk.core.next_deadline_ns
    (event,) = guard(desk, MAKER, wrong.pop("action", GuardAction.DISCONNECTED), **wrong)
    assert (event.kind, event.side, event.reason) == (
        EventKind.REJECTED, CommandKind.GUARD, RejectReason.UNKNOWN_COMMAND
    )  # fmt: skip
    assert (desk.core.watching(), desk.core.n_orders, desk.core.next_deadline_ns) == before


def test_the_longest_timeout_is_due_at_the_end_of_time() -> None:
    desk = floor()
    desk.wait_until(10)
    assert told(dead_man(desk, MAKER, INT64_MAX - 10)[0])[2] == INT64_MAX - 10
    assert {event.reason for event in desk.wait_until(INT64_MAX - 1)} == {RejectReason.CREDENTIAL_EXPIRED}
    assert desk.core.next_deadline_ns == INT64_MAX
    (event,) = desk.wait_until(INT64_MAX)
    assert told(event) == (MAKER, GuardAction.DEAD_MAN, 0, RejectReason.DEAD_MAN_FIRED)


@pytest.mark.parametrize("nobody", [0, 1, GUEST, 2**32 - 1])
def test_nobody_has_no_guard(nobody: int) -> None:
    (event,) = dead_man(floor(), nobody, 5)
    assert (event.kind, event.reason, event.account_stream) == (EventKind.REJECTED, RejectReason.UNKNOWN_ACCOUNT, 0)


def test_guards_stand_in_the_state_and_leave_no_trace_when_they_are_gone() -> None:
    desk = floor()
    before = desk.core.state_bytes()
    dead_man(desk, MAKER, NEVER_NS)
    guard(desk, OTHER, GuardAction.WATCH, watching=1)
    guarded = desk.core.state_bytes()
    assert len(guarded) == len(before) + 4 + 2 * 16 + 4
    assert guarded[-40:] == b"".join(
        number.to_bytes(n_bytes, "little")
        for number, n_bytes in ((2, 4), (MAKER, 4), (0, 4), (NEVER_NS, 8), (OTHER, 4), (4, 4), (0, 8), (0, 4))
    )
    dead_man(desk, MAKER, 0)
    guard(desk, OTHER, GuardAction.WATCH, watching=0)
    assert len(desk.core.state_bytes()) == len(before)
