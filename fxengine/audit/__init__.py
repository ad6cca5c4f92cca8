"""``fxengine verify``: reads a venue's journal and ledger anew, and trusts nothing but the reference core."""

from fxengine.audit.verify import Findings, verify

__all__ = ["Findings", "verify"]
