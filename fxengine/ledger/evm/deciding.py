"""What to do next: a pure function of the outbox and one look at the chain.

A look is one moment of the chain, every part of it read at one block. It alone says what is settled; receipts,
pools and what a node once answered are hints. So after a crash, a reorganisation or a restored backup there is
nothing to repair: the next look decides anew::

    vault's last batch         outbox: 1 .. 5 | 6  7  8  9 | 10
    is 5, and its head is                      waiting: 6 owns the operator's next nonce, 7 the one after it,
    the one stored for 5                       four at most are in flight; each is signed, then sent, then awaited

    head differs, or vault ahead of the outbox     another history: stop, and let somebody look
    vault behind what was FINAL                    the chain undid what it may not: stop
    nonce of the oldest taken by another           sign it again with the next nonce
    oldest not taken for some blocks               sign it again, with more fees
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from fxengine.ledger.evm.outbox import Row

IN_FLIGHT_MAX: Final = 4
"""Transactions that wait for a block at a time; a node keeps only so many of one sender."""
STUCK_BLOCKS: Final = 4
"""Blocks that pass a transaction over before it offers more."""
NONCES_MAX: Final = 8
"""Nonces that one batch may lose before somebody has to look: it is mined and fails, again and again."""


class Look(NamedTuple):
    """One moment of the chain: block ``number``, and what stood there."""

    number: int
    block_hash: str
    time_s: int
    base_fee: int  # wei per gas
    batch_id: int  # the vault's last batch
    head: bytes
    paused: bool
    is_frozen: bool
    nonce: int  # the operator's next
    final_batch_id: int  # the vault's last batch at the newest block that is final
    final_head: bytes  # empty where the vault was not there yet
    operator_seen_s: int = 0  # when the operator last settled or called, as the vault has it
    tip: int = 0  # what the node finds enough for a block's maker, wei per gas


class Sent(NamedTuple):
    """When this process sent a transaction: at the height of which block first, and at which block last."""

    raw: bytes
    first: int
    last: str  # its hash


@dataclass(frozen=True, slots=True)
class Sign:
    """Sign the batch with this nonce; ``more``: at higher fees than the transaction that it replaces."""

    batch_id: int
    nonce: int
    more: bool = False


@dataclass(frozen=True, slots=True)
class Send:
    """Send the batch's transaction, for the first time or again: a node knows it, or has lost it."""

    batch_id: int


@dataclass(frozen=True, slots=True)
class Hold:
    """Wait: it may pass, but somebody should know why."""

    code: str
    why: str


@dataclass(frozen=True, slots=True)
class Halt:
    """Post nothing more before somebody has looked. ``why`` says what is wrong and what to do."""

    code: str
    why: str


def judge(
    look: Look, last: int, final: int, final_block: int, heads: tuple[bytes | None, bytes | None]
) -> Hold | Halt | None:
    """Say whether this is the outbox's chain: None, or why nothing may be done now.

    ``last`` and ``final`` are the outbox's newest batch and its newest that is FINAL, seen in block
    ``final_block``; ``heads`` what it has stored for the look's batch and for the look's final batch. O(1).
    """
    if look.batch_id < final and look.number < final_block:
        return Hold(
            "NODE_BEHIND",
            f"the node is at block {look.number} and knows batch {look.batch_id}, but batch {final} was FINAL in block"
            f" {final_block}: wait until it has caught up, or name another node",
        )
    if look.batch_id > last:
        return Halt(
            "BOOKS_BEHIND",
            f"the vault has settled batch {look.batch_id}, but these books end with batch {last}: they are an old"
            " copy, or another venue posts with the same key. Restore the newest copy of the ledger's directory",
        )
    seen = (look.batch_id, look.head), (look.final_batch_id, look.final_head)
    for (batch_id, head), stored in zip(seen, heads, strict=True):
        if head and head != stored:
            return Halt(
                "HEAD_DIFFERS",
                f"the vault's head after batch {batch_id} is {head.hex()}, and these books have"
                f" {stored.hex() if stored else 'none'}: they are of different histories. Compare both with fxengine"
                " verify before anything is posted",
            )
    if look.batch_id < final:
        return Halt(
            "FINAL_UNDONE",
            f"the chain undid batches after {look.batch_id}, and those up to {final} were FINAL: its finality policy is"
            " too weak. Set a stronger one in deployment.json, then start once with ?resend=final in the ledger's URL",
        )
    return None


def decide(
    waiting: Sequence[Row], sent: Mapping[int, Sent], nonces: Mapping[int, int], look: Look
) -> Sign | Send | Hold | Halt | None:
    """Return what to do next, None where there is nothing to do before the next look.

    ``waiting`` are the rows after the look's batch, in order, the first few of them at least; ``sent`` says by
    batch what this process sent, ``nonces`` with how many nonces it signed it. Carried out and asked again, it
    comes to None after a few steps. O(1).
    """
    if not waiting:
        return _ended() if look.is_frozen else None
    first = waiting[0]
    if look.is_frozen:
        return Halt(
            "VAULT_FROZEN",
            f"the vault is frozen: it takes no more batches, and batch {first.batch_id} was not settled."
            " Holders leave with what they have there; see docs/trust.md",
        )
    if look.paused:
        return Hold("VAULT_PAUSED", "the guardian has paused the vault: it goes on when the guardian ends that")
    for place, row in enumerate(waiting[:IN_FLIGHT_MAX]):
        nonce = look.nonce + place
        if row.nonce != nonce:
            if not place and nonces.get(row.batch_id, 0) >= NONCES_MAX:
                return Hold(
                    "NONCES_LOST",
                    f"batch {row.batch_id} was signed with {NONCES_MAX} nonces and each was used otherwise:"
                    " somebody else sends with the operator's key, or the transaction fails in its block",
                )
            return Sign(row.batch_id, nonce)
        known = sent.get(row.batch_id)
        if known is None or known.raw != row.raw or known.last != look.block_hash:
            return Send(row.batch_id)
        if not place and look.number - known.first >= STUCK_BLOCKS:
            return Sign(row.batch_id, nonce, more=True)
    return None


def _ended() -> Hold:
    return Hold(
        "VAULT_FROZEN",
        "the vault is frozen and takes no more batches: what is traded from now on is settled nowhere. Let nobody trade"
        " (fxengine control venue cancel-only); holders leave with what they have there, without delay",
    )
