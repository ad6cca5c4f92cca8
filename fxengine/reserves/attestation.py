"""A reserve attestation: a custodian's signed word about how much of one currency it holds.

It is a JWT of its own type, signed with Ed25519 by a key that the venue file lists for the custodian. It
is opened as strictly as a KYC token (see fxengine.signed), then held against the venue, and each failure
has its own name: form, algorithm, type, custodian, signature, claims, venue, currency, amount, time.

========= =========================================================================================
``iss``      the custodian, as the venue file lists it
``aud``      the venue's id
``currency`` a code that the custodian is listed for
``amount``   what it holds, as exact decimal text
``iat``      when it held that, in whole seconds since 1970
``exp``      until when its word is good, if the venue takes it for that long
``ref``      what it rests on: a statement's or an audit's reference; may be empty
========= =========================================================================================

Source: RFC 7519, RFC 8725, section 3.11 (explicit types).
"""

from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from fxengine.errors import AmountError
from fxengine.signed import NS_PER_SECOND, TokenFlaw, TokenOpener, numeric_date_ns
from fxengine.venue import Venue

TYPE: Final = "fxengine-reserves+jwt"
BYTES_MAX: Final = 4_096
REFERENCE_BYTES_MAX: Final = 255


class AttestationFlaw(Enum):
    """Why an attestation is not taken. The name is stable; the value says what it means."""

    MALFORMED = "this is no JWT of at most 4096 bytes: three parts in base64url, JSON objects without doubled names"
    ALGORITHM = "it is not signed with EdDSA; nothing else is taken"
    TYPE = f"it is a token of another kind; the header of an attestation has typ {TYPE}"
    UNKNOWN_CUSTODIAN = "the venue file lists no custodian of that name with that key"
    SIGNATURE = "its signature does not hold: it was changed, or another key made it"
    CLAIM = "a claim is missing or malformed; see docs/reserves.md"
    OTHER_VENUE = "it is addressed to another venue"
    CURRENCY = "the custodian is not listed for this currency"
    AMOUNT = "the amount is not exact decimal text of the currency, zero or more"
    EXPIRED = "its time is over; ask the custodian for a new one"
    NOT_YET_VALID = "it is dated in the future; compare the clocks"
    OUTDATED = "a newer one of the custodian for this currency is kept already"


_FLAWS: Final = {
    TokenFlaw.MALFORMED: AttestationFlaw.MALFORMED,
    TokenFlaw.ALGORITHM: AttestationFlaw.ALGORITHM,
    TokenFlaw.TYPE: AttestationFlaw.TYPE,
    TokenFlaw.UNKNOWN_KEY: AttestationFlaw.UNKNOWN_CUSTODIAN,
    TokenFlaw.SIGNATURE: AttestationFlaw.SIGNATURE,
}


@dataclass(frozen=True, slots=True)
class Attestation:
    """What a custodian said it holds. Frozen; two are equal when they say the same."""

    custodian: str
    currency: str
    amount_units: int
    issued_at_ns: int
    expires_ns: int
    reference: str

    def is_fresh(self, now_ns: int, max_age_s: int) -> bool:
        """Say whether it counts at ``now_ns``: within its own time, and not older than the venue allows."""
        age_ns = now_ns - self.issued_at_ns
        return 0 <= age_ns <= max_age_s * NS_PER_SECOND and now_ns < self.expires_ns


def attestation_claims(
    venue: Venue, currency: str, amount: str, *, issued_at_ns: int, lifetime_s: int, reference: str
) -> dict[str, object]:
    """Return the claims that a custodian signs, but for its name. Times are rounded down to whole seconds.

    Raises :class:`AmountError` for an amount that is not exact or is below zero.
    """
    if venue.currency[currency].units(amount) < 0:
        raise AmountError(f"nobody can hold {amount} {currency}: say zero or more")
    issued_at_s = issued_at_ns // NS_PER_SECOND
    return {
        "aud": venue.id,
        "currency": currency,
        "amount": amount,
        "iat": issued_at_s,
        "exp": issued_at_s + lifetime_s,
        "ref": reference,
    }


class AttestationVerifier:
    """Verifies attestations against one venue's custodians."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        keys = {custodian.name: custodian.keys for custodian in venue.custodians.values()}
        self._opener = TokenOpener(keys, bytes_max=BYTES_MAX, typ=TYPE)

    def verify(self, token: str, now_ns: int) -> Attestation | AttestationFlaw:
        """Return what a custodian says and may be counted at ``now_ns``, or the first reason not to take it.

        Never raises on the token's account. Whether it is too old for this venue is not asked here.
        """
        found = self.open(token)
        if isinstance(found, AttestationFlaw):
            return found
        if found.expires_ns <= now_ns:
            return AttestationFlaw.EXPIRED
        return AttestationFlaw.NOT_YET_VALID if found.issued_at_ns > now_ns else found

    def open(self, token: str) -> Attestation | AttestationFlaw:
        """Return what a custodian said, whenever that was, or the first reason why it did not."""
        opened = self._opener.open(token.strip())
        if isinstance(opened, TokenFlaw):
            return _FLAWS[opened]
        claims = opened.claims
        currency, amount, reference = claims.get("currency"), claims.get("amount"), claims.get("ref")
        issued_at_ns, expires_ns = numeric_date_ns(claims.get("iat")), numeric_date_ns(claims.get("exp"))
        if issued_at_ns is None or expires_ns is None or expires_ns <= issued_at_ns:
            return AttestationFlaw.CLAIM
        if not isinstance(currency, str) or not _is_reference(reference):
            return AttestationFlaw.CLAIM
        if claims.get("aud") != self._venue.id:
            return AttestationFlaw.OTHER_VENUE
        if currency not in self._venue.custodians[opened.issuer].currencies:
            return AttestationFlaw.CURRENCY
        try:
            units = self._venue.currency[currency].units(amount)  # type: ignore[arg-type] # it refuses what is no text
        except AmountError:
            return AttestationFlaw.AMOUNT
        if units < 0:
            return AttestationFlaw.AMOUNT
        return Attestation(opened.issuer, currency, units, issued_at_ns, expires_ns, str(reference))


def _is_reference(value: Any) -> bool:  # noqa: ANN401 - a claim may be anything
    try:
        return isinstance(value, str) and len(value.encode()) <= REFERENCE_BYTES_MAX and value.isprintable()
    except UnicodeEncodeError:
        return False
