from hashlib import blake2b

import numpy as np
import pytest

from fxengine.codes import AccountFlag, CommandKind, EventKind
from fxengine.engine import Directory, credential_command, identity
from fxengine.records import CREDENTIAL, CREDENTIAL_DETAIL, EVENT, Records
from tests.unit.engine.flow import ISSUER, credential


def events(kind: EventKind) -> Records:
    told = np.zeros(2, EVENT)
    told["kind"] = EventKind.CANCELED, kind  # a timer may speak before the command does
    return told


def enter(directory: Directory, command: Records, kind: EventKind = EventKind.CREDENTIALED) -> int:
    number = directory.number_for(command)
    command["account"][0] = number
    directory.follow(command, events(kind))
    return number


def test_numbers_go_up_from_the_first_clients_in_the_order_of_acceptance() -> None:
    directory = Directory()
    assert enter(directory, credential("payer-1")) == 2
    assert enter(directory, credential("maker-1"), EventKind.REJECTED) == 3
    assert enter(directory, credential("maker-2")) == 3
    assert enter(directory, credential("payer-1", issued_at_ns=9)) == 2
    assert enter(directory, credential("maker-1")) == 4
    assert [directory.holder(n) for n in (2, 3, 4)] == [(ISSUER, s) for s in ("payer-1", "maker-2", "maker-1")]
    assert [directory.account(ISSUER, s) for s in ("payer-1", "maker-2", "maker-1", "x")] == [2, 3, 4, None]
    assert len(directory) == 3
    for nobody in (0, 1, 5):
        with pytest.raises(KeyError):
            directory.holder(nobody)


def test_a_refused_renewal_changes_nothing() -> None:
    directory = Directory()
    enter(directory, credential("payer-1"))
    enter(directory, credential("payer-1"), EventKind.REJECTED)
    assert (len(directory), directory.account(ISSUER, "payer-1")) == (1, 2)


@pytest.mark.parametrize("subject", ["p", "p" * 44, "p" * 45, "客戶-1", "p" * 255])
def test_a_credential_carries_names_claims_and_identity(subject: str) -> None:
    command = credential_command(
        ISSUER, subject, token_id="jti-7", permitted=[0, 63, 64, 255], level=3, jurisdiction="HK", window=64,
        issued_at_ns=10, expires_ns=20, flags=AccountFlag.OPERATOR, account=5,
    )  # fmt: skip
    text = f"{ISSUER}\0{subject}".encode()
    head, detail = command[:1].view(CREDENTIAL)[0], command[1:2].view(CREDENTIAL_DETAIL)[0]
    assert (head["kind"], head["n_records"], head["account"]) == (CommandKind.CREDENTIAL, len(command), 5)
    assert command[2:].tobytes().rstrip(b"\0") == text
    assert len(command) == 2 + -(-len(text) // 64)
    assert (head["level"], head["jurisdiction"], head["window"], head["flags"]) == (3, b"HK", 64, 1)
    assert (head["issued_at_ns"], head["expires_ns"]) == (10, 20)
    assert head["identity"].tobytes() == blake2b(text, digest_size=16).digest() == identity(ISSUER, subject)
    assert detail["token_id"].tobytes() == blake2b(b"jti-7", digest_size=16).digest()
    assert detail["permitted"].tolist() == [1 | 1 << 63, 1, 0, 1 << 63]


@pytest.mark.parametrize(
    ("issuer", "subject"), [("", "a"), ("a", ""), ("a\0b", "c"), ("a", "b\0c"), ("a" * 256, "b"), ("a", "é" * 128)]
)
def test_names_that_could_be_mistaken_for_others_are_misuse(issuer: str, subject: str) -> None:
    with pytest.raises(ValueError, match="1 to 255 bytes"):
        identity(issuer, subject)
    assert Directory().account(issuer, subject) is None


def test_a_currency_beyond_the_mask_is_misuse() -> None:
    with pytest.raises(ValueError, match="currency 256"):
        credential_command(
            ISSUER, "a", token_id="j", permitted=[256], level=1, jurisdiction="DE", window=16, issued_at_ns=1,
            expires_ns=2,
        )  # fmt: skip


def test_a_text_that_is_not_its_identitys_is_misuse() -> None:
    for place, value in ((2 * 64, 1), (48, 255), (3 * 64 - 1, 7)):
        command = credential("payer-1")
        command.view("u1")[place] ^= value
        with pytest.raises(ValueError, match=r"identity is not the hash|zero characters"):
            Directory().number_for(command)
