"""The chain's own head of a batch: one hash for all that was ever settled on it, as the vault computes it.

It is Keccak-256 over seven words of 32 bytes, integers big-endian::

    prev_head | batch_id | last_sequence | n_trades | trades_root | journal_hash | keccak(deltas)

where ``deltas`` are the bytes of :mod:`fxengine.chain.deltas`. The first batch's ``prev_head`` is the head of
the venue's empty ledger (:meth:`fxengine.ledger.batch.Cursor.genesis`), so one vault serves one venue's rules.
Pure functions of bytes.
"""

from fxengine.errors import MissingExtraError

try:
    from eth_utils.crypto import keccak
except ImportError as e:
    raise MissingExtraError("evm", "hashing as a chain does") from e


def chain_head(
    prev_head: bytes,
    batch_id: int,
    last_sequence: int,
    n_trades: int,
    trades_root: bytes,
    journal_hash: bytes,
    deltas: bytes,
) -> bytes:
    """Return the head that the vault has after this batch: 32 bytes. O(deltas)."""
    numbers = b"".join(number.to_bytes(32, "big") for number in (batch_id, last_sequence, n_trades))
    return keccak(prev_head + numbers + trades_root + journal_hash + keccak(deltas))
