"""A commitment: what the venue signs about one batch, published so that everybody sees the same.

It is a JWT of the operator's key with its own type, so that neither a KYC token of the same key nor an
attestation passes for it. Proofs are small because they end here::

    commitment (signed, public)
      batch, head, journal_hash      which moment of which history
      trades: count, root            <- a trade's proof ends at this root
      liabilities: currency -> total, root
                                     <- an account's proof ends at its currency's root

A venue that signs two commitments to one batch that differ has signed the evidence against itself.
Amounts are whole units as decimal text, for JSON readers whose numbers are floats; hashes are lower-case
hexadecimal. The claims are listed field by field in docs/proof.md.

Source: RFC 7519 (JWT), RFC 8725, section 3.11 (explicit types).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Self

from fxengine.money import format_scaled
from fxengine.proof.fields import Fields, FieldsError
from fxengine.proof.flaws import ProofFlaw
from fxengine.signed import TokenFlaw, TokenOpener

TYPE: Final = "fxengine-commitment+jwt"
BYTES_MAX: Final = 1 << 20


class Liabilities(NamedTuple):
    """What the venue owes in one currency: the root of its sum tree, and the sum that the root commits to."""

    decimals: int
    total_units: int
    root: bytes

    @property
    def total_text(self) -> str:
        """The sum as a decimal amount."""
        return format_scaled(self.total_units, self.decimals)


@dataclass(frozen=True, slots=True)
class Commitment:
    """What is committed to about one batch."""

    venue: str
    batch: int
    head: bytes
    journal_hash: bytes
    last_sequence: int
    time_ns: int  # of the batch
    n_trades: int
    trades_root: bytes
    instruments: tuple[str, ...]  # symbols, in the order of their numbers in trade records
    liabilities: dict[str, Liabilities]  # by currency code

    def is_about_another(self, venue: str, batch: int, head: bytes) -> ProofFlaw | None:
        """Return why this commits to another moment than a proof is of; None where it is the same."""
        if venue != self.venue:
            return ProofFlaw.OTHER_VENUE
        if batch != self.batch:
            return ProofFlaw.OTHER_BATCH
        return ProofFlaw.OTHER_HEAD if head != self.head else None

    def claims(self) -> dict[str, Any]:
        """Return the claims to sign, but for who signs and when. O(currencies + instruments)."""
        return {
            "venue": self.venue,
            "batch": self.batch,
            "head": self.head.hex(),
            "journal_hash": self.journal_hash.hex(),
            "last_sequence": self.last_sequence,
            "time_ns": str(self.time_ns),
            "trades": {"count": self.n_trades, "root": self.trades_root.hex()},
            "instruments": list(self.instruments),
            "liabilities": {
                code: {"decimals": owed.decimals, "total_units": str(owed.total_units), "root": owed.root.hex()}
                for code, owed in self.liabilities.items()
            },
        }

    @classmethod
    def from_claims(cls, claims: dict[str, Any]) -> Self:
        """Read the claims of a commitment; :class:`FieldsError` names the one that is not as it must be."""
        top = Fields(claims)
        trades = top.table("trades")
        liabilities = top.table("liabilities")
        return cls(
            venue=top.text("venue"),
            batch=top.number("batch"),
            head=top.digest("head"),
            journal_hash=top.digest("journal_hash"),
            last_sequence=top.number("last_sequence"),
            time_ns=top.decimal("time_ns"),
            n_trades=trades.number("count"),
            trades_root=trades.digest("root"),
            instruments=tuple(top.texts("instruments")),
            liabilities={
                code: Liabilities(owed.number("decimals", 8), owed.decimal("total_units"), owed.digest("root"))
                for code in liabilities.names()
                for owed in [liabilities.table(code)]
            },
        )


def open_commitment(token: str, keys: Mapping[str, Mapping[str, bytes]]) -> Commitment | TokenFlaw:
    """Return what one of the signers committed to, or why the token is no commitment of theirs.

    ``keys``: issuer to key id to raw Ed25519 public key.
    """
    signed = TokenOpener(keys, bytes_max=BYTES_MAX, typ=TYPE).open(token.strip())
    if isinstance(signed, TokenFlaw):
        return signed
    try:
        return Commitment.from_claims(signed.claims)
    except FieldsError:
        return TokenFlaw.MALFORMED
