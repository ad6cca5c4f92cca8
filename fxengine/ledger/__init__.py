"""Where settled money is kept: the ``Ledger`` protocol, its batches, and the backends behind a URL."""

from fxengine.ledger.base import Ledger, open_ledger
from fxengine.ledger.batch import BUST, DELTA, TRADE, TRANSFER, WITHDRAWAL, AccountName, Batch, Cursor, WithdrawalStep

__all__ = [
    "BUST",
    "DELTA",
    "TRADE",
    "TRANSFER",
    "WITHDRAWAL",
    "AccountName",
    "Batch",
    "Cursor",
    "Ledger",
    "WithdrawalStep",
    "open_ledger",
]
