"""Credentials by hand: how accounts open and renew, and what happens at the very nanosecond they end."""

from bench.flows import commands
from fxengine.codes import EventFlag, EventKind, OrdStatus, RejectReason
from fxengine.money import INT64_MAX
from tests.unit.reference.desk import EUR, MAKER, NEVER_NS, OTHER, PAYER, USD, Desk

GUEST = 6


def open_guest(
    desk: Desk,
    *,
    expires_ns: int = 100,
    permitted: tuple[int, ...] = (EUR, USD),
    issued_at_ns: int = 0,
    window: int = 1024,
) -> None:
    (event,) = desk.send(
        commands.credential(
            GUEST, "guest-1", permitted=permitted, expires_ns=expires_ns, issued_at_ns=issued_at_ns, window=window
        )
    )
    assert event.kind is EventKind.CREDENTIALED


def with_guest(expires_ns: int = 100) -> Desk:
    desk = Desk()
    open_guest(desk, expires_ns=expires_ns)
    desk.fund(GUEST, eur=100, usd=100)
    return desk


def test_an_account_opens_with_the_next_number_and_hears_its_window() -> None:
    desk = Desk()
    (event,) = desk.send(commands.credential(GUEST, "guest-1", permitted=(EUR,), window=64))
    assert (event.kind, event.account, event.account_stream) == (EventKind.CREDENTIALED, GUEST, 1)
    assert (event.client_order_id, event.quantity_lots) == (0, 64)
    assert desk.core.n_accounts == GUEST + 1


def test_numbers_are_given_in_turn() -> None:
    desk = Desk()
    for number in (0, 1, GUEST + 1):
        (event,) = desk.send(commands.credential(number, "guest-1", permitted=()))
        assert (event.kind, event.reason) == (EventKind.REJECTED, RejectReason.UNKNOWN_ACCOUNT)
        assert (event.account, event.account_stream) == (number, 0)


def test_a_window_is_a_power_of_two_from_16_to_a_million() -> None:
    desk = Desk()
    for window in (0, 8, 15, 24, 1 << 21):
        (event,) = desk.send(commands.credential(GUEST, "guest-1", permitted=(), window=window))
        assert event.reason == RejectReason.UNKNOWN_COMMAND
    open_guest(desk, window=16)


def test_a_renewal_needs_the_same_identity_and_no_older_token() -> None:
    desk = Desk()
    open_guest(desk, issued_at_ns=50, expires_ns=NEVER_NS)
    (event,) = desk.send(commands.credential(GUEST, "thief-1", permitted=(), issued_at_ns=60))
    assert event.reason == RejectReason.IDENTITY_MISMATCH
    (event,) = desk.send(commands.credential(GUEST, "guest-1", permitted=(), issued_at_ns=49))
    assert event.reason == RejectReason.CREDENTIAL_SUPERSEDED
    open_guest(desk, issued_at_ns=50, window=64)
    (event,) = desk.send(commands.credential(GUEST, "guest-1", permitted=(), issued_at_ns=51))
    assert (event.kind, event.quantity_lots) == (EventKind.CREDENTIALED, 1024)  # the window of the opening stays


def test_a_credential_that_has_ended_opens_nothing() -> None:
    desk = Desk()
    desk.now_ns = 100
    (event,) = desk.send(commands.credential(GUEST, "guest-1", permitted=(), expires_ns=100))
    assert event.reason == RejectReason.CREDENTIAL_EXPIRED
    open_guest(desk, expires_ns=101)


def test_at_its_end_every_order_leaves_in_the_order_of_client_ids() -> None:
    desk = with_guest()
    desk.sell(GUEST, 1, 9, client_order_id=3)
    desk.buy(GUEST, 1, 5, client_order_id=1)
    desk.sell(GUEST, 2, 8, client_order_id=2)
    assert desk.wait_until(99) == []
    events = desk.wait_until(100)
    assert [event.client_order_id for event in events] == [1, 2, 3]
    assert {(e.kind, e.reason, e.status, e.flags) for e in events} == {
        (EventKind.CANCELED, RejectReason.CREDENTIAL_EXPIRED, OrdStatus.EXPIRED, EventFlag.BOOK)
    }
    assert (desk.has(GUEST, EUR), desk.has(GUEST, USD)) == ((100, 0), (100, 0))
    assert desk.core.n_orders == 0


def test_the_orders_leave_before_the_command_that_brought_the_time() -> None:
    desk = with_guest()
    desk.sell(GUEST, 1, 8)
    desk.fund(PAYER, usd=100)
    desk.now_ns = 100
    canceled, accepted = desk.buy(PAYER, 1, 8)
    assert (canceled.kind, canceled.account) == (EventKind.CANCELED, GUEST)
    assert canceled.sequence == accepted.sequence
    assert accepted.flags == EventFlag.BOOK  # nothing was left to trade with


def test_accounts_end_by_time_and_then_by_number() -> None:
    desk = Desk()
    for number, expires_ns in ((6, 200), (7, 100), (8, 100)):
        desk.send(commands.credential(number, f"guest-{number}", permitted=(EUR, USD), expires_ns=expires_ns))
        desk.fund(number, eur=1)
        desk.sell(number, 1, 9)
    assert desk.core.next_deadline_ns == 100
    assert [event.account for event in desk.wait_until(500)] == [7, 8, 6]
    assert desk.core.next_deadline_ns == NEVER_NS


def test_a_renewal_in_time_keeps_the_orders() -> None:
    desk = with_guest()
    desk.sell(GUEST, 1, 9)
    open_guest(desk, expires_ns=300)
    assert desk.wait_until(299) == []
    assert desk.core.next_deadline_ns == 300
    assert len(desk.wait_until(300)) == 1


def test_a_shorter_renewal_ends_sooner() -> None:
    desk = with_guest(expires_ns=300)
    desk.sell(GUEST, 1, 9)
    open_guest(desk, expires_ns=200)
    assert len(desk.wait_until(200)) == 1


def test_a_credential_without_end_never_fires() -> None:
    desk = Desk()
    for account, subject in ((2, "operator-1"), (MAKER, "maker-1"), (PAYER, "payer-1"), (OTHER, "maker-2")):
        desk.send(commands.credential(account, subject, permitted=(), expires_ns=INT64_MAX))
    assert desk.core.next_deadline_ns == INT64_MAX
    assert desk.wait_until(INT64_MAX - 1) == []


def test_the_last_nanosecond_there_is_ends_even_that_one() -> None:
    desk = Desk()
    open_guest(desk, expires_ns=INT64_MAX)
    desk.fund(GUEST, eur=1)
    desk.sell(GUEST, 1, 9)
    assert [event.reason for event in desk.wait_until(INT64_MAX)] == [RejectReason.CREDENTIAL_EXPIRED]
    assert desk.core.next_deadline_ns == INT64_MAX


def test_afterwards_money_comes_and_goes_but_no_order_is_taken() -> None:
    desk = with_guest()
    desk.wait_until(100)
    assert desk.sell(GUEST, 1, 9)[0].reason == RejectReason.CREDENTIAL_EXPIRED
    assert desk.swap_in(GUEST, EUR, USD, 1)[0].reason == RejectReason.CREDENTIAL_EXPIRED
    desk.fund(GUEST, eur=1)
    assert desk.has(GUEST, EUR) == (101, 0)


def test_currencies_may_be_taken_away_for_new_orders() -> None:
    desk = with_guest(expires_ns=NEVER_NS)
    desk.sell(GUEST, 1, 9)
    open_guest(desk, expires_ns=NEVER_NS, permitted=(EUR,))
    assert desk.sell(GUEST, 1, 9)[0].reason == RejectReason.CURRENCY_NOT_PERMITTED
    assert desk.core.n_orders == 1
