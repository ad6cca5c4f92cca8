"""Deploying on a real node: once, whatever happens on the way, and never over another deployment."""

import json
from pathlib import Path

import pytest

from fxengine.chain.admin import Administration
from fxengine.chain.contract import Contract, prepare
from fxengine.chain.deploying import Deployer, Terms, begin
from fxengine.chain.deployment import Deployment
from fxengine.chain.keys import Key
from fxengine.chain.local_node import LocalNode
from fxengine.chain.rpc import Rpc
from fxengine.errors import ChainError, ChainReverted, ChainUnavailable
from fxengine.ledger import Cursor
from fxengine.ledger.check_batches import VENUE
from fxengine.venue_file import parse_venue
from tests.contracts.dying_deployer import TERMS, TOKENS, deploy, deploy_and_die
from tests.contracts.keys import key_of

VENUE_THERE = parse_venue(VENUE)
TRANSACTIONS = 1 + 2 * len(VENUE_THERE.currencies)
PLACES = ["before sending", "after sending", "before saving", "after saving"]


def sent(rpc: Rpc) -> int:
    """How many transactions of the owner are on chain."""
    return int(rpc.call("eth_getTransactionCount", key_of("OWNER").address, "latest"), 16)


def refused(code: str) -> pytest.RaisesExc[ChainError]:
    return pytest.raises(ChainError, match=rf"\[{code}\]$")


def test_a_deployment_is_on_chain_as_its_file_says_and_again_does_nothing(
    node: LocalNode, rpc: Rpc, tmp_path: Path
) -> None:
    made = deploy(tmp_path, node.url)
    assert sent(rpc) == TRANSACTIONS
    written = made.path.read_bytes()
    assert deploy(tmp_path, node.url) == Deployment.load(tmp_path) == made
    assert (sent(rpc), made.path.read_bytes()) == (TRANSACTIONS, written)
    admin = Administration(made, rpc)
    assert admin.vault.ask("terms") == (made.exit_delay_s, made.silence_s, Cursor.genesis(VENUE_THERE).head)
    assert {role: has for role, (has, _) in admin.roles().items()} == made.roles
    assert [token.currency for token in made.tokens] == [currency.code for currency in VENUE_THERE.currencies]
    for token, currency in zip(made.tokens, VENUE_THERE.currencies, strict=True):
        coin = admin.coin(token)
        assert (token.tid, token.unit_decimals) == (currency.index, currency.decimals)
        assert coin.ask("symbol") == (currency.code.encode(),)
        assert coin.number("decimals") == token.decimals
    assert json.loads(written)["steps"][0]["raw"] == ""
    assert all(key_of(role).account.key.hex() not in written.decode() for role in ("OWNER", "OPERATOR"))


@pytest.mark.parametrize("place", PLACES)
def test_a_deployment_killed_at_any_step_goes_on_and_nothing_is_deployed_twice(
    node: LocalNode, rpc: Rpc, tmp_path: Path, place: str
) -> None:
    before, nth, steps = 0, 1, 1 + 2 * TOKENS
    while deploy_and_die(tmp_path / str(nth), node.url, place, nth):
        deploy(tmp_path / str(nth), node.url, TOKENS)
        assert sent(rpc) - before == steps, f"killed {place}, time {nth}"
        before, nth = sent(rpc), nth + 1
    assert nth > steps  # every step was died at


def test_a_step_of_which_another_transaction_took_the_nonce_is_done_anew(tmp_path: Path) -> None:
    with LocalNode(mining=False) as node:
        rpc, key = Rpc(node.url), key_of("OWNER")
        rpc.call("anvil_setBalance", key.address, hex(10**21))
        deployment = begin(tmp_path, VENUE_THERE, rpc, key.address, TERMS)
        with pytest.raises(ChainUnavailable, match="NOT_INCLUDED"):
            Deployer(deployment, rpc, key, patience_s=0).vault()
        (step,) = deployment.steps
        rpc.call("anvil_dropTransaction", step.transaction)
        other = key.sign(
            {
                "type": 2,
                "chainId": deployment.chain_id,
                "nonce": step.nonce,
                "to": key.address,
                "value": 0,
                "data": b"",
                "gas": 21_000,
                "maxFeePerGas": 10**11,
                "maxPriorityFeePerGas": 1,
            }
        )
        rpc.call("eth_sendRawTransaction", "0x" + other.raw.hex())
        rpc.call("evm_mine")
        rpc.call("evm_setAutomine", True)
        Deployer(Deployment.load(tmp_path, unfinished=True), rpc, key).vault()
        found = Deployment.load(tmp_path)
        assert [(step.name, step.nonce) for step in found.steps] == [("vault", step.nonce + 1)]
        rpc.close()


def test_a_deployment_that_the_chain_has_undone_is_found_out(node: LocalNode, rpc: Rpc, tmp_path: Path) -> None:
    clean = rpc.call("evm_snapshot")
    deploy(tmp_path, node.url)
    rpc.call("evm_revert", clean)
    for do in (lambda: deploy(tmp_path, node.url), lambda: Administration(Deployment.load(tmp_path), rpc)):
        with refused("NO_VAULT"):
            do()


def test_other_terms_another_venue_another_chain_and_another_owner_are_refused(
    node: LocalNode, rpc: Rpc, tmp_path: Path
) -> None:
    deploy(tmp_path, node.url)
    owner = key_of("OWNER")
    roles = (TERMS.operator, TERMS.guardian, TERMS.registrar)
    for terms in (Terms(*roles, exit_delay_s=1), Terms(*roles, silence_s=1), Terms(*roles, finality="safe")):
        with refused("DEPLOYED_OTHERWISE"):
            begin(tmp_path, VENUE_THERE, rpc, owner.address, terms)
    with refused("DEPLOYED_OTHERWISE"):
        begin(tmp_path, VENUE_THERE, rpc, owner.address, Terms(owner.address, *roles[1:]))
    with refused("DEPLOYED_OTHERWISE"):
        begin(tmp_path, parse_venue(VENUE.replace("check-venue", "other-venue")), rpc, owner.address, TERMS)
    with refused("NOT_THE_OWNER"):
        Deployer(Deployment.load(tmp_path), rpc, key_of("OPERATOR"))
    with LocalNode(chain_id=31338) as elsewhere:
        other = Rpc(elsewhere.url)
        with refused("DEPLOYED_OTHERWISE"):
            begin(tmp_path, VENUE_THERE, other, owner.address, TERMS)
        with refused("WRONG_CHAIN"):
            Administration(Deployment.load(tmp_path), other)
        with refused("WRONG_CHAIN"):
            Deployer(Deployment.load(tmp_path), other, owner)
        other.close()


def test_tokens_are_listed_in_the_venue_s_order_and_only_once(node: LocalNode, rpc: Rpc, tmp_path: Path) -> None:
    owner = key_of("OWNER")
    deployment = begin(tmp_path, VENUE_THERE, rpc, owner.address, TERMS)
    deployer = Deployer(deployment, rpc, owner)
    deployer.vault()
    first, second = VENUE_THERE.currencies[:2]
    coin = deployer.sandbox_token(first)
    with refused("WRONG_ORDER"):
        deployer.list_token(second, coin)
    deployer.list_token(first, coin)
    with refused("LISTED_OTHERWISE"):
        deployer.list_token(first, deployer.sandbox_token(second))
    with pytest.raises(ChainReverted, match="token listed"):
        deployer.list_token(second, coin)
    with refused("BAD_ADDRESS"):
        deployer.list_token(second, coin[:-1])
    with refused("NOT_LISTED"):
        deployment.token(second.code)


def test_who_cannot_pay_is_told_before_anything_is_sent(node: LocalNode, tmp_path: Path) -> None:
    rpc, key = Rpc(node.url), Key.from_hex("11" * 32)
    with refused("NO_ETHER"):
        prepare(rpc, key, key.address, b"")
    rpc.close()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (None, "NO_DEPLOYMENT"),
        ("{", "BAD_DEPLOYMENT"),
        ("[]", "BAD_DEPLOYMENT"),
        ('{"format": "fxengine deployment 0"}', "BAD_DEPLOYMENT"),
        ('{"format": "fxengine deployment 1"}', "BAD_DEPLOYMENT"),
    ],
)
def test_a_file_that_is_no_deployment_is_refused(tmp_path: Path, content: str | None, code: str) -> None:
    if content is not None:
        (tmp_path / "deployment.json").write_text(content)
    with refused(code):
        Deployment.load(tmp_path)


def test_a_deployment_without_its_vault_is_unfinished(node: LocalNode, rpc: Rpc, tmp_path: Path) -> None:
    begin(tmp_path, VENUE_THERE, rpc, key_of("OWNER").address, TERMS)
    with refused("UNFINISHED"):
        Deployment.load(tmp_path)


def test_a_refused_step_leaves_nothing_behind(node: LocalNode, rpc: Rpc, tmp_path: Path) -> None:
    roles = (TERMS.operator, TERMS.guardian, TERMS.registrar)
    deployment = begin(tmp_path, VENUE_THERE, rpc, key_of("OWNER").address, Terms(*roles, exit_delay_s=10**9))
    with pytest.raises(ChainReverted, match="bad delay"):
        Deployer(deployment, rpc, key_of("OWNER")).vault()
    assert (Deployment.load(tmp_path, unfinished=True).steps, sent(rpc)) == ([], 0)


def test_a_contract_that_refuses_says_why(node: LocalNode, rpc: Rpc, tmp_path: Path) -> None:
    made = deploy(tmp_path, node.url)
    vault: Contract = Administration(made, rpc).vault
    with pytest.raises(ChainReverted) as caught:
        vault.transact(key_of("ACCOUNT"), "deposit", 0, 1)
    assert caught.value.reason == "not registered"
