"""What a batch moves on chain, and the bytes that say so: 37 for each account and four neighbouring currencies.

Deposits and withdrawals move on chain by themselves, and the custody account is their mirror in the books. So
what a settlement says on chain is the batch's net amounts without those: each currency's sum to zero among the
accounts that are left. A record is::

    | currency / 4 u8 | account u32 | amount of currency 4g i64 | 4g+1 | 4g+2 | 4g+3 |        big-endian

in strictly ascending order of its first five bytes (the *key* of ``SettlementVault.vy``), none all zeros. So
there is exactly one way to write a batch down, and its hash can stand for it.
"""

from typing import Final, cast

import numpy as np

from fxengine.codes import CUSTODY_ACCOUNT, EventKind
from fxengine.errors import LedgerError
from fxengine.ledger.batch import DELTA, Batch
from fxengine.money import INT64_MAX
from fxengine.records import Records

LANES: Final = 4
"""Currencies that share one word of the vault's storage."""
RECORDS_MAX: Final = 768
"""Records that one settlement may carry."""

RECORD: Final = np.dtype([("group", "u1"), ("account", ">u4"), ("amounts_units", ">i8", (LANES,))])
assert RECORD.itemsize == 37


def net_on_chain(batch: Batch) -> Records:
    """Return a batch's ``(n,) DELTA`` without its deposits and withdrawals, and without the custody account.

    Raises :class:`LedgerError` where an amount does not fit 64 bits. O(content).
    """
    moved = batch.transfers[np.isin(batch.transfers["kind"], (EventKind.DEPOSITED, EventKind.WITHDRAWN))]
    deltas = batch.deltas[batch.deltas["account"] != CUSTODY_ACCOUNT]
    if not len(moved):
        return cast(Records, deltas)
    # Exact integers: deposits may add up to more than 64 bits hold, though what is left of them may not.
    net = {(account, currency): units for account, currency, _, units in deltas.tolist()}
    for transfer in moved:
        deposited = transfer["kind"] == EventKind.DEPOSITED
        key = (int(transfer["payee" if deposited else "payer"]), int(transfer["currency"]))
        units = int(transfer["amount_units"])
        net[key] = net.get(key, 0) + (-units if deposited else units)
    left = sorted((key, units) for key, units in net.items() if units)
    for (account, currency), units in left:
        if abs(units) > INT64_MAX:
            raise LedgerError(f"batch {batch.id} moves {units} units of currency {currency} of account {account}")
    found = np.zeros(len(left), DELTA)
    if left:
        found["account"], found["currency"] = np.array([key for key, _ in left], np.int64).T
        found["amount_units"] = [units for _, units in left]
    return found


def encode(deltas: Records) -> bytes:
    """Write ``(n,) DELTA`` records, in any order, as the vault reads them; zeros are left out. O(n log n).

    Raises :class:`LedgerError` where an account has two amounts of one currency, or the vault cannot know a currency.
    """
    deltas = deltas[deltas["amount_units"] != 0]
    if (deltas["currency"] >= 256).any():
        raise LedgerError("the vault knows 256 currencies at most")
    keys = (deltas["currency"].astype(np.int64) >> 2) << 32 | deltas["account"]
    found, place = np.unique(keys, return_inverse=True)
    lanes = deltas["currency"] % LANES
    if len(np.unique(place * LANES + lanes)) < len(deltas):
        raise LedgerError("an account has two amounts of one currency in a batch")
    records = np.zeros(len(found), RECORD)
    records["group"], records["account"] = found >> 32, found & 0xFFFFFFFF
    records["amounts_units"][place, lanes] = deltas["amount_units"]
    return records.tobytes()


def decode(content: bytes) -> Records:
    """Read what :func:`encode` wrote: ``(n,) DELTA`` by account, then currency. O(n log n).

    Raises :class:`LedgerError` for bytes that it would not have written.
    """
    if len(content) % RECORD.itemsize:
        raise LedgerError(f"deltas of {len(content)} bytes are no whole number of records")
    records = np.frombuffer(content, RECORD)
    amounts = records["amounts_units"].astype(np.int64)
    keys = records["group"].astype(np.int64) << 32 | records["account"]
    if (np.diff(keys) <= 0).any() or not amounts.any(axis=1).all():
        raise LedgerError("deltas are not in ascending order, or one of them is empty")
    row, lane = np.nonzero(amounts)
    deltas = np.zeros(len(row), DELTA)
    deltas["account"] = records["account"][row]
    deltas["currency"] = records["group"][row].astype(np.uint16) * LANES + lane
    deltas["amount_units"] = amounts[row, lane]
    return deltas[np.lexsort((deltas["currency"], deltas["account"]))]
