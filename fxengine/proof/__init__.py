"""Proof that the venue owes what it says: commitments to its liabilities and trades, checked offline."""
