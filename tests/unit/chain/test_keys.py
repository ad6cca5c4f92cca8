"""Where a key comes from, and that it is never shown."""

import json
import pickle
from pathlib import Path

import pytest
from eth_account import Account

from fxengine.chain.keys import Key, Role, load_key
from fxengine.errors import ChainError, FxEngineError

SECRET = "4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318"
ADDRESS = "0x2c7536E3605D9C16a7a3D7b1898e529396a65c23"
PASSWORD = "correct horse"


@pytest.fixture
def keystore(tmp_path: Path) -> Path:
    path = tmp_path / "operator.json"
    path.touch(0o600)
    path.write_text(json.dumps(Account.encrypt("0x" + SECRET, PASSWORD, iterations=2)))
    return path


@pytest.mark.parametrize("text", [SECRET, "0x" + SECRET, f" {SECRET}\n"])
def test_a_key_comes_from_its_roles_variable(text: str) -> None:
    assert load_key("OPERATOR", environ={"FXENGINE_OPERATOR_KEY": text}).address == ADDRESS


def test_a_key_comes_from_a_keystore_and_a_password_file(keystore: Path, tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.touch(0o600)
    password.write_text(PASSWORD + "\n")
    environ = {"FXENGINE_OWNER_KEYSTORE": str(keystore), "FXENGINE_OWNER_PASSWORD_FILE": str(password)}
    assert load_key(Role.OWNER, environ=environ).address == ADDRESS


def test_a_password_is_asked_for_where_no_file_has_it(keystore: Path) -> None:
    environ, asked = {"FXENGINE_OPERATOR_KEYSTORE": str(keystore)}, []

    def ask(question: str) -> str:
        asked.append(question)
        return PASSWORD

    assert load_key("OPERATOR", environ=environ, ask=ask).address == ADDRESS
    assert asked == [f"password of {keystore}: "]
    with pytest.raises(ChainError, match="FXENGINE_OPERATOR_PASSWORD_FILE"):
        load_key("OPERATOR", environ=environ)


def test_a_missing_key_names_the_variables() -> None:
    with pytest.raises(ChainError, match=r"FXENGINE_GUARDIAN_KEYSTORE.*FXENGINE_GUARDIAN_KEY") as caught:
        load_key("GUARDIAN", environ={"FXENGINE_OPERATOR_KEY": SECRET})
    assert caught.value.code == "KEY_MISSING"


@pytest.mark.parametrize("text", ["12", SECRET[:-1], SECRET + "0", "0" * 64, "f" * 64])
def test_what_is_no_key_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(ChainError, match="FXENGINE_OPERATOR_KEY") as caught:
        load_key("OPERATOR", environ={"FXENGINE_OPERATOR_KEY": text})
    assert caught.value.code == "BAD_KEY"
    assert text not in str(caught.value)


def test_another_password_is_told_without_either(keystore: Path) -> None:
    with pytest.raises(ChainError, match="BAD_KEYSTORE") as caught:
        load_key("OPERATOR", environ={"FXENGINE_OPERATOR_KEYSTORE": str(keystore)}, ask=lambda _: "wrong horse")
    assert "horse" not in str(caught.value)


def test_a_keystore_that_others_can_read_is_refused(keystore: Path) -> None:
    keystore.chmod(0o644)
    with pytest.raises(FxEngineError, match="others can read"):
        load_key("OPERATOR", environ={"FXENGINE_OPERATOR_KEYSTORE": str(keystore)}, ask=lambda _: PASSWORD)


def test_a_key_shows_its_address_alone_and_signs_the_same_bytes_twice() -> None:
    key = Key.from_hex(SECRET)
    assert repr(key) == f"Key({ADDRESS})"
    assert SECRET not in str(vars(key))
    with pytest.raises(TypeError):
        pickle.dumps(key)


@pytest.mark.parametrize("to", [ADDRESS, ADDRESS.lower(), None])
def test_a_key_signs_as_its_address_and_the_same_bytes_twice(to: str | None) -> None:
    key = Key.from_hex(SECRET)
    fields: dict[str, object] = {"type": 2, "chainId": 31337, "nonce": 3, "value": 0, "data": b"\0\1", "gas": 21_000}
    fields |= {"maxFeePerGas": 10**9, "maxPriorityFeePerGas": 1} | ({"to": to} if to else {})
    signed = key.sign(fields)
    assert signed == key.sign(fields)
    assert Account.recover_transaction(signed.raw) == ADDRESS
    assert len(signed.hash) == 32
