"""Proof that one account's balance is counted in what the venue says it owes: a file, and its check.

The file holds the account's identity, its salt and balance, and the siblings up to the root. It shows
whoever reads it that account's balance; of all others it shows their number only by its power of two,
and the sums of those subtrees that stand beside the way up: the last one is the balance of a single
account, whose name is hidden. The salt must stay with its owner: with it and a guess at a name anyone
can tell that the account is meant.

The check needs the file, and a root or a commitment from elsewhere. It says nothing about assets:
see ``fxengine reserves``.
"""

import json
from dataclasses import dataclass
from typing import Final, Self

from fxengine.money import format_scaled
from fxengine.proof.commitment import Commitment
from fxengine.proof.fields import Fields, FieldsError
from fxengine.proof.flaws import ProofFlaw
from fxengine.proof.sum_tree import PATH_MAX, Step, SumTreeError, climb, context_of, leaf_of, name_of, root_of

FORMAT: Final = "fxengine liability proof 1"


@dataclass(frozen=True, slots=True)
class LiabilityProof:
    """One account's place in one currency's sum tree at one batch."""

    venue: str
    currency: str
    decimals: int
    batch: int
    head: bytes
    account: int
    issuer: str
    subject: str
    salt: bytes
    amount_units: int
    path: tuple[Step, ...]
    total_units: int
    root: bytes

    @property
    def amount_text(self) -> str:
        """The balance as a decimal amount."""
        return format_scaled(self.amount_units, self.decimals)

    @property
    def total_text(self) -> str:
        """What the venue owes to all accounts together, as a decimal amount."""
        return format_scaled(self.total_units, self.decimals)

    def to_json(self) -> str:
        """Write the file. :meth:`from_json` reads it."""
        members = {
            "format": FORMAT, "venue": self.venue, "currency": self.currency, "decimals": self.decimals,
            "batch": self.batch, "head": self.head.hex(), "account": self.account, "issuer": self.issuer,
            "subject": self.subject, "salt": self.salt.hex(), "amount_units": str(self.amount_units),
            "path": [
                {"side": step.side, "amount_units": str(step.amount_units), "digest": step.digest.hex()}
                for step in self.path
            ],
            "total_units": str(self.total_units), "root": self.root.hex(),
        }  # fmt: skip
        return json.dumps(members, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read a file; :class:`FieldsError` names what is not as it must be."""
        top = Fields.of_json(text)
        if top.text("format") != FORMAT:
            raise FieldsError(f"format is not {FORMAT!r}")
        return cls(
            venue=top.text("venue"),
            currency=top.text("currency"),
            decimals=top.number("decimals", 8),
            batch=top.number("batch"),
            head=top.digest("head"),
            account=top.number("account", 2**32 - 1),
            issuer=top.text("issuer"),
            subject=top.text("subject"),
            salt=top.digest("salt"),
            amount_units=top.decimal("amount_units"),
            path=tuple(_step(step) for step in top.tables("path", PATH_MAX)),
            total_units=top.decimal("total_units"),
            root=top.digest("root"),
        )

    def check(self, *, root: bytes | None = None, commitment: Commitment | None = None) -> ProofFlaw | None:
        """Return why the proof does not hold, or None where it does. O(path).

        It is held against a root, a commitment, or both; against neither it only agrees with itself.
        """
        context = context_of(self.venue, self.currency, self.batch, self.head)
        name = name_of(context, self.salt, self.account, self.issuer, self.subject)
        try:
            top = climb(leaf_of(name, self.amount_units), self.path)
        except SumTreeError:
            return ProofFlaw.IMPOSSIBLE_AMOUNT
        if top.amount_units != self.total_units:
            return ProofFlaw.WRONG_TOTAL
        if root_of(context, top) != self.root:
            return ProofFlaw.WRONG_ROOT
        if root is not None and self.root != root:
            return ProofFlaw.OTHER_ROOT
        return self._check_commitment(commitment) if commitment else None

    def _check_commitment(self, commitment: Commitment) -> ProofFlaw | None:
        if flaw := commitment.is_about_another(self.venue, self.batch, self.head):
            return flaw
        owed = commitment.liabilities.get(self.currency)
        if owed is None or owed.decimals != self.decimals:
            return ProofFlaw.OTHER_CURRENCY
        return ProofFlaw.NOT_COMMITTED if (owed.root, owed.total_units) != (self.root, self.total_units) else None


def _step(step: Fields) -> Step:
    side = step.text("side")
    if side not in {"left", "right"}:
        raise FieldsError("a step's side is neither left nor right")
    return Step("left" if side == "left" else "right", step.decimal("amount_units"), step.digest("digest"))
