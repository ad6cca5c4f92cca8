"""Freezes and revoked tokens by hand: what is taken at once, what is refused, what stays, what comes back."""

import pytest

from bench.flows import Event, commands
from bench.flows.commands import NO_TOKEN, Quotes, token_of
from fxengine.codes import AccountFlag, EventKind, OrdStatus, OrdType, RejectReason, RevokeAction, Side
from tests.unit.reference.desk import EUR, MAKER, NEVER_NS, OPERATOR, OTHER, PAYER, USD, Desk

FREEZE, UNFREEZE, TOKEN = RevokeAction
MAKERS_TOKEN = token_of("maker-1", 0)
GUEST = 6


def floor() -> Desk:
    """A maker with an order, a quote and a waiting stop; a payer with an order."""
    desk = Desk()
    for account in (MAKER, PAYER, OTHER):
        desk.fund(account, eur=100, usd=100)
    desk.sell(MAKER, 3, 12)
    desk.quote(MAKER, Quotes(0, [(4, 1)]))
    desk.buy(MAKER, 1, 20, ord_type=OrdType.STOP, stop_price_ticks=15)
    desk.buy(PAYER, 2, 3)
    return desk


def revoke(desk: Desk, action: int, target: int = 0, token_id: bytes = NO_TOKEN, by: int = OPERATOR) -> list[Event]:
    return desk.send(commands.revoke(by, desk.next_id(by), action, target=target, token_id=token_id))


def bar(desk: Desk, reason: RejectReason) -> list[Event]:
    """Take from the maker what it has, either way."""
    if reason is RejectReason.ACCOUNT_FROZEN:
        return revoke(desk, FREEZE, MAKER)
    return revoke(desk, TOKEN, token_id=MAKERS_TOKEN)


def fresh(account: int = MAKER, issued_at_ns: int = 1, expires_ns: int = NEVER_NS) -> bytes:
    return commands.credential(
        account, "maker-1", permitted=range(4), window=16, issued_at_ns=issued_at_ns, expires_ns=expires_ns
    )


each_bar = pytest.mark.parametrize("reason", [RejectReason.ACCOUNT_FROZEN, RejectReason.TOKEN_REVOKED])


@each_bar
def test_all_orders_leave_at_once_and_both_sides_hear_it(reason: RejectReason) -> None:
    desk = floor()
    *canceled, told, done = bar(desk, reason)
    assert [(e.kind, e.account, e.client_order_id, e.reason, e.status) for e in canceled] == [
        (EventKind.CANCELED, MAKER, number, reason, OrdStatus.CANCELED) for number in (1, 2, 3)
    ]
    action = FREEZE if reason is RejectReason.ACCOUNT_FROZEN else TOKEN
    assert (told.kind, told.account, told.side, told.reason, told.client_order_id) == (
        EventKind.REVOKED, MAKER, action, reason, 0
    )  # fmt: skip
    target = MAKER if action == FREEZE else 0
    assert (done.kind, done.account, done.counterparty, done.amount_units) == (EventKind.DONE, OPERATOR, target, 3)
    assert desk.has(MAKER, EUR) == desk.has(MAKER, USD) == (100, 0)
    assert desk.core.n_orders == 1
    assert desk.core.is_frozen(MAKER) == (action == FREEZE)
    assert desk.core.is_revoked(MAKERS_TOKEN) == (action == TOKEN)


@each_bar
def test_whoever_is_barred_is_refused_everything_with_the_reason(reason: RejectReason) -> None:
    desk = floor()
    bar(desk, reason)
    for events in (
        desk.sell(MAKER, 1, 12),
        desk.cancel(MAKER, orig_client_order_id=1),
        desk.send(commands.cancel(MAKER, 0, order_id=2**32 + 1)),
        desk.amend(MAKER, 2**32 + 1, 5, 12),
        desk.mass_cancel(MAKER),
        desk.quote(MAKER, Quotes(0, [(4, 1)])),
        desk.swap_in(MAKER, EUR, USD, 1),
        desk.send(commands.deposit(MAKER, desk.next_id(MAKER), currency=EUR, beneficiary=MAKER, amount_units=1)),
        revoke(desk, FREEZE, PAYER, by=MAKER),
    ):
        assert [(event.kind, event.reason) for event in events] == [(EventKind.REJECTED, reason)]


@each_bar
def test_nobody_meets_what_it_had_and_nobody_pays_it(reason: RejectReason) -> None:
    desk = floor()
    bar(desk, reason)
    (accepted,) = desk.buy(PAYER, 1, 12)
    assert accepted.kind is EventKind.ACCEPTED, "its offer at 12 is gone"
    desk.buy(OTHER, 5, 2)
    (rejected,) = desk.swap_in(OTHER, EUR, USD, 1, payee=MAKER)
    assert rejected.reason == RejectReason.PAYEE_NOT_PERMITTED


@each_bar
def test_what_it_did_before_is_still_told_when_it_asks_again(reason: RejectReason) -> None:
    desk = floor()
    sent = commands.new_order(MAKER, 1, instrument=0, side=Side.SELL, price_ticks=12, quantity_lots=3)
    bar(desk, reason)
    (event,) = desk.send(sent)
    assert (event.kind, event.status, event.reason) == (EventKind.ORDER_STATUS, OrdStatus.CANCELED, reason)


def test_money_comes_to_a_frozen_account_but_none_leaves_it() -> None:
    desk = floor()
    revoke(desk, FREEZE, MAKER)
    desk.fund(MAKER, eur=5)
    assert desk.has(MAKER, EUR) == (105, 0)
    (event,) = desk.withdraw(MAKER, EUR, 1)
    assert (event.kind, event.reason) == (EventKind.REJECTED, RejectReason.ACCOUNT_FROZEN)
    revoke(desk, UNFREEZE, MAKER)
    revoke(desk, TOKEN, token_id=MAKERS_TOKEN)
    (event,) = desk.withdraw(MAKER, EUR, 1, by=MAKER)
    assert (event.kind, event.reason) == (EventKind.REJECTED, RejectReason.TOKEN_REVOKED)
    assert [event.kind for event in desk.pay_out(MAKER, EUR, 1)] == [EventKind.WITHDRAWN, EventKind.DONE]


def test_released_it_has_what_its_credential_holds() -> None:
    desk = floor()
    revoke(desk, FREEZE, MAKER)
    (event,) = desk.send(fresh())
    assert (event.kind, event.reason) == (EventKind.REJECTED, RejectReason.ACCOUNT_FROZEN)
    told, done = revoke(desk, UNFREEZE, MAKER)
    assert (told.kind, told.account, told.side, told.reason) == (EventKind.REVOKED, MAKER, UNFREEZE, 0)
    assert (done.kind, done.counterparty, done.amount_units) == (EventKind.DONE, MAKER, 0)
    (accepted,) = desk.sell(MAKER, 1, 12)
    assert accepted.kind is EventKind.ACCEPTED


def test_a_credential_ends_also_while_it_is_frozen() -> None:
    desk = floor()
    desk.send(fresh(expires_ns=100))
    revoke(desk, FREEZE, MAKER)
    assert desk.core.next_deadline_ns == 100
    assert desk.wait_until(100) == []
    revoke(desk, UNFREEZE, MAKER)
    (event,) = desk.sell(MAKER, 1, 12)
    assert event.reason == RejectReason.CREDENTIAL_EXPIRED


def test_after_a_freeze_and_release_the_credential_still_ends_when_it_should() -> None:
    desk = floor()
    desk.send(fresh(expires_ns=100))
    revoke(desk, FREEZE, MAKER)
    desk.core.next_deadline_ns  # noqa: B018 - asking must not lose the timer
    revoke(desk, UNFREEZE, MAKER)
    desk.sell(MAKER, 1, 12)
    (event,) = desk.wait_until(100)
    assert (event.kind, event.reason) == (EventKind.CANCELED, RejectReason.CREDENTIAL_EXPIRED)


def test_a_revoked_token_opens_no_door_ever_again_and_a_fresh_one_does() -> None:
    desk = floor()
    revoke(desk, TOKEN, token_id=MAKERS_TOKEN)
    for again in (fresh(issued_at_ns=0), fresh(GUEST, issued_at_ns=0)):
        (event,) = desk.send(again)
        assert (event.kind, event.reason) == (EventKind.REJECTED, RejectReason.TOKEN_REVOKED)
    assert desk.core.n_accounts == GUEST
    (event,) = desk.send(fresh(issued_at_ns=1))
    assert event.kind is EventKind.CREDENTIALED
    assert desk.sell(MAKER, 1, 12)[0].kind is EventKind.ACCEPTED
    assert desk.core.is_revoked(MAKERS_TOKEN)


def test_a_token_may_be_revoked_before_it_is_ever_shown() -> None:
    desk = floor()
    (done,) = revoke(desk, TOKEN, token_id=token_of("guest-1", 0))
    assert (done.kind, done.amount_units) == (EventKind.DONE, 0)
    (event,) = desk.send(commands.credential(GUEST, "guest-1", permitted=()))
    assert event.reason == RejectReason.TOKEN_REVOKED


def test_revoking_the_token_before_the_present_one_bars_nobody() -> None:
    desk = floor()
    desk.send(fresh(issued_at_ns=1))
    assert [event.kind for event in revoke(desk, TOKEN, token_id=MAKERS_TOKEN)] == [EventKind.DONE]
    assert desk.sell(MAKER, 1, 12)[0].kind is EventKind.ACCEPTED


def test_frozen_and_revoked_it_needs_both_to_be_lifted() -> None:
    desk = floor()
    revoke(desk, TOKEN, token_id=MAKERS_TOKEN)
    revoke(desk, FREEZE, MAKER)
    assert desk.sell(MAKER, 1, 12)[0].reason == RejectReason.ACCOUNT_FROZEN
    revoke(desk, UNFREEZE, MAKER)
    assert desk.sell(MAKER, 1, 12)[0].reason == RejectReason.TOKEN_REVOKED
    desk.send(fresh())
    assert desk.sell(MAKER, 1, 12)[0].kind is EventKind.ACCEPTED


@pytest.mark.parametrize("action", RevokeAction)
def test_done_again_it_does_no_harm(action: RevokeAction) -> None:
    desk = floor()
    what = {"token_id": MAKERS_TOKEN} if action is TOKEN else {"target": MAKER}
    first = revoke(desk, action, **what)
    again = revoke(desk, action, **what)
    assert [event.kind for event in again] == [EventKind.REVOKED, EventKind.DONE]
    assert again[-1].amount_units == 0
    assert first[-1].amount_units == (0 if action is UNFREEZE else 3)


def test_sent_again_it_is_answered() -> None:
    desk = floor()
    command = commands.revoke(OPERATOR, desk.next_id(OPERATOR), FREEZE, target=MAKER)
    desk.send(command)
    (event,) = desk.send(command)
    assert (event.kind, event.status, event.cum_lots) == (EventKind.ORDER_STATUS, OrdStatus.FILLED, 3)


def test_only_an_operator_may_and_only_what_there_is() -> None:
    desk = floor()
    for by, action, target, reason in (
        (MAKER, FREEZE, PAYER, RejectReason.NOT_AUTHORIZED),
        (MAKER, 9, PAYER, RejectReason.NOT_AUTHORIZED),
        (OPERATOR, 0, MAKER, RejectReason.UNKNOWN_COMMAND),
        (OPERATOR, 4, MAKER, RejectReason.UNKNOWN_COMMAND),
        (OPERATOR, TOKEN, 0, RejectReason.UNKNOWN_COMMAND),
        (OPERATOR, FREEZE, GUEST, RejectReason.UNKNOWN_ACCOUNT),
        (OPERATOR, UNFREEZE, 1, RejectReason.UNKNOWN_ACCOUNT),
        (OPERATOR, FREEZE, 0, RejectReason.UNKNOWN_ACCOUNT),
    ):
        (event,) = revoke(desk, action, target, by=by)
        assert (event.kind, event.reason) == (EventKind.REJECTED, reason)
    assert desk.core.n_orders == 4


def test_an_operator_may_freeze_itself_and_another_releases_it() -> None:
    desk = floor()
    revoke(desk, FREEZE, OPERATOR)
    (event,) = revoke(desk, UNFREEZE, OPERATOR)
    assert event.reason == RejectReason.ACCOUNT_FROZEN
    desk.send(commands.credential(GUEST, "operator-2", permitted=(), flags=AccountFlag.OPERATOR))
    revoke(desk, UNFREEZE, OPERATOR, by=GUEST)
    assert not desk.core.is_frozen(OPERATOR)


def test_two_accounts_by_tokens_of_one_id_both_lose_them() -> None:
    """A jti is unique per issuer only, and what is revoked by it is revoked wherever it is."""
    desk = floor()
    twin = bytearray(commands.credential(GUEST, "guest-1", permitted=range(4)))
    twin[64 + 32 : 64 + 48] = MAKERS_TOKEN
    desk.send(bytes(twin))
    events = revoke(desk, TOKEN, token_id=MAKERS_TOKEN)
    assert [event.account for event in events] == [MAKER] * 4 + [GUEST, OPERATOR]


def test_marks_and_tokens_stand_in_the_state_ascending() -> None:
    desk = floor()
    before = len(desk.core.state_bytes())
    tokens = [token_of("nobody-1", number) for number in range(9)]
    for token_id in tokens:
        revoke(desk, TOKEN, token_id=token_id)
    revoke(desk, FREEZE, OTHER)
    state = desk.core.state_bytes()
    marks = b"".join(n.to_bytes(size, "little") for n, size in ((1, 4), (OTHER, 4), (1, 4), (0, 8), (9, 4)))
    assert state.endswith(marks + b"".join(sorted(tokens)))
    outcomes = 10 * 56
    assert len(state) == before + outcomes + len(marks) + 9 * 16
