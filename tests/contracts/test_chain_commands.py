"""`fxengine chain ...` as a stranger types it: from nothing to a vault, money in, and money out without the venue."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from fxengine.chain.local_node import LocalNode
from fxengine.chain.rpc import Rpc
from fxengine.errors import ChainError
from fxengine.home import Home
from tests.contracts.keys import key_of
from tests.integration.served_venue import ServedVenue
from tests.integration.typed import printed, typed

WALLET = "0x" + "ab" * 20


def refused(said: dict[str, Any]) -> str:
    """The code of a refusal."""
    assert said["exit_code"] == 1
    return str(said["error"]["code"])


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A venue of ten currencies that is on no chain."""
    directory = tmp_path_factory.mktemp("chain") / "venue"
    Home.create(directory)
    return directory


@pytest.fixture(scope="module")
def launched(bare: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The same with its contracts deployed, and the chain's state to start nodes from."""
    directory = tmp_path_factory.mktemp("launched") / "venue"
    shutil.copytree(bare, directory)
    state = directory.parent / "state.json"
    with LocalNode(options=("--dump-state", str(state))) as node, pytest.MonkeyPatch.context() as environment:
        rpc = Rpc(node.url)
        environment.setenv("FXENGINE_RPC", node.url)
        for role in ("OWNER", "OPERATOR", "GUARDIAN", "REGISTRAR", "ACCOUNT"):
            environment.setenv(f"FXENGINE_{role}_KEY", key_of(role).account.key.hex())
            rpc.call("anvil_setBalance", key_of(role).address, hex(10**21))
        rpc.close()
        said = typed("chain", "deploy", directory, "--sandbox-tokens", "--exit-delay-s", "60", "--silence-s", "600")
        assert said["exit_code"] == 0, said
        assert list(said["tokens"]) == [currency.code for currency in Home(directory).venue.currencies]
        assert said["missing"] == []
    return directory, state


@pytest.fixture
def deployed(launched: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rpc]:
    """A copy of it, on a node of its own, named in the environment."""
    shutil.copytree(launched[0], tmp_path / "venue")
    with LocalNode(options=("--load-state", str(launched[1]))) as node:
        monkeypatch.setenv("FXENGINE_RPC", node.url)
        monkeypatch.setenv("FXENGINE_VENUE", str(tmp_path / "venue"))
        for role in ("OWNER", "OPERATOR", "GUARDIAN", "REGISTRAR", "ACCOUNT"):
            monkeypatch.setenv(f"FXENGINE_{role}_KEY", key_of(role).account.key.hex())
        rpc = Rpc(node.url)
        yield rpc
        rpc.close()


@pytest.fixture
def funded(deployed: Rpc) -> Rpc:
    """Account 7 is bound to the customer's key and has paid in 1,000 HKD."""
    holder = key_of("ACCOUNT").address
    assert typed("chain", "register", "7", holder)["done"]
    assert typed("chain", "mint", "HKD", "5000", "--to", holder)["exit_code"] == 0
    said = typed("chain", "deposit", "HKD", "1000")
    assert (said["balance"], said["account"], said["done"]) == ("1000.000000", 7, True)
    return deployed


def test_status_says_where_the_vault_stands_and_whether_it_holds_what_it_owes(funded: Rpc) -> None:
    said = typed("chain", "status")
    assert said["exit_code"] == 0
    assert (said["chain_id"], said["batch"], said["paused"], said["frozen_since"]) == (31337, 0, False, None)
    assert (said["finality"], said["exit_delay_s"], said["silence_s"]) == ("finalized", 60, 600)
    hkd = said["tokens"][0]
    assert hkd["covered"]
    assert (hkd["currency"], hkd["liabilities"], hkd["held"]) == ("HKD", "1000.000000", "1000.000000")
    text, code = printed("chain", "status")
    assert code == 0
    assert "THB" in text


def test_a_vault_that_lost_tokens_is_shown_in_red_and_by_its_exit_code(funded: Rpc) -> None:
    tokens = {token["currency"]: token["token"] for token in typed("chain", "status")["tokens"]}
    vault = typed("chain", "status")["vault"]
    funded.call("anvil_impersonateAccount", vault)
    funded.call("anvil_setBalance", vault, hex(10**18))
    taking = "0xa9059cbb" + WALLET[2:].rjust(64, "0") + f"{10**9:064x}"
    funded.call("eth_sendTransactionSync", {"from": vault, "to": tokens["HKD"], "data": taking})
    said = typed("chain", "status")
    assert (said["covered"], said["exit_code"]) == (False, 1)
    text, code = printed("chain", "status")
    assert ("LESS THAN OWED" in text, code) == (True, 1)


def test_leaving_by_request_and_take_needs_nobody_else(funded: Rpc) -> None:
    said = typed("chain", "withdraw", "HKD", "400", "--request")
    assert (said["balance"], said["set_apart"]) == ("600.000000", "400.000000")
    assert said["ready_at"].endswith("Z")
    assert refused(typed("chain", "withdraw", "HKD", "--take")) == "CALL_REVERTED"
    assert typed("chain", "withdraw", "HKD")["set_apart"] == "400.000000"
    assert typed("chain", "withdraw", "HKD", "--cancel")["set_apart"] == "0.000000"
    assert typed("chain", "withdraw", "HKD", "--request")["set_apart"] == "1000.000000"
    funded.call("evm_increaseTime", 61)
    said = typed("chain", "withdraw", "HKD", "--take", "--to", WALLET)
    assert (said["balance"], said["set_apart"], said["ready_at"]) == ("0.000000", "0.000000", None)
    assert typed("chain", "status")["tokens"][0]["liabilities"] == "0.000000"
    text, _ = printed("chain", "withdraw", "HKD")
    assert "Account 7 has 0.000000 HKD" in text


def test_a_silent_operator_s_vault_is_frozen_and_left_without_delay(funded: Rpc) -> None:
    assert refused(typed("chain", "freeze")) == "CALL_REVERTED"
    funded.call("evm_increaseTime", 601)
    assert typed("chain", "freeze")["frozen"] is True
    assert typed("chain", "freeze")["done"] is False
    assert typed("chain", "status")["frozen_since"] is not None
    assert typed("chain", "withdraw", "HKD", "--request")["done"]
    assert typed("chain", "withdraw", "HKD", "--take")["set_apart"] == "0.000000"


def test_a_heartbeat_puts_off_the_day_on_which_anybody_may_end_the_vault(deployed: Rpc) -> None:
    deployed.call("anvil_setBalance", key_of("OPERATOR").address, hex(10**21))
    before = typed("chain", "status")
    deployed.call("evm_increaseTime", 300)
    said = typed("chain", "heartbeat")
    assert (said["done"], said["operator_seen"] > before["operator_seen"]) == (True, True)
    after = typed("chain", "status")
    assert after["operator_seen"] == said["operator_seen"]
    assert after["freezable_from"] > before["freezable_from"] > before["operator_seen"]


def test_a_pause_is_the_guardian_s_and_stops_deposits(funded: Rpc) -> None:
    assert typed("chain", "pause")["done"] is True
    assert typed("chain", "pause")["done"] is False
    said = typed("chain", "deposit", "HKD", "1")
    assert refused(said) == "CALL_REVERTED"
    assert "paused" in said["error"]["text"]
    assert typed("chain", "pause", "--off")["paused"] is False
    assert typed("chain", "deposit", "HKD", "1")["balance"] == "1001.000000"


def test_an_account_is_bound_once_renewed_frozen_and_let_go(funded: Rpc) -> None:
    holder = key_of("ACCOUNT").address
    again = typed("chain", "register", "7", holder)
    assert (again["done"], again["transaction"], again["address"]) == (False, None, holder)
    assert typed("chain", "register", "7", holder, "--days", "3")["done"] is True
    assert refused(typed("chain", "register", "7", WALLET)) == "BOUND_OTHERWISE"
    assert refused(typed("chain", "register", "8", holder)) == "CALL_REVERTED"
    assert typed("chain", "register", "7", "--freeze")["frozen"] is True
    said = typed("chain", "withdraw", "HKD", "--request")
    assert "account frozen" in said["error"]["text"]
    assert typed("chain", "register", "7", "--unfreeze")["frozen"] is False
    assert typed("chain", "withdraw", "HKD", "--request")["done"]


def test_an_account_is_found_by_its_name_in_the_books(deployed: Rpc, tmp_path: Path) -> None:
    venue = tmp_path / "venue"
    with ServedVenue(Home(venue)) as served:
        assert typed("token", "payer-1", "--venue", venue)["exit_code"] == 0
        assert typed("balances", "--as", "payer-1", "--venue", venue)["exit_code"] == 0  # which opens its account
        served.stop()
    holder = key_of("ACCOUNT").address
    said = typed("chain", "register", "payer-1", holder)
    assert (said["done"], said["address"]) == (True, holder)
    assert said["account"] >= 2
    assert typed("chain", "register", "fees", key_of("OWNER").address)["account"] == 0
    assert refused(typed("chain", "register", "payer-2", WALLET)) == "LedgerError"


def test_roles_pass_on_in_two_steps(deployed: Rpc, monkeypatch: pytest.MonkeyPatch) -> None:
    heir = key_of("ACCOUNT")
    before = typed("chain", "roles")["roles"]
    assert {role: line["address"] for role, line in before.items()} == {
        role.lower(): key_of(role).address for role in ("OWNER", "OPERATOR", "GUARDIAN", "REGISTRAR")
    }
    said = typed("chain", "roles", "--offer", f"operator={heir.address}")
    assert said["roles"]["operator"] == {"address": key_of("OPERATOR").address, "offered_to": heir.address}
    assert typed("chain", "roles", "--accept", "operator")["done"] is False  # with the key that has it
    monkeypatch.setenv("FXENGINE_OPERATOR_KEY", heir.account.key.hex())
    said = typed("chain", "roles", "--accept", "operator")
    assert said["roles"]["operator"] == {"address": heir.address, "offered_to": None}
    assert typed("chain", "roles", "--accept", "operator")["done"] is False
    for wrong in (("--accept", "king"), ("--offer", f"king={WALLET}")):
        assert refused(typed("chain", "roles", *wrong)) == "NO_SUCH_ROLE"
    assert refused(typed("chain", "roles", "--offer", "operator")) == "WHICH_ROLE"


def test_deploying_again_changes_nothing_and_other_terms_are_refused(deployed: Rpc, tmp_path: Path) -> None:
    venue = tmp_path / "venue"
    block = deployed.call("eth_blockNumber")
    same = ("--exit-delay-s", "60", "--silence-s", "600")
    assert typed("chain", "deploy", venue, "--sandbox-tokens", *same)["exit_code"] == 0
    assert deployed.call("eth_blockNumber") == block
    assert refused(typed("chain", "deploy", venue, "--sandbox-tokens")) == "DEPLOYED_OTHERWISE"


def test_currencies_are_listed_one_by_one_in_the_venue_s_order(
    bare: Path, deployed: Rpc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    coins = [token["token"] for token in typed("chain", "status")["tokens"]]
    monkeypatch.setenv("FXENGINE_VENUE", str(bare))
    where = ("--dir", tmp_path / "elsewhere")
    said = typed("chain", "deploy", bare, *where, "--token", f"HKD={coins[0]}", "--token", f"JPY={coins[2]}")
    assert (list(said["tokens"]), said["missing"][:2]) == (["HKD"], ["CNH", "JPY"])
    assert refused(typed("chain", "list-token", "JPY", coins[2], *where)) == "WRONG_ORDER"
    said = typed("chain", "list-token", "CNH", coins[1], *where)
    assert (said["tid"], said["token"], said["exit_code"]) == (1, coins[1], 0)
    assert typed("chain", "list-token", "JPY", "--sandbox", *where)["token"] not in coins
    for wrong, code in (
        (("EUR",), "WHICH_TOKEN"),
        (("EUR", coins[3], "--sandbox"), "WHICH_TOKEN"),
        (("XYZ", coins[3]), "NO_SUCH_CURRENCY"),
        (("EUR", "0x12"), "BAD_ADDRESS"),
    ):
        assert refused(typed("chain", "list-token", *wrong, *where)) == code


def test_what_is_missing_or_mistyped_is_said_with_a_code_and_without_a_secret(
    bare: Path, deployed: Rpc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert refused(typed("chain", "status", "--dir", tmp_path)) == "NO_DEPLOYMENT"
    assert refused(typed("chain", "status", "--rpc", "http://127.0.0.1:9")) == "NODE_UNREACHABLE"
    assert refused(typed("chain", "deposit", "XYZ", "1")) == "NOT_LISTED"
    assert refused(typed("chain", "deposit", "HKD", "1")) == "NOT_REGISTERED"
    assert refused(typed("chain", "deposit", "HKD", "1.0000001")) == "NOT_REGISTERED"
    assert refused(typed("chain", "withdraw", "HKD", "--take", "--cancel")) == "ONE_AT_A_TIME"
    assert refused(typed("chain", "withdraw", "HKD", "5", "--take")) == "WHICH_STEP"
    assert refused(typed("chain", "register", "7")) == "WHICH_ADDRESS"
    assert refused(typed("chain", "cost", "--gas-price", "much")) == "BAD_PRICE"
    where = ("--dir", tmp_path / "elsewhere")
    assert refused(typed("chain", "deploy", bare, *where, "--finality", "soon")) == "BAD_FINALITY"
    assert refused(typed("chain", "deploy", bare, *where, "--operator", "0x00")) == "BAD_ADDRESS"
    assert refused(typed("chain", "deploy", bare, *where, "--token", "HKD")) == "WHICH_TOKEN"
    monkeypatch.delenv("FXENGINE_GUARDIAN_KEY")
    assert refused(typed("chain", "deploy", bare, *where)) == "ROLE_MISSING"
    monkeypatch.delenv("FXENGINE_OWNER_KEY")
    said = typed("chain", "mint", "HKD", "1", "--to", WALLET)
    assert refused(said) == "KEY_MISSING"
    assert key_of("OPERATOR").account.key.hex() not in json.dumps(said)


def test_a_new_key_is_kept_in_a_keystore_that_its_password_opens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    password, file = tmp_path / "password", tmp_path / "keys/owner.json"
    password.write_text("correct horse\n")
    assert (
        refused(typed("chain", "new-key", file, "--password-file", password)) == "FxEngineError"
    )  # others can read it
    password.chmod(0o600)
    said = typed("chain", "new-key", file, "--password-file", password)
    assert file.stat().st_mode & 0o777 == 0o600
    assert refused(typed("chain", "new-key", file, "--password-file", password)) == "FxEngineError"
    assert refused(typed("chain", "new-key", tmp_path / "other")) == "BAD_PASSWORD"
    monkeypatch.setenv("FXENGINE_OWNER_KEYSTORE", str(file))
    monkeypatch.setenv("FXENGINE_OWNER_PASSWORD_FILE", str(password))
    assert typed("chain", "address", "owner")["address"] == said["address"]
    password.write_text("")
    assert refused(typed("chain", "new-key", tmp_path / "other", "--password-file", password)) == "BAD_PASSWORD"


def test_a_chain_of_one_s_own_runs_until_it_is_asked_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    command = [sys.executable, "-m", "fxengine", "chain", "node", "--port", "0", "--json"]
    monkeypatch.setenv("FXENGINE_ACCOUNT_KEY", key_of("ACCOUNT").account.key.hex())
    command += ["--fund", WALLET, "--fund", "account"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        said = json.loads(running.stdout.readline())
        with closing(Rpc(said["rpc"])) as rpc:
            for funded in (WALLET, key_of("ACCOUNT").address):
                assert int(rpc.call("eth_getBalance", funded, "latest"), 16) == 10**21
        running.terminate()
        assert running.wait(30) == 0
        with closing(Rpc(said["rpc"])) as rpc, pytest.raises(ChainError, match="NODE_UNREACHABLE"):
            rpc.call("eth_chainId")


def test_cost_is_a_table_and_says_what_is_not_in_it() -> None:
    said = typed("chain", "cost", "--gas-price", "0.01", "--eth-usd", "3000")
    sizes = {(line["currencies"], line["accounts"], line["trades"]): line for line in said["batches"]}
    assert float(sizes[5, 500, 300]["usd_trade_min"]) < 1
    assert float(sizes[5, 2, 1]["usd_trade_min"]) < 5
    text, code = printed("chain", "cost", "--gas-price", "1")
    assert code == 0
    assert "first layer" in text
