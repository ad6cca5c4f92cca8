"""A venue's directory: where everything one venue needs stands, under one name each.

::

    DIR/venue.toml      what the venue is; public
    DIR/keys/           private signing keys of the sandbox issuer and the operator   0700
    DIR/tokens/         KYC tokens handed out here, one file for an account           0700
    DIR/journal/        every command ever taken, in order
    DIR/snapshots/      the state at places of the journal; may be deleted at any time
    DIR/ledger.sqlite   the default ledger
    DIR/endpoints.json  where clients connect, while the venue is served

The commands, the demo and ``serve`` all find their way through this one class.
"""

import json
import os
import time
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path

from fxengine.errors import FxEngineError, VenueUnreachable
from fxengine.sandbox import SigningKey, create_key, load_key
from fxengine.venue import Venue
from fxengine.venue_file import load_venue

SANDBOX_ISSUER, SANDBOX_KID = "sandbox", "sandbox-1"
OPERATOR_ISSUER, OPERATOR_KID = "operator", "operator-1"
NAME_MAX = 64
OPERATOR = "operator-1"
"""The operator's account in a sandbox."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where a served venue listens: ZeroMQ addresses, and the process that holds them."""

    orders: str
    market_data: str
    pid: int


class Home:
    """One venue's directory. Nothing is read or made before it is asked for."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.venue_file = directory / "venue.toml"
        self.keys = directory / "keys"
        self.tokens = directory / "tokens"
        self.endpoints_file = directory / "endpoints.json"

    @classmethod
    def create(cls, directory: Path) -> "Home":
        """Make a sandbox venue with keys of its own; refuse where one stands already."""
        home = cls(directory)
        if home.venue_file.exists():
            raise FxEngineError(f"{home.venue_file} exists already; choose another directory, or serve this one")
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.chmod(0o700)  # the journal and the ledger in it hold names and balances
        template = (files("fxengine.demo") / "venue.toml").read_text(encoding="utf-8")
        for mark, issuer, kid in (
            ("@SANDBOX_KEY@", SANDBOX_ISSUER, SANDBOX_KID),
            ("@OPERATOR_KEY@", OPERATOR_ISSUER, OPERATOR_KID),
        ):
            template = template.replace(mark, create_key(home.keys, issuer, kid).public_text)
        home.venue_file.write_text(template, encoding="utf-8")
        return home

    @cached_property
    def venue(self) -> Venue:
        """The checked venue description."""
        return load_venue(self.venue_file)

    def issue_token(
        self, account: str, *, level: str, jurisdiction: str, currencies: list[str], lifetime_s: int
    ) -> Path:
        """Let the sandbox issuer vouch for an account, or the operator issuer for an operator.

        The token is kept in ``tokens/`` for later commands, readable by its owner alone; its path is returned.
        """
        venue = self.venue
        if level not in venue.levels:
            raise FxEngineError(f"level {level!r} is not one of this venue's: {', '.join(venue.levels)}")
        issuer = venue.issuers[OPERATOR_ISSUER if level == "operator" else SANDBOX_ISSUER]
        if jurisdiction not in issuer.jurisdictions:
            known = ", ".join(sorted(issuer.jurisdictions))
            raise FxEngineError(f"{issuer.name} may not vouch for jurisdiction {jurisdiction!r}; it may for {known}")
        for code in currencies:
            if code not in venue.currency:
                raise FxEngineError(f"{code} is not listed here; listed are {', '.join(venue.currency)}")
        token = self._key_for(level).token(
            account,
            venue_id=venue.id,
            level=level,
            jurisdiction=jurisdiction,
            currencies=currencies or list(venue.currency),
            issued_at_ns=time.time_ns(),
            lifetime_s=lifetime_s,
        )
        path = self._token_file(account)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        partial = path.with_suffix(".partial")
        partial.unlink(missing_ok=True)
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(token)
        partial.replace(path)
        return path

    def token(self, account: str) -> str:
        """Return the token kept for an account."""
        path = self._token_file(account)
        try:
            return path.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            raise FxEngineError(
                f"no token of {account} is kept here; make one: fxengine token {account} --level payer"
            ) from None

    def operator_token(self, lifetime_s: int = 300) -> str:
        """Sign a fresh, short-lived token for the operator of this directory."""
        return self._key_for("operator").token(
            OPERATOR,
            venue_id=self.venue.id,
            level="operator",
            jurisdiction=min(self.venue.issuers[OPERATOR_ISSUER].jurisdictions),
            currencies=list(self.venue.currency),
            issued_at_ns=time.time_ns(),
            lifetime_s=lifetime_s,
        )

    def endpoints(self) -> Endpoints:
        """Return where the venue listens; :class:`VenueUnreachable` when it is not being served."""
        try:
            found = Endpoints(**json.loads(self.endpoints_file.read_text(encoding="utf-8")))
            os.kill(found.pid, 0)
        except (FileNotFoundError, ProcessLookupError):
            raise VenueUnreachable(
                f"the venue in {self.directory} is not being served; start it: fxengine serve {self.directory}"
            ) from None
        except (ValueError, TypeError):
            raise VenueUnreachable(f"{self.endpoints_file} is damaged; serve the venue again") from None
        except PermissionError:
            pass  # it lives, under another user
        return found

    def publish(self, endpoints: Endpoints) -> None:
        """Tell the other commands where the venue listens."""
        partial = self.endpoints_file.with_suffix(".partial")
        partial.write_text(
            json.dumps({"orders": endpoints.orders, "market_data": endpoints.market_data, "pid": endpoints.pid}),
            encoding="utf-8",
        )
        partial.replace(self.endpoints_file)

    def withdraw_endpoints(self, pid: int) -> None:
        """Say that this process no longer serves the venue; another's word stays."""
        try:
            ours = json.loads(self.endpoints_file.read_text(encoding="utf-8"))["pid"] == pid
        except (FileNotFoundError, ValueError, TypeError, KeyError):
            return
        if ours:
            self.endpoints_file.unlink(missing_ok=True)

    def _key_for(self, level: str) -> SigningKey:
        operator = level == "operator"
        issuer, kid = (OPERATOR_ISSUER, OPERATOR_KID) if operator else (SANDBOX_ISSUER, SANDBOX_KID)
        return load_key(self.keys, issuer, kid)

    def _token_file(self, account: str) -> Path:
        plain = account.isascii() and all(c.isalnum() or c in "-_.@" for c in account) and account[:1].isalnum()
        if not (plain and len(account) <= NAME_MAX):
            raise FxEngineError(
                f"account name {account[:NAME_MAX]!r} is not up to {NAME_MAX} letters, digits, '-', '_', '.' and '@'"
            )
        return self.tokens / f"{account}.jwt"
