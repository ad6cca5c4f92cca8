"""A venue's directory: where everything one venue needs stands, under one name each.

::

    DIR/venue.toml      what the venue is; public
    DIR/keys/           signing keys of the sandbox issuer, the operator and the sandbox custodian,
                        CURVE keys, and the secret that proofs' salts are made of             0700
    DIR/tokens/         KYC tokens handed out here, one file for an account                   0700
    DIR/journal/        every command ever taken, in order
    DIR/snapshots/      the state at places of the journal; may be deleted at any time
    DIR/ledger.sqlite   the default ledger
    DIR/chain/          where its trades settle on a chain: the deployment, the books             0700
    DIR/attestations/   what custodians signed that they hold                                 0700
    DIR/commitments/    what the operator signed that the venue owes; public
    DIR/endpoints.json  where clients connect, while the venue is served

The commands, the demo and ``serve`` all find their way through this one class.
"""

import json
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path

from fxengine.errors import FxEngineError, VenueUnreachable
from fxengine.keyring import Keyring, checked_name
from fxengine.ledger.base import ledger_of
from fxengine.private_files import create_private, read_private
from fxengine.proof.prover import SECRET_BYTES
from fxengine.proof.published import Commitments
from fxengine.reserves.attestation import TYPE as ATTESTATION_TYPE
from fxengine.reserves.attestation import Attestation, AttestationFlaw, attestation_claims
from fxengine.reserves.attestations import FOLDER_NAME, Attestations
from fxengine.sandbox import SigningKey, create_key, load_key
from fxengine.transport import ClientCurve
from fxengine.venue import Issuer, Venue
from fxengine.venue_file import load_venue

SANDBOX_ISSUER, SANDBOX_KID = "sandbox", "sandbox-1"
OPERATOR_ISSUER, OPERATOR_KID = "operator", "operator-1"
CUSTODIAN, CUSTODIAN_KID = "sandbox-custodian", "custodian-1"
OPERATOR = "operator-1"
"""The operator's account in a sandbox."""

SANDBOX_RESERVES = "9000000000000"
"""What the sandbox custodian says it holds of each currency when a venue is made: play money, and plenty."""
SANDBOX_DAYS = 30
"""For how long a sandbox's first attestations are good."""
_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where a served venue listens: ZeroMQ addresses, and the process that holds them."""

    orders: str
    market_data: str
    pid: int
    server_key: str = ""
    """The venue's public CURVE key; empty on plain lines."""


class Home:
    """One venue's directory. Nothing is read or made before it is asked for."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.venue_file = directory / "venue.toml"
        self.keys = directory / "keys"
        self.keyring = Keyring(self.keys)
        self.tokens = directory / "tokens"
        self.endpoints_file = directory / "endpoints.json"

    def ledger(self, given: str | None = None) -> str:
        """Return the URL of the venue's ledger: its own file where none is given."""
        return ledger_of(self.directory, given)

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
            ("@CUSTODIAN_KEY@", CUSTODIAN, CUSTODIAN_KID),
        ):
            template = template.replace(mark, create_key(home.keys, issuer, kid).public_text)
        home.venue_file.write_text(template, encoding="utf-8")
        for code in home.venue.currency:
            home.attest(code, SANDBOX_RESERVES, reference="sandbox", lifetime_s=SANDBOX_DAYS * _DAY_S)
        return home

    @cached_property
    def venue(self) -> Venue:
        """The checked venue description."""
        return load_venue(self.venue_file)

    def issue_token(
        self,
        account: str,
        *,
        level: str,
        jurisdiction: str,
        currencies: list[str],
        lifetime_s: int,
        client_key: str = "",
        scope: Mapping[str, object] | None = None,
        issuer_name: str | None = None,
    ) -> Path:
        """Let an issuer vouch for an account: unless one is named the sandbox's, or the operator's for an operator.

        The token is kept in ``tokens/`` for later commands, readable by its owner alone; its path is
        returned. It names ``client_key``, or else the CURVE key that was made here for the account.
        """
        venue = self.venue
        if level not in venue.levels:
            raise FxEngineError(f"level {level!r} is not one of this venue's: {', '.join(venue.levels)}")
        issuer = self._issuer_for(level, issuer_name)
        if level not in issuer.levels:
            known = ", ".join(sorted(issuer.levels))
            raise FxEngineError(f"{issuer.name} may not vouch for level {level!r}; it may for {known}")
        if jurisdiction not in issuer.jurisdictions:
            known = ", ".join(sorted(issuer.jurisdictions))
            raise FxEngineError(f"{issuer.name} may not vouch for jurisdiction {jurisdiction!r}; it may for {known}")
        for code in currencies:
            if code not in venue.currency:
                raise FxEngineError(f"{code} is not listed here; listed are {', '.join(venue.currency)}")
        path = self._token_file(account)
        own = self.keyring.account(account)
        token = self._newest_key(issuer.name, issuer.keys).token(
            account,
            venue_id=venue.id,
            level=level,
            jurisdiction=jurisdiction,
            currencies=currencies or [code for code in venue.currency if code in (issuer.issues or venue.currency)],
            issued_at_ns=time.time_ns(),
            lifetime_s=lifetime_s,
            client_key=client_key or (own.public if own else ""),
            scope=scope,
        )
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
                f"no token of {account} is kept here; make one: fxengine token issue {account} --level payer"
            ) from None

    def operator_token(self, lifetime_s: int = 300, *, client_key: str = "") -> str:
        """Sign a fresh, short-lived token for the operator of this directory; see :meth:`issue_token`."""
        issuer = self._issuer_for("operator")
        return self.operator_key().token(
            OPERATOR,
            venue_id=self.venue.id,
            level="operator",
            jurisdiction=min(issuer.jurisdictions),
            currencies=list(self.venue.currency),
            issued_at_ns=time.time_ns(),
            lifetime_s=lifetime_s,
            client_key=client_key,
        )

    def operator_key(self) -> SigningKey:
        """Return the operator's newest signing key, which credits accounts and signs commitments."""
        issuer = self._issuer_for("operator")
        return self._newest_key(issuer.name, issuer.keys)

    @property
    def operator_keys(self) -> dict[str, dict[str, bytes]]:
        """The public keys of the venue's operators: issuer to key id to raw Ed25519 key."""
        return {issuer.name: issuer.keys for issuer in self.venue.issuers.values() if issuer.operator}

    @property
    def commitments(self) -> Commitments:
        """The commitments that the operator has published."""
        return Commitments(self.directory / "commitments", self.operator_keys)

    def proof_secret(self) -> bytes:
        """Return the secret that salts of proofs are made of, made the first time. Lost, no proof can be repeated."""
        path = self.keys / "salts.secret"
        if not path.exists():
            create_private(path, os.urandom(SECRET_BYTES), "secret")
        secret = read_private(path, "secret")
        if len(secret) < SECRET_BYTES:
            raise FxEngineError(
                f"{path} is cut short; put back the copy that you kept: without it no proof of a batch that is"
                " committed to can be made again. If nothing was ever proved here, remove it"
            )
        return secret

    @property
    def attestations(self) -> Attestations:
        """The reserve attestations that are kept here."""
        return Attestations(self.directory / FOLDER_NAME, self.venue)

    def attest(
        self, currency: str, amount: str, *, reference: str, lifetime_s: int, custodian: str | None = None
    ) -> Attestation:
        """Let a custodian whose key is kept here say what it holds of a currency; the attestation is kept.

        Raises :class:`FxEngineError` where no such key is here, or a newer attestation is kept.
        """
        if currency not in self.venue.currency:
            raise FxEngineError(f"{currency} is not listed here; listed are {', '.join(self.venue.currency)}")
        able = [c for c in self.venue.custodians.values() if currency in c.currencies and custodian in {None, c.name}]
        able = [c for c in able if any((self.keys / f"{kid}.pem").exists() for kid in c.keys)]
        if not able:
            raise FxEngineError(
                f"no custodian of {currency} has its key here; where it signs elsewhere, take its attestation in:"
                " fxengine reserves take FILE"
            )
        if len(able) > 1:
            names = " or ".join(c.name for c in able)
            raise FxEngineError(f"several custodians of {currency} have keys here; say --custodian {names}")
        now_ns = time.time_ns()
        claims = attestation_claims(
            self.venue, currency, amount, issued_at_ns=now_ns, lifetime_s=lifetime_s, reference=reference
        )
        token = self._newest_key(able[0].name, able[0].keys).sign(claims, typ=ATTESTATION_TYPE)
        taken = self.attestations.take(token, now_ns)
        if isinstance(taken, AttestationFlaw):
            raise FxEngineError(f"not attested: {taken.value}")
        return taken[0]

    def curve(self, account: str) -> ClientCurve | None:
        """Return what an account's connection to the served venue needs; None where its lines are plain."""
        server_key = self.endpoints().server_key
        if not server_key:
            return None
        pair = self.keyring.operator(account) if account == OPERATOR else self.keyring.account(account)
        if pair is None:
            raise FxEngineError(
                f"this venue takes CURVE connections alone, and {account} has no key here; make one, and a token that"
                f" names it: fxengine keys client {account}, then fxengine token issue {account} --level payer"
            )
        return ClientCurve(server_key, pair)

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
        partial.write_text(json.dumps(asdict(endpoints)), encoding="utf-8")
        partial.replace(self.endpoints_file)

    def withdraw_endpoints(self, pid: int) -> None:
        """Say that this process no longer serves the venue; another's word stays."""
        try:
            ours = json.loads(self.endpoints_file.read_text(encoding="utf-8"))["pid"] == pid
        except (FileNotFoundError, ValueError, TypeError, KeyError):
            return
        if ours:
            self.endpoints_file.unlink(missing_ok=True)

    def new_signing_key(self, kid: str, issuer: str = SANDBOX_ISSUER) -> SigningKey:
        """Make a key for an issuer; it signs from when the venue file lists it."""
        return create_key(self.keys, issuer, kid)

    def _issuer_for(self, level: str, name: str | None = None) -> Issuer:
        name = name or (OPERATOR_ISSUER if level == "operator" else SANDBOX_ISSUER)
        try:
            return self.venue.issuers[name]
        except KeyError:
            raise FxEngineError(f"{self.venue_file} lists no issuer {name!r}, so no token can be signed here") from None

    def _newest_key(self, name: str, listed: Mapping[str, bytes]) -> SigningKey:
        """Load the last key in a signer's list of which the private half is kept here."""
        here = [kid for kid in listed if (self.keys / f"{kid}.pem").exists()]
        return load_key(self.keys, name, here[-1] if here else next(iter(listed)))

    def _token_file(self, account: str) -> Path:
        return self.tokens / f"{checked_name(account)}.jwt"
