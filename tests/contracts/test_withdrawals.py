"""Leaving: a request, a delay, and money out; and that nothing but a freeze of the account itself stops it."""

import pytest

from tests.contracts.test_batches import refused
from tests.contracts.venue_on_chain import VenueOnChain
from tests.contracts.world import (
    EXIT_DELAY_S,
    FOREVER,
    GUARDIAN,
    OPERATOR,
    REGISTRAR,
    SILENCE_S,
    STRANGER,
    address,
)

WALLET = address("wallet")


@pytest.fixture
def funded(venue: VenueOnChain) -> VenueOnChain:
    venue.fund(2, 0, 1_000)
    venue.fund(3, 0, 1_000)
    return venue


def request(venue: VenueOnChain, units: int = 600, account: int = 2) -> None:
    venue.vault.call(venue.who(account), "request_withdraw", 0, units)


def test_a_request_sets_units_apart_and_pays_them_after_the_delay_once(funded: VenueOnChain) -> None:
    request(funded)
    ready_at = funded.world.now + EXIT_DELAY_S
    assert funded.vault.events() == [
        ("WithdrawalRequested", {"account": 2, "tid": 0, "units": 600, "ready_at": ready_at})
    ]
    assert (funded.balance(2, 0), funded.vault.view("pending", 2, 0)) == (400, (600, ready_at))
    assert funded.liabilities(0) == 2_000
    funded.world.later(EXIT_DELAY_S - 1)
    with refused("too early"):
        funded.vault.call(funded.who(2), "withdraw", 0, WALLET)
    funded.world.later(1)
    funded.vault.call(funded.who(2), "withdraw", 0, WALLET)
    assert funded.vault.events() == [("Withdrawn", {"account": 2, "tid": 0, "units": 600, "to": WALLET})]
    assert funded.tokens[0].number("balanceOf", WALLET) == 600
    assert (funded.balance(2, 0), funded.liabilities(0), funded.held(0)) == (400, 1_400, 1_400)
    with refused("no request"):
        funded.vault.call(funded.who(2), "withdraw", 0, WALLET)


def test_a_request_never_expires(funded: VenueOnChain) -> None:
    request(funded)
    funded.world.later(10 * 365 * 86_400)
    funded.vault.call(funded.who(2), "withdraw", 0, WALLET)
    assert funded.tokens[0].number("balanceOf", WALLET) == 600


def test_a_cancelled_request_is_balance_again(funded: VenueOnChain) -> None:
    request(funded)
    funded.vault.call(funded.who(2), "cancel_withdraw", 0)
    assert funded.vault.events() == [("WithdrawalCancelled", {"account": 2, "tid": 0, "units": 600})]
    assert (funded.balance(2, 0), funded.pending(2, 0)) == (1_000, 0)
    with refused("no request"):
        funded.vault.call(funded.who(2), "cancel_withdraw", 0)
    funded.world.later(EXIT_DELAY_S)
    with refused("no request"):
        funded.vault.call(funded.who(2), "withdraw", 0, WALLET)


def test_one_request_for_a_token_at_a_time_and_never_for_more_than_there_is(funded: VenueOnChain) -> None:
    request(funded)
    with refused("request open"):
        request(funded, 1)
    with refused("balance too small"):
        request(funded, 1_001, account=3)
    with refused("no units"):
        request(funded, 0, account=3)
    with refused("no such token"):
        funded.vault.call(funded.who(3), "request_withdraw", 6, 1)
    with refused("no such token"):
        funded.vault.call(funded.who(3), "request_withdraw", 256, 1)
    with refused("not registered"):
        funded.vault.call(STRANGER, "request_withdraw", 0, 1)


def test_what_was_traded_away_meanwhile_is_taken_from_the_balance_then_from_the_request(funded: VenueOnChain) -> None:
    request(funded)
    funded.settle((2, 0, -400), (3, 0, 400))
    assert (funded.balance(2, 0), funded.pending(2, 0)) == (0, 600)
    funded.settle((2, 0, -100), (3, 0, 100))
    assert ("WithdrawalReduced", {"account": 2, "tid": 0, "units": 500}) in funded.vault.events()
    assert (funded.balance(2, 0), funded.pending(2, 0), funded.balance(3, 0)) == (0, 500, 1_500)
    funded.world.later(EXIT_DELAY_S)
    funded.vault.call(funded.who(2), "withdraw", 0, WALLET)
    assert funded.tokens[0].number("balanceOf", WALLET) == 500


def test_a_request_can_be_traded_away_whole_but_not_beyond(funded: VenueOnChain) -> None:
    request(funded)
    with refused("negative balance"):
        funded.settle((2, 0, -1_001), (3, 0, 1_001))
    funded.settle((2, 0, -1_000), (3, 0, 1_000))
    assert ("WithdrawalReduced", {"account": 2, "tid": 0, "units": 0}) in funded.vault.events()
    assert funded.vault.view("pending", 2, 0) == (0, 0)
    with refused("no request"):
        funded.vault.call(funded.who(2), "withdraw", 0, WALLET)
    funded.settle((3, 0, -5), (2, 0, 5))
    request(funded, 5)  # there is room for a new one


def test_a_request_in_one_token_leaves_its_neighbours_in_the_word_alone(funded: VenueOnChain) -> None:
    for tid in (1, 2, 3):
        funded.fund(2, tid, 10)
    request(funded, 1_000)
    funded.settle((2, 0, -1), (3, 0, 1), (2, 1, -10), (3, 1, 10), (2, 3, -4), (3, 3, 4))
    assert [funded.balance(2, tid) for tid in range(4)] == [0, 0, 10, 6]
    assert [funded.pending(2, tid) for tid in range(4)] == [999, 0, 0, 0]


def test_leaving_works_while_paused_and_with_an_expired_kyc(funded: VenueOnChain) -> None:
    funded.vault.call(GUARDIAN, "set_paused", True)
    funded.vault.call(REGISTRAR, "set_account", 2, 0, False)
    request(funded)
    funded.vault.call(funded.who(2), "cancel_withdraw", 0)
    request(funded)
    funded.world.later(EXIT_DELAY_S)
    funded.vault.call(funded.who(2), "withdraw", 0, WALLET)
    assert funded.tokens[0].number("balanceOf", WALLET) == 600


def test_a_frozen_account_neither_asks_nor_takes_and_others_are_not_touched(funded: VenueOnChain) -> None:
    request(funded)
    request(funded, account=3)
    funded.vault.call(REGISTRAR, "set_account", 2, FOREVER, True)
    funded.world.later(EXIT_DELAY_S)
    with refused("account frozen"):
        funded.vault.call(funded.who(2), "withdraw", 0, WALLET)
    funded.vault.call(funded.who(2), "cancel_withdraw", 0)
    with refused("account frozen"):
        request(funded)
    funded.vault.call(funded.who(3), "withdraw", 0, WALLET)
    funded.vault.call(REGISTRAR, "set_account", 2, FOREVER, False)
    request(funded)


def test_money_goes_out_to_any_address_but_none_and_the_vault(funded: VenueOnChain) -> None:
    request(funded)
    funded.world.later(EXIT_DELAY_S)
    for nobody in ("0x" + "00" * 20, funded.vault.address):
        with refused("bad receiver"):
            funded.vault.call(funded.who(2), "withdraw", 0, nobody)


def test_a_silent_operator_ends_the_vault_and_all_leave_at_once(funded: VenueOnChain) -> None:
    request(funded)
    funded.world.later(SILENCE_S)
    with refused("operator not silent"):
        funded.vault.call(STRANGER, "freeze")
    funded.world.later(1)
    funded.vault.call(STRANGER, "freeze")
    assert funded.vault.events() == [("Frozen", {"by": STRANGER})]
    frozen_since = funded.world.now
    funded.vault.call(funded.who(2), "withdraw", 0, WALLET)
    request(funded, 1_000, account=3)
    funded.vault.call(funded.who(3), "withdraw", 0, WALLET)  # the same second
    assert funded.tokens[0].number("balanceOf", WALLET) == 1_600
    for doing in (funded.settle, lambda: funded.vault.call(OPERATOR, "heartbeat")):
        with refused("frozen"):
            doing()
    with refused("frozen"):
        funded.vault.call(funded.who(3), "deposit", 0, 1)
    with refused("frozen"):
        funded.vault.call(STRANGER, "freeze")
    assert funded.vault.view("status")[4] == frozen_since


def test_a_heartbeat_keeps_a_quiet_vault_open_but_not_a_paused_one(funded: VenueOnChain) -> None:
    funded.world.later(SILENCE_S)
    funded.vault.call(OPERATOR, "heartbeat")
    assert funded.vault.events() == [("OperatorSeen", {"at": funded.world.now})]
    funded.world.later(SILENCE_S)
    with refused("operator not silent"):
        funded.vault.call(STRANGER, "freeze")
    with refused("not operator"):
        funded.vault.call(STRANGER, "heartbeat")
    funded.vault.call(GUARDIAN, "set_paused", True)
    with refused("paused"):
        funded.vault.call(OPERATOR, "heartbeat")
    funded.world.later(1)
    funded.vault.call(STRANGER, "freeze")  # so a pause cannot hold the vault for ever
