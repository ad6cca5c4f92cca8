"""Private keys of a chain's accounts: where they come from, and an object that signs without showing one.

A role's key is found in this order; the first that is set is used::

    FXENGINE_OPERATOR_KEY        the key itself, 64 hexadecimal digits
    FXENGINE_OPERATOR_KEYSTORE   a keystore file (Web3 Secret Storage, version 3), for its owner alone
      FXENGINE_OPERATOR_PASSWORD_FILE   a file with its password; without one, a prompt at a terminal

and likewise for OWNER, GUARDIAN, REGISTRAR and ACCOUNT. A key is never an argument of a command, where every
user of the machine could read it, and no message quotes one.

Source of the keystore's form: Ethereum "Web3 Secret Storage Definition", version 3.
"""

import json
import os
import re
import secrets
import sys
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fxengine.errors import ChainError, MissingExtraError
from fxengine.private_files import create_private, read_private

_RECURSION_LIMIT: Final = sys.getrecursionlimit()
try:
    from eth_account import Account
    from eth_account.signers.local import LocalAccount
    from eth_utils.address import to_checksum_address
except ImportError as e:
    raise MissingExtraError("evm", "a key of a chain's account") from e
finally:  # a part of it raises the limit so far that deep nesting would end the process instead of raising
    sys.setrecursionlimit(_RECURSION_LIMIT)

if TYPE_CHECKING:
    from collections.abc import Sequence

_KEY: Final = re.compile(r"(?:0x)?[0-9a-fA-F]{64}")


class Role(StrEnum):
    """Whose key it is; the name in the variables of the environment."""

    OWNER = "OWNER"
    OPERATOR = "OPERATOR"
    GUARDIAN = "GUARDIAN"
    REGISTRAR = "REGISTRAR"
    ACCOUNT = "ACCOUNT"


class Signed(NamedTuple):
    """A transaction that is ready to be sent."""

    raw: bytes
    hash: bytes  # 32 bytes


class Key:
    """A private key that signs. Only its address is ever shown."""

    def __init__(self, account: LocalAccount) -> None:
        self.account = account
        """For libraries that sign by themselves (typed data, deployments)."""
        self.address: str = account.address
        """In EIP-55's mixed case."""

    @classmethod
    def from_hex(cls, text: str) -> "Key":
        """Return the key of 64 hexadecimal digits. Raises :class:`ChainError`, which does not quote them."""
        if not _KEY.fullmatch(text.strip()):
            raise ChainError("BAD_KEY", "a private key is 64 hexadecimal digits, with or without 0x before them")
        try:
            return cls(Account.from_key(text.strip()))
        except Exception:  # its text may quote the key; only zero and what is above the curve's order come here
            raise ChainError("BAD_KEY", "a private key is a number between 1 and the curve's order") from None

    @classmethod
    def new(cls) -> "Key":
        """Return a new key, from the operating system's randomness."""
        return cls(Account.from_key(secrets.token_bytes(32)))

    def sign(self, transaction: Mapping[str, object]) -> Signed:
        """Sign an EIP-1559 transaction. Deterministic (RFC 6979): the same fields give the same bytes.

        ``to`` is an address in any case; without it a contract is made.
        """
        fields = dict(transaction)
        if "to" in fields:
            fields["to"] = to_checksum_address(str(fields["to"]))
        signed = self.account.sign_transaction(fields)  # type: ignore[arg-type]
        return Signed(bytes(signed.raw_transaction), bytes(signed.hash))

    def __repr__(self) -> str:
        return f"Key({self.address})"

    def __reduce__(self) -> "Sequence[Any] | str":  # type: ignore[override]
        raise TypeError("a key is not pickled")


def load_key(
    role: Role | str,
    *,
    environ: Mapping[str, str] | None = None,
    ask: Callable[[str], str] | None = None,
) -> Key:
    """Return a role's key, from the environment or a keystore file; see the module.

    ``ask(question)`` returns a keystore's password where no file has it; without one there is no prompt.
    Raises :class:`ChainError` (KEY_MISSING, BAD_KEY, BAD_KEYSTORE) naming the variable to set, and
    :class:`FxEngineError` for a file that others can read.
    """
    role, found = Role(role), os.environ if environ is None else environ
    prefix = f"FXENGINE_{role}"
    if text := found.get(f"{prefix}_KEY"):
        try:
            return Key.from_hex(text)
        except ChainError as e:
            raise ChainError(e.code, f"{prefix}_KEY is not a private key: 64 hexadecimal digits") from None
    if path := found.get(f"{prefix}_KEYSTORE"):
        return _from_keystore(Path(path), prefix, found.get(f"{prefix}_PASSWORD_FILE"), ask)
    raise ChainError(
        "KEY_MISSING",
        f"the key of the {role.lower()} is needed: set {prefix}_KEYSTORE to a keystore file (with"
        f" {prefix}_PASSWORD_FILE), or {prefix}_KEY",
    )


def write_keystore(path: Path, key: Key, password: str) -> None:
    """Keep a key in a new keystore file, for its owner alone. Takes a second: the password is made costly to guess.

    Raises :class:`ChainError` (BAD_PASSWORD) for an empty password, and :class:`FxEngineError` where the file exists.
    """
    if not password:
        raise ChainError("BAD_PASSWORD", "a keystore needs a password")
    create_private(path, json.dumps(Account.encrypt(key.account.key, password)).encode(), "keystore")


def _from_keystore(path: Path, prefix: str, password_file: str | None, ask: Callable[[str], str] | None) -> Key:
    keystore = read_private(path, "keystore")
    if password_file:
        password = read_private(Path(password_file), "password").decode("utf-8", "replace").rstrip("\r\n")
    elif ask is not None:
        password = ask(f"password of {path}: ")
    else:
        raise ChainError("KEY_MISSING", f"the password of {path} is needed: name a file in {prefix}_PASSWORD_FILE")
    try:
        return Key(Account.from_key(Account.decrypt(keystore.decode(), password)))
    except Exception:  # wrong password and damaged file alike, in words that may quote either
        raise ChainError("BAD_KEYSTORE", f"{path} is not a keystore, or its password is another") from None
