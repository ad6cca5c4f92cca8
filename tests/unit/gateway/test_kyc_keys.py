"""A token is tied to its client's key where it names one, and an issuer's keys come and go without a gap."""

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fxengine.codes import RejectReason as R
from fxengine.gateway.kyc import Credential, TokenVerifier
from tests.integration.venue_thread import START_NS
from tests.unit.gateway.test_kyc import CLIENT_KEY, NOW_S, Issuers

OTHER_KEY = "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6"


@pytest.fixture(scope="module")
def issuers() -> Issuers:
    return Issuers()


def test_a_token_of_a_clients_key_is_good_on_that_clients_connection_alone(issuers: Issuers) -> None:
    bound, unbound = issuers.token(cnf={"curve": CLIENT_KEY}), issuers.token()
    granted = issuers.verifier.verify(bound, START_NS, CLIENT_KEY)
    assert isinstance(granted, Credential)
    assert granted.client_key == CLIENT_KEY
    assert issuers.verifier.verify(bound, START_NS, OTHER_KEY) is R.CLIENT_KEY_MISMATCH
    assert issuers.verifier.verify(bound, START_NS, None) is R.CLIENT_KEY_MISMATCH
    assert issuers.verifier.verify(unbound, START_NS, CLIENT_KEY) is R.CLIENT_KEY_MISMATCH


def test_a_token_that_is_no_good_says_so_whoever_presents_it(issuers: Issuers) -> None:
    expired = issuers.token(cnf={"curve": CLIENT_KEY}, exp=NOW_S)
    assert issuers.verifier.verify(expired, START_NS, OTHER_KEY) is R.TOKEN_EXPIRED


def test_an_issuer_changes_its_key_without_a_token_refused() -> None:
    before = Issuers()
    fresh = Ed25519PrivateKey.generate()
    keys = {
        "kyc-1": before.private.public_key().public_bytes_raw(),
        "kyc-2": fresh.public_key().public_bytes_raw(),
    }

    def venue_that_lists(*kids: str) -> TokenVerifier:
        issuer = replace(before.venue.issuers["https://kyc.example"], keys={kid: keys[kid] for kid in kids})
        return TokenVerifier(replace(before.venue, issuers=before.venue.issuers | {issuer.name: issuer}))

    old_token = before.token()
    new_token = before.token(kid="kyc-2", private=fresh)
    forged = before.token(kid="kyc-2")  # the old key under the new name
    only_old, both, only_new = venue_that_lists("kyc-1"), venue_that_lists(*keys), venue_that_lists("kyc-2")
    verdicts = [
        [verifier.verify(token, START_NS) for token in (old_token, new_token, forged)]
        for verifier in (only_old, both, only_new)
    ]
    good = Credential
    assert [[type(v) if isinstance(v, good) else v for v in row] for row in verdicts] == [
        [good, R.UNKNOWN_ISSUER, R.UNKNOWN_ISSUER],
        [good, good, R.TOKEN_SIGNATURE],
        [R.UNKNOWN_ISSUER, good, R.TOKEN_SIGNATURE],
    ]
