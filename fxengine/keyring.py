"""The CURVE keys in a venue's directory: the venue's own, those of accounts kept here, and who may connect.

::

    DIR/keys/server.key, .pub         the venue's pair; clients are given the public half
    DIR/keys/accounts/NAME.key, .pub  pairs made here for accounts, for the commands that act as them
    DIR/keys/clients/NAME.pub         while this folder exists, only these keys may connect

A client on another machine makes its own pair and hands over the public half; its secret never
comes here. The venue reads ``keys/clients`` again whenever it changes, while it is served.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from fxengine.errors import FxEngineError
from fxengine.transport import (
    PUBLIC_SUFFIX,
    SECRET_SUFFIX,
    KeyPair,
    ServerCurve,
    create_pair,
    load_pair,
    load_public,
    write_public,
)

NAME_MAX: Final = 64


def checked_name(account: str) -> str:
    """Return an account's name if a file can be named for it; :class:`FxEngineError` otherwise."""
    plain = account.isascii() and all(c.isalnum() or c in "-_.@" for c in account) and account[:1].isalnum()
    if not (plain and len(account) <= NAME_MAX):
        raise FxEngineError(
            f"account name {account[:NAME_MAX]!r} is not up to {NAME_MAX} letters, digits, '-', '_', '.' and '@'"
        )
    return account


class Keyring:
    """The keys below one folder. Nothing is read or made before it is asked for."""

    def __init__(self, folder: Path) -> None:
        self.server_file = folder / f"server{SECRET_SUFFIX}"
        self.accounts = folder / "accounts"
        self.clients = folder / "clients"

    def server(self) -> ServerCurve:
        """Return what the venue serves with; its pair is made the first time."""
        pair = load_pair(self.server_file) if self.server_file.exists() else create_pair(self.server_file)
        return ServerCurve(pair, self.clients)

    def create(self, account: str) -> KeyPair:
        """Make a pair for an account; :class:`FxEngineError` where it has one."""
        return create_pair(self._account_file(account))

    def account(self, account: str) -> KeyPair | None:
        """Return an account's pair; None where none was made here."""
        path = self._account_file(account)
        return load_pair(path) if path.exists() else None

    def operator(self, account: str) -> KeyPair:
        """Return the operator's pair, made the first time, and let it in: whoever may write here is the operator."""
        pair = self.account(account) or self.create(account)
        if self.is_listing and not self._client_file(account).exists():
            self.allow(account, pair.public)
        return pair

    @property
    def is_listing(self) -> bool:
        """Say whether only listed keys may connect."""
        return self.clients.is_dir()

    def allow(self, name: str, public: str) -> Path:
        """Let a key connect. The first one ends that everybody else may; return its file."""
        path = self._client_file(name)
        self.clients.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_public(path, public)
        return path

    def disallow(self, name: str) -> Path:
        """Let a key connect no longer; :class:`FxEngineError` where none of that name was listed."""
        path = self._client_file(name)
        try:
            path.unlink()
        except FileNotFoundError:
            raise FxEngineError(f"no key of {name} is in {self.clients}") from None
        return path

    def account_keys(self) -> Iterator[tuple[str, str]]:
        """Yield the name and public key of each account whose pair was made here."""
        for path in sorted(self.accounts.glob("*" + SECRET_SUFFIX)):
            yield path.name.removesuffix(SECRET_SUFFIX), load_pair(path).public

    def client_keys(self) -> Iterator[tuple[str, str]]:
        """Yield the name and public key of each client that is listed."""
        for path in sorted(self.clients.glob("*" + PUBLIC_SUFFIX)):
            yield path.name.removesuffix(PUBLIC_SUFFIX), load_public(path)

    def _account_file(self, account: str) -> Path:
        return self.accounts / f"{checked_name(account)}{SECRET_SUFFIX}"

    def _client_file(self, name: str) -> Path:
        return self.clients / f"{checked_name(name)}{PUBLIC_SUFFIX}"
