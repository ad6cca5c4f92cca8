"""Deposits, and tokens with every habit there is: only what came is credited, and a bad token harms itself alone."""

import pytest
from eth_account import Account

from fxengine.chain.head import keccak
from tests.contracts.test_batches import refused
from tests.contracts.venue_on_chain import VenueOnChain
from tests.contracts.world import (
    EXIT_DELAY_S,
    FOREVER,
    GENESIS,
    GUARDIAN,
    ISSUER,
    OPERATOR,
    OWNER,
    REGISTRAR,
    STRANGER,
    Contract,
    Refused,
    address,
)

WALLET = address("wallet")
HOLDER = VenueOnChain.who(2)


def with_odd(venue: VenueOnChain, name: str = "OddToken") -> tuple[Contract, int]:
    """List an odd token, of which account 2 has 1,000 in its wallet and has allowed the vault all."""
    token = venue.world.odd(name)
    tid = venue.list(token)
    token.call(OWNER, "mint", HOLDER, 1_000)
    token.call(HOLDER, "approve", venue.vault.address, 1_000)
    return token, tid


def solvent(venue: VenueOnChain) -> bool:
    return all(venue.liabilities(tid) <= venue.held(tid) for tid in range(len(venue.tokens)))


def test_a_deposit_is_credited_to_the_account_of_its_payer(venue: VenueOnChain) -> None:
    venue.fund(2, 1, 250)
    assert venue.vault.events() == [("Deposited", {"account": 2, "tid": 1, "units": 250, "by": HOLDER})]
    assert (venue.balance(2, 1), venue.liabilities(1), venue.held(1)) == (250, 250, 250)
    venue.fund(2, 1, 50)
    assert venue.balance(2, 1) == 300


@pytest.mark.parametrize(("decimals", "unit_decimals"), [(2, 2), (6, 4), (6, 6), (18, 6), (18, 4)])
def test_units_are_scaled_to_the_token_s_decimals_both_ways(decimals: int, unit_decimals: int) -> None:
    venue = VenueOnChain(n_tokens=0)
    venue.register(2)
    tid = venue.list(venue.world.stablecoin(decimals), unit_decimals)
    venue.fund(2, tid, 12_345)
    scale = 10 ** (decimals - unit_decimals)
    assert venue.held(tid) == 12_345 * scale
    assert venue.vault.view("token", tid)[1:] == (unit_decimals, scale)
    venue.vault.call(HOLDER, "request_withdraw", tid, 12_345)
    venue.world.later(EXIT_DELAY_S)
    venue.vault.call(HOLDER, "withdraw", tid, WALLET)
    assert (venue.tokens[tid].number("balanceOf", WALLET), venue.held(tid)) == (12_345 * scale, 0)


def test_who_may_not_deposit_is_told_why(venue: VenueOnChain) -> None:
    deposit = lambda who=HOLDER, tid=0, units=1: venue.vault.call(who, "deposit", tid, units)  # noqa: E731
    with refused("not registered"):
        deposit(STRANGER)
    with refused("no units"):
        deposit(units=0)
    with refused("no such token"):
        deposit(tid=6)
    with refused("too many units"):
        deposit(units=2**63)
    with refused("allowance too small"):  # the token's own reason
        deposit()
    venue.vault.call(REGISTRAR, "set_account", 2, venue.world.now - 1, False)
    with refused("kyc expired"):
        deposit()
    venue.vault.call(REGISTRAR, "set_account", 2, venue.world.now, False)
    with refused("allowance too small"):  # the last second counts
        deposit()
    venue.vault.call(REGISTRAR, "set_account", 2, FOREVER, True)
    with refused("account frozen"):
        deposit()
    venue.vault.call(GUARDIAN, "set_paused", True)
    with refused("paused"):
        deposit()


def test_a_token_s_total_stays_within_what_a_lane_holds(venue: VenueOnChain) -> None:
    venue.fund(2, 0, 2**63 - 2)
    venue.fund(3, 0, 1)
    with refused("too many units"):
        venue.fund(4, 0, 1)
    with refused("too many units"):
        venue.vault.call(HOLDER, "deposit_with_permit", 0, 2**255, 0, 27, b"\0" * 32, b"\0" * 32)


def test_a_permit_pays_in_without_an_allowance_and_also_when_somebody_handed_it_in_first(venue: VenueOnChain) -> None:
    account = Account.from_key(keccak(b"a holder who signs"))
    token = venue.tokens[0]
    venue.vault.call(REGISTRAR, "register", 9, account.address, FOREVER)
    token.call(ISSUER, "mint", account.address, 100)
    for units, is_first in ((60, False), (40, True)):
        signature = signed_permit(venue, token, account, units)
        if is_first:
            token.call(STRANGER, "permit", account.address, venue.vault.address, units, FOREVER, *signature)
        venue.vault.call(account.address, "deposit_with_permit", 0, units, FOREVER, *signature)
    assert (venue.balance(9, 0), venue.held(0)) == (100, 100)
    wrong = signed_permit(venue, token, account, 1)
    token.call(ISSUER, "mint", account.address, 100)
    with refused("allowance too small"):  # signed for one unit, not for two
        venue.vault.call(account.address, "deposit_with_permit", 0, 2, FOREVER, *wrong)


def signed_permit(venue: VenueOnChain, token: Contract, account: Account, units: int) -> tuple[int, bytes, bytes]:
    kinds = [("owner", "address"), ("spender", "address"), ("value", "uint256"), ("nonce", "uint256")]
    (domain,) = token.view("DOMAIN_SEPARATOR")
    kinds.append(("deadline", "uint256"))
    encoded = f"Permit({','.join(f'{kind} {name}' for name, kind in kinds)})".encode()
    words = [int(account.address, 16), int(venue.vault.address, 16), units]
    words += [token.number("nonces", account.address), FOREVER]
    content = keccak(keccak(encoded) + b"".join(word.to_bytes(32, "big") for word in words))
    assert isinstance(domain, bytes)
    signed = account.unsafe_sign_hash(keccak(b"\x19\x01" + domain + content))
    return signed.v, signed.r.to_bytes(32, "big"), signed.s.to_bytes(32, "big")


def test_a_token_that_answers_nothing_is_taken_and_paid_out(venue: VenueOnChain) -> None:
    token, tid = with_odd(venue, "SilentToken")
    venue.vault.call(HOLDER, "deposit", tid, 700)
    venue.vault.call(HOLDER, "request_withdraw", tid, 700)
    venue.world.later(EXIT_DELAY_S)
    venue.vault.call(HOLDER, "withdraw", tid, WALLET)
    assert token.number("balanceOf", WALLET) == 700


def test_a_token_that_says_false_is_not_believed_in_either_direction(venue: VenueOnChain) -> None:
    token, tid = with_odd(venue)
    token.call(OWNER, "set_false", True)
    with refused("transfer failed"):
        venue.vault.call(HOLDER, "deposit", tid, 10)
    token.call(OWNER, "set_false", False)
    venue.vault.call(HOLDER, "deposit", tid, 10)
    venue.vault.call(HOLDER, "request_withdraw", tid, 10)
    venue.world.later(EXIT_DELAY_S)
    token.call(OWNER, "set_false", True)
    with refused("transfer failed"):
        venue.vault.call(HOLDER, "withdraw", tid, WALLET)
    assert (venue.pending(2, tid), venue.liabilities(tid)) == (10, 10)  # nothing is lost: it is taken later
    token.call(OWNER, "set_false", False)
    venue.vault.call(HOLDER, "withdraw", tid, WALLET)


def test_a_token_that_charges_for_transfers_is_not_credited(venue: VenueOnChain) -> None:
    token, tid = with_odd(venue)
    token.call(OWNER, "set_fee", 1)
    with refused("other amount came"):
        venue.vault.call(HOLDER, "deposit", tid, 10)
    assert (venue.liabilities(tid), venue.held(tid)) == (0, 0)


def test_an_address_that_a_token_blocks_cannot_take_but_its_holder_names_another(venue: VenueOnChain) -> None:
    token, tid = with_odd(venue)
    venue.vault.call(HOLDER, "deposit", tid, 10)
    venue.vault.call(HOLDER, "request_withdraw", tid, 10)
    venue.world.later(EXIT_DELAY_S)
    token.call(OWNER, "block_address", HOLDER, True)
    with refused("blocked"):
        venue.vault.call(HOLDER, "withdraw", tid, HOLDER)
    venue.vault.call(HOLDER, "withdraw", tid, WALLET)
    assert token.number("balanceOf", WALLET) == 10


def test_a_vault_that_a_token_blocks_goes_on_in_all_others(venue: VenueOnChain) -> None:
    token, tid = with_odd(venue)
    venue.vault.call(HOLDER, "deposit", tid, 10)
    venue.fund(3, 0, 10)
    token.call(OWNER, "block_address", venue.vault.address, True)
    venue.settle((2, tid, -4), (3, tid, 4), (3, 0, -5), (2, 0, 5))  # books move, the token does not
    venue.vault.call(HOLDER, "request_withdraw", tid, 6)
    venue.vault.call(HOLDER, "request_withdraw", 0, 5)
    venue.world.later(EXIT_DELAY_S)
    with refused("blocked"):
        venue.vault.call(HOLDER, "withdraw", tid, WALLET)
    venue.vault.call(HOLDER, "withdraw", 0, WALLET)
    token.call(OWNER, "block_address", venue.vault.address, False)
    venue.vault.call(HOLDER, "withdraw", tid, WALLET)


def test_what_is_sent_to_the_vault_directly_is_surplus_and_nobody_s(venue: VenueOnChain) -> None:
    venue.fund(2, 0, 10)
    venue.tokens[0].call(ISSUER, "mint", HOLDER, 5)
    venue.tokens[0].call(HOLDER, "transfer", venue.vault.address, 5)
    assert (venue.liabilities(0), venue.held(0), venue.balance(2, 0)) == (10, 15, 10)
    venue.fund(3, 0, 7)  # credited by what came now, not by what lay there
    assert (venue.balance(3, 0), venue.liabilities(0), venue.held(0)) == (7, 17, 22)


REENTRANT = ["deposit", "deposit_with_permit", "request_withdraw", "cancel_withdraw", "withdraw", "settle_batch"]


def reentrant_calls(venue: VenueOnChain, tid: int) -> dict[str, bytes]:
    of = venue.vault.interface.function
    return {
        "deposit": of("deposit").call(tid, 10),
        "deposit_with_permit": of("deposit_with_permit").call(tid, 10, FOREVER, 27, b"\1" * 32, b"\1" * 32),
        "request_withdraw": of("request_withdraw").call(tid, 1),
        "cancel_withdraw": of("cancel_withdraw").call(tid),
        "withdraw": of("withdraw").call(tid, WALLET),
        "settle_batch": of("settle_batch").call(1, 10, 0, GENESIS, GENESIS, GENESIS, b""),
    }


@pytest.mark.parametrize("again", REENTRANT)
@pytest.mark.parametrize("first", ["deposit", "withdraw"])
def test_a_token_that_calls_back_gets_in_nowhere(venue: VenueOnChain, first: str, again: str) -> None:
    """The token is a holder and the operator at once, so that only the lock can stand in its way."""
    token, tid = with_odd(venue)
    me, vault = token.address, venue.vault
    vault.call(REGISTRAR, "register", 8, me, FOREVER)
    vault.call(OWNER, "set_role", 1, me)
    token.call(OWNER, "act", vault.address, vault.interface.function("accept_role").call(1))
    token.call(OWNER, "mint", me, 1_000)
    token.call(OWNER, "act", me, token.interface.function("approve").call(vault.address, 1_000))
    for call in ("deposit", "request_withdraw"):
        token.call(OWNER, "act", vault.address, reentrant_calls(venue, tid)[call])
    vault.call(HOLDER, "deposit", tid, 10)
    vault.call(HOLDER, "request_withdraw", tid, 10)
    venue.world.later(EXIT_DELAY_S)
    token.call(OWNER, "set_callback", vault.address, reentrant_calls(venue, tid)[again])
    books = (venue.balance(8, tid), venue.pending(8, tid), vault.view("status")[0])
    if first == "deposit":
        vault.call(HOLDER, "deposit", tid, 20)
        assert (venue.balance(2, tid), venue.liabilities(tid)) == (20, 40)
    else:
        vault.call(HOLDER, "withdraw", tid, WALLET)
        assert (token.number("balanceOf", WALLET), venue.liabilities(tid)) == (10, 10)
    assert token.view("called") == (True,)
    assert token.view("succeeded") == (False,)
    assert (venue.balance(8, tid), venue.pending(8, tid), vault.view("status")[0]) == books
    assert solvent(venue)


def test_what_the_lock_stops_works_without_it(venue: VenueOnChain) -> None:
    """The calls of the test above, made outside: each succeeds, so it was the lock that refused them."""
    token, tid = with_odd(venue)
    vault, me = venue.vault, token.address
    vault.call(REGISTRAR, "register", 8, me, FOREVER)
    token.call(OWNER, "mint", me, 1_000)
    token.call(OWNER, "act", me, token.interface.function("approve").call(vault.address, 1_000))
    calls = reentrant_calls(venue, tid)
    for name in ("deposit", "deposit_with_permit", "request_withdraw", "cancel_withdraw", "request_withdraw"):
        token.call(OWNER, "act", vault.address, calls[name])
    venue.world.later(EXIT_DELAY_S)
    token.call(OWNER, "act", vault.address, calls["withdraw"])
    vault.call(OPERATOR, "settle_batch", 1, 10, 0, GENESIS, GENESIS, GENESIS, b"")
    assert (venue.balance(8, tid), token.number("balanceOf", WALLET)) == (19, 1)


def test_only_the_owner_lists_a_token_once_with_decimals_that_the_units_fit(venue: VenueOnChain) -> None:
    coin = venue.world.stablecoin(2)
    listing = lambda who, decimals: venue.vault.call(who, "list_token", coin.address, decimals)  # noqa: E731
    with refused("not owner"):
        listing(STRANGER, 2)
    with refused("bad decimals"):
        listing(OWNER, 3)
    assert listing(OWNER, 2) == (6,)
    assert venue.vault.events() == [
        ("TokenListed", {"tid": 6, "token": coin.address.lower(), "unit_decimals": 2, "scale": 1})
    ]
    with refused("token listed"):
        listing(OWNER, 2)
    with pytest.raises(Refused):  # nothing there that has decimals
        venue.vault.call(OWNER, "list_token", WALLET, 2)
