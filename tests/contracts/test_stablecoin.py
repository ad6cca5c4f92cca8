"""The stablecoin: ERC-20 as others rely on it, permits, and an issuer whose supply is there to read."""

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data

from fxengine.chain.calldata import Value
from fxengine.chain.head import keccak
from fxengine.contracts import STABLECOIN, load
from tests.contracts.test_batches import refused
from tests.contracts.world import FOREVER, GUARDIAN, ISSUER, OWNER, STRANGER, Contract, Refused, World, address

ALICE, BOB = address("alice"), address("bob")
NOBODY = "0x" + "00" * 20
MAX = 2**256 - 1
COMPLIANCE = GUARDIAN
CHAIN_ID = 1  # pyrevm's
S_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


@pytest.fixture
def coin() -> Contract:
    coin = World().stablecoin(4)
    coin.call(ISSUER, "mint", ALICE, 1_000)
    return coin


def held(coin: Contract) -> list[int]:
    return [coin.number("balanceOf", who) for who in (ALICE, BOB)]


def test_it_says_what_it_is(coin: Contract) -> None:
    assert coin.number("decimals") == 4
    for name, text in (("name", b"JPY stablecoin"), ("symbol", b"JPY")):
        assert coin.view(name) == (text,)


def test_a_transfer_moves_and_a_refused_one_reverts(coin: Contract) -> None:
    assert coin.call(ALICE, "transfer", BOB, 400) == (True,)
    assert coin.events() == [("Transfer", {"sender": ALICE, "receiver": BOB, "value": 400})]
    assert held(coin) == [600, 400]
    with refused("balance too small"):
        coin.call(ALICE, "transfer", BOB, 601)
    for to in (NOBODY, coin.address):
        with refused("bad receiver"):
            coin.call(ALICE, "transfer", to, 1)
    coin.call(ALICE, "transfer", ALICE, 600)
    coin.call(ALICE, "transfer", BOB, 0)
    assert held(coin) == [600, 400]


def test_an_allowance_is_used_up_and_an_unlimited_one_is_not(coin: Contract) -> None:
    assert coin.call(ALICE, "approve", BOB, 10) == (True,)
    assert coin.events() == [("Approval", {"owner": ALICE, "spender": BOB, "value": 10})]
    assert coin.call(BOB, "transferFrom", ALICE, BOB, 7) == (True,)
    assert coin.number("allowance", ALICE, BOB) == 3
    with refused("allowance too small"):
        coin.call(BOB, "transferFrom", ALICE, BOB, 4)
    coin.call(ALICE, "approve", BOB, MAX)
    coin.call(BOB, "transferFrom", ALICE, BOB, 4)
    assert coin.number("allowance", ALICE, BOB) == MAX
    with refused("no address"):
        coin.call(ALICE, "approve", NOBODY, 1)


def test_the_issuer_mints_and_burns_and_the_supply_is_published(coin: Contract) -> None:
    coin.call(ISSUER, "mint", BOB, 500)
    assert ("Issued", {"to": BOB, "amount": 500, "supply": 1_500}) in coin.events()
    assert ("Transfer", {"sender": NOBODY, "receiver": BOB, "value": 500}) in coin.events()
    coin.call(BOB, "transfer", ISSUER, 300)
    coin.call(ISSUER, "burn", 200)
    assert ("Redeemed", {"by": ISSUER, "amount": 200, "supply": 1_300}) in coin.events()
    assert coin.number("totalSupply") == 1_300
    with refused("balance too small"):  # it burns what it holds, and nobody else's
        coin.call(ISSUER, "burn", 101)
    with refused("supply too large"):
        coin.call(ISSUER, "mint", BOB, MAX)
    for to in (NOBODY, coin.address):
        with refused("bad receiver"):
            coin.call(ISSUER, "mint", to, 1)
    for name, values in (("mint", (BOB, 1)), ("burn", (0,))):
        for who in (OWNER, COMPLIANCE, ALICE):
            with refused("not issuer"):
                coin.call(who, name, *values)


def test_a_frozen_address_neither_sends_nor_receives(coin: Contract) -> None:
    coin.call(ALICE, "approve", STRANGER, MAX)
    coin.call(COMPLIANCE, "set_frozen", ALICE, True)
    assert coin.events() == [("FrozenSet", {"who": ALICE, "frozen": True})]
    for who, name, values in (
        (ALICE, "transfer", (BOB, 1)),
        (BOB, "transfer", (ALICE, 0)),
        (STRANGER, "transferFrom", (ALICE, BOB, 1)),
        (ISSUER, "mint", (ALICE, 1)),
    ):
        with refused("address frozen"):
            coin.call(who, name, *values)
    coin.call(COMPLIANCE, "set_frozen", ALICE, False)
    coin.call(ALICE, "transfer", BOB, 1)
    for who in (OWNER, ISSUER, ALICE):
        with refused("not compliance"):
            coin.call(who, "set_frozen", BOB, True)


def typed(coin: Contract, owner: str, amount: int, nonce: int, deadline: int) -> dict[str, object]:
    """The permit as EIP-712 has it, which another library then hashes."""
    kinds = {"owner": "address", "spender": "address", "value": "uint256", "nonce": "uint256", "deadline": "uint256"}
    domain = {"name": "JPY stablecoin", "version": "1", "chainId": CHAIN_ID, "verifyingContract": coin.address}
    return {
        "types": {
            "EIP712Domain": [
                {"name": "name", "type": "string"},
                {"name": "version", "type": "string"},
                {"name": "chainId", "type": "uint256"},
                {"name": "verifyingContract", "type": "address"},
            ],
            "Permit": [{"name": name, "type": kind} for name, kind in kinds.items()],
        },
        "primaryType": "Permit",
        "domain": domain,
        "message": {"owner": owner, "spender": BOB, "value": amount, "nonce": nonce, "deadline": deadline},
    }


def test_a_permit_signed_by_another_library_is_taken_once_in_time_and_as_signed(coin: Contract) -> None:
    signer = Account.from_key(keccak(b"somebody who signs"))
    deadline = coin.world.now + 10

    def permit(nonce: int = 0, *, high: bool = False, **changed: Value) -> None:
        message = encode_typed_data(full_message=typed(coin, signer.address, 50, nonce, deadline))
        signed = signer.sign_message(message)
        v, s = (55 - signed.v, S_ORDER - signed.s) if high else (signed.v, signed.s)
        fields: dict[str, Value] = {"owner": signer.address, "spender": BOB, "amount": 50, "deadline": deadline}
        fields |= {"v": v, "r": signed.r.to_bytes(32, "big"), "s": s.to_bytes(32, "big")} | changed
        coin.call(STRANGER, "permit", *fields.values())

    for changed in ({"amount": 51}, {"spender": STRANGER}, {"deadline": FOREVER}, {"v": 29}, {"owner": ALICE}):
        with refused("bad signature"):
            permit(**changed)  # type: ignore[arg-type]
    with refused("bad signature"):  # what a failed recovery answers
        permit(owner=NOBODY, v=29)
    with refused("bad signature"):  # the same signature, written with the larger s
        permit(high=True)
    with refused("bad signature"):
        permit(nonce=1)
    permit()
    assert coin.number("allowance", signer.address, BOB) == 50
    assert coin.number("nonces", signer.address) == 1
    with refused("bad signature"):  # again
        permit()
    coin.world.later(11)
    with refused("permit expired"):
        permit(nonce=1)


def test_its_roles_pass_on_in_two_steps(coin: Contract) -> None:
    for role, before in enumerate((OWNER, ISSUER, COMPLIANCE)):
        assert coin.view("role", role) == (before, NOBODY)
        with refused("not offered"):
            coin.call(BOB, "accept_role", role)
        coin.call(OWNER, "set_role", role, BOB)
        assert coin.events() == [("RoleOffered", {"role": role, "who": BOB})]
        coin.call(BOB, "accept_role", role)
        assert coin.events() == [("RoleTaken", {"role": role, "who": BOB})]
        if role == 0:
            with refused("not owner"):
                coin.call(OWNER, "set_role", 1, OWNER)
            coin.call(BOB, "set_role", 0, OWNER)
            coin.call(OWNER, "accept_role", 0)
    for name, values in (("set_role", (3, BOB)), ("accept_role", (3,)), ("role", (3,))):
        with refused("no such role"):
            coin.call(OWNER, name, *values)


@pytest.mark.parametrize(("decimals", "who"), [(37, OWNER), (6, NOBODY)])
def test_a_coin_of_nobody_or_with_too_many_decimals_is_not_made(decimals: int, who: str) -> None:
    known = World().stablecoin()
    kinds = ["string", "string", "uint8", "address", "address", "address"]
    with pytest.raises(Refused, match=r"bad decimals|no address"):
        known.world.deploy(
            known.interface, load(STABLECOIN).bytecode, kinds, ["x", "y", decimals, OWNER, who, COMPLIANCE]
        )
