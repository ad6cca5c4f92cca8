"""Where settled money is kept: the ``Ledger`` protocol, its batches, and the backends behind a URL."""

from fxengine.ledger.base import Ledger, open_ledger
from fxengine.ledger.batch import DELTA, TRADE, TRANSFER, AccountName, Batch, Cursor

__all__ = ["DELTA", "TRADE", "TRANSFER", "AccountName", "Batch", "Cursor", "Ledger", "open_ledger"]
