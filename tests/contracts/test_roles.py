"""Roles pass on in two steps, accounts are bound once each way, and each power belongs to one role."""

import pytest

from fxengine.chain.calldata import Value
from tests.contracts.test_batches import refused
from tests.contracts.venue_on_chain import VenueOnChain
from tests.contracts.world import (
    FOREVER,
    GENESIS,
    GUARDIAN,
    OPERATOR,
    OWNER,
    REGISTRAR,
    STRANGER,
    World,
    address,
)

NOBODY = "0x" + "00" * 20
HEIR = address("heir")
ROLES = [OWNER, OPERATOR, GUARDIAN, REGISTRAR]


@pytest.mark.parametrize("role", range(4))
def test_a_role_passes_on_when_it_is_taken_and_not_before(venue: VenueOnChain, role: int) -> None:
    with refused("not offered"):
        venue.vault.call(HEIR, "accept_role", role)
    venue.vault.call(OWNER, "set_role", role, HEIR)
    assert venue.vault.events() == [("RoleOffered", {"role": role, "who": HEIR})]
    assert venue.vault.view("role", role) == (ROLES[role], HEIR)
    with refused("not offered"):
        venue.vault.call(STRANGER, "accept_role", role)
    venue.vault.call(HEIR, "accept_role", role)
    assert venue.vault.events() == [("RoleTaken", {"role": role, "who": HEIR})]
    assert venue.vault.view("role", role) == (HEIR, NOBODY)
    with refused("not offered"):  # once
        venue.vault.call(HEIR, "accept_role", role)


def test_an_offer_can_be_withdrawn_and_only_the_owner_makes_one(venue: VenueOnChain) -> None:
    venue.vault.call(OWNER, "set_role", 1, HEIR)
    venue.vault.call(OWNER, "set_role", 1, NOBODY)
    with refused("not offered"):
        venue.vault.call(HEIR, "accept_role", 1)
    for who in (OPERATOR, GUARDIAN, REGISTRAR, STRANGER):
        with refused("not owner"):
            venue.vault.call(who, "set_role", 0, who)
    for name, values in (("set_role", (4, HEIR)), ("accept_role", (4,)), ("role", (4,))):
        with refused("no such role"):
            venue.vault.call(OWNER, name, *values)


POWERS: list[tuple[str, str, tuple[Value, ...], str]] = [
    (OPERATOR, "settle_batch", (1, 1, 0, GENESIS, GENESIS, GENESIS, b""), "not operator"),
    (OPERATOR, "heartbeat", (), "not operator"),
    (GUARDIAN, "set_paused", (True,), "not guardian"),
    (REGISTRAR, "register", (50, HEIR, 0), "not registrar"),
    (REGISTRAR, "set_account", (50, 0, True), "not registrar"),
    (OWNER, "set_role", (1, HEIR), "not owner"),
]


@pytest.mark.parametrize(("has", "name", "values", "because"), POWERS, ids=[power[1] for power in POWERS])
def test_a_power_is_one_role_s_alone(
    venue: VenueOnChain, has: str, name: str, values: tuple[Value, ...], because: str
) -> None:
    for who in {*ROLES, STRANGER, venue.who(2)} - {has}:
        with refused(because):
            venue.vault.call(who, name, *values)
    venue.vault.call(has, name, *values)


def test_an_account_and_an_address_are_bound_once_each(venue: VenueOnChain) -> None:
    register = lambda account, who: venue.vault.call(REGISTRAR, "register", account, who, FOREVER)  # noqa: E731
    register(50, HEIR)
    assert venue.vault.events() == [
        ("Registered", {"account": 50, "who": HEIR}),
        ("AccountSet", {"account": 50, "kyc_until": FOREVER, "frozen": False}),
    ]
    assert venue.vault.view("holder", 50) == (HEIR, FOREVER, False)
    assert venue.vault.number("account_of", HEIR) == 50
    with refused("account bound"):
        register(50, STRANGER)
    with refused("address bound"):
        register(51, HEIR)
    for account in (1, 2**32):
        with refused("bad account"):
            register(account, STRANGER)
        with refused("bad account"):
            venue.vault.call(REGISTRAR, "set_account", account, 0, True)
    for nobody in (NOBODY, venue.vault.address):
        with refused("no address"):
            register(51, nobody)
    for who in (STRANGER, NOBODY):
        with refused("not registered"):
            venue.vault.view("account_of", who)


def test_the_fees_account_is_bound_like_any_and_whoever_is_not_is_nobody(venue: VenueOnChain) -> None:
    assert venue.vault.number("account_of", venue.who(0)) == 0
    fresh = VenueOnChain(n_tokens=1)
    with refused("not registered"):  # not account 0, though that is what an unset number reads as
        fresh.vault.call(STRANGER, "request_withdraw", 0, 1)


def test_a_pause_stops_settlement_and_is_taken_back(venue: VenueOnChain) -> None:
    venue.vault.call(GUARDIAN, "set_paused", True)
    assert venue.vault.events() == [("PausedSet", {"paused": True})]
    assert venue.vault.view("status")[3] is True
    with refused("paused"):
        venue.settle()
    venue.vault.call(GUARDIAN, "set_paused", False)
    venue.settle()


@pytest.mark.parametrize(
    ("terms", "because"),
    [
        ({"exit_delay_s": 0}, "bad delay"),
        ({"exit_delay_s": 30 * 86_400 + 1}, "bad delay"),
        ({"silence_s": 0}, "bad silence"),
        ({"silence_s": 90 * 86_400 + 1}, "bad silence"),
        ({"roles": (OWNER, NOBODY, GUARDIAN, REGISTRAR)}, "no address"),
    ],
)
def test_a_vault_is_not_made_with_terms_that_would_hold_money_back(terms: dict[str, object], because: str) -> None:
    with refused(because):
        World().vault(**terms)  # type: ignore[arg-type]


def test_the_terms_are_read_as_they_were_set(venue: VenueOnChain) -> None:
    assert venue.vault.view("terms") == (3_600, 86_400, GENESIS)
    for call, values in (("balance_of", (2**32, 0)), ("pending", (0, 256))):
        with refused("bad account"):
            venue.vault.view(call, *values)
    with refused("no such token"):
        venue.vault.view("liabilities", 256)
