"""Why a proof does not hold: one name and one sentence for each."""

from enum import Enum

from fxengine.signed import TokenFlaw


class ProofFlaw(Enum):
    """The first reason why a proof does not hold. The name is stable; the value is what it means."""

    MALFORMED = "the file is not a proof as docs/proof.md describes it"
    IMPOSSIBLE_AMOUNT = "an amount on the way is below zero, or the amounts add up to more than 2^63 - 1 units"
    WRONG_TOTAL = "the amounts on the way do not add up to the total that the file claims"
    WRONG_ROOT = "the way does not lead to the root that the file claims: something in it was changed"
    OTHER_ROOT = "it is a proof under another root than the one that was given"
    OTHER_VENUE = "the commitment is another venue's"
    OTHER_BATCH = "the commitment is to another batch than the proof; ask for the commitment to the proof's batch"
    OTHER_HEAD = "the commitment is to another history: the batch's head differs"
    OTHER_CURRENCY = "the commitment says nothing about this currency, or counts it in other decimals"
    OTHER_INSTRUMENT = "the trade is not in the instrument or under the number that the file claims"
    NOT_COMMITTED = "the root or total is not the one that the venue committed to: this proof is not of its books"
    COMMITMENT_MALFORMED = "the commitment is not one: not a JWT of that form, or a claim of it is wrong"
    COMMITMENT_ALGORITHM = "the commitment is not signed with EdDSA"
    COMMITMENT_TYPE = "the token is of another kind: it is no commitment"
    COMMITMENT_KEY = "the commitment is not signed by a key of the venue's operator that is known here"
    COMMITMENT_SIGNATURE = "the commitment's signature does not hold: it was changed, or another key made it"


COMMITMENT_FLAWS = {flaw: ProofFlaw[f"COMMITMENT_{flaw.name.removeprefix('UNKNOWN_')}"] for flaw in TokenFlaw}
"""What a flaw of the signed token is called here."""
