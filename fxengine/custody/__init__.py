"""Money between a vault on a chain and the venue's books: deposits, requested withdrawals, exits.

The vault needs nobody's leave: holders pay in and leave by themselves. What they did there is said to the venue
here, once and in the venue's own words (DEPOSIT, WITHDRAW, WITHDRAWAL), by an account of the vault's *issuer*: the
venue file lists it as the issuer of every currency that the vault holds, so that no operator can credit what is
not there.
"""
