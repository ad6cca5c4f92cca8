"""A small venue, and random but lawful batches for it; the crash test's child process makes the same ones."""

import random

import numpy as np

from fxengine.codes import CUSTODY_ACCOUNT, FEES_ACCOUNT, FIRST_CLIENT_ACCOUNT, EventKind, Side
from fxengine.ledger import BUST, DELTA, TRADE, TRANSFER, WITHDRAWAL, AccountName, Batch, Cursor
from fxengine.records import Records
from fxengine.venue import Venue

VENUE = """
[venue]
id = "test-venue"
name = "Test venue"

[levels.maker]
code = 1

[[issuers]]
iss = "https://kyc.example"
keys = { k1 = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" }
levels = ["maker"]
jurisdictions = ["HK"]

[[currencies]]
code = "USD"
name = "US dollar coin"
decimals = 6

[[currencies]]
code = "EUR"
name = "Euro coin"
decimals = 2

[[currencies]]
code = "JPY"
name = "Yen coin"
decimals = 0

[[instruments]]
symbol = "EUR/USD"
tick = "0.0001"
lot = "0.01"
maker_fee = -50
taker_fee = 200

[[instruments]]
symbol = "USD/JPY"
tick = "1"
lot = "1"
maker_fee = 0
taker_fee = 100
"""

Moves = list[tuple[int, int, int]]


class Books:
    """Makes lawful batches one after another, and keeps the balances that they must lead to."""

    def __init__(self, venue: Venue, rng: random.Random) -> None:
        self.venue = venue
        self.rng = rng
        self.cursor = Cursor.genesis(venue)
        self.balances: dict[tuple[int, int], int] = {}
        self.numbers = [0] * len(venue.instruments)

    def batch(self, *, n_accounts: int = 6, n_trades: int = 8) -> Batch:
        """Return the next batch: deposits (the first batch funds everybody), then trades with fees and rebates."""
        rng, first = self.rng, self.cursor.last_sequence + 1
        clients = range(FIRST_CLIENT_ACCOUNT, FIRST_CLIENT_ACCOUNT + n_accounts)
        funded = [(a, c.index) for a in clients for c in self.venue.currencies]
        if self.cursor.batch_id:
            funded = [rng.choice(funded)]
        moves: Moves = []
        transfers = np.zeros(len(funded), TRANSFER)
        for n, (payee, currency) in enumerate(funded):
            units = rng.randrange(10**12, 10**13)
            transfers[n] = (first + n, CUSTODY_ACCOUNT, payee, currency, EventKind.DEPOSITED, b"", units, 0, b"", b"")
            moves += [(CUSTODY_ACCOUNT, currency, -units), (payee, currency, units)]
        trades = np.zeros(n_trades, TRADE)
        for n in range(n_trades):
            trades[n], moved = self._trade(first + len(funded) + n, *rng.choices(clients, k=2))
            moves += moved
        names = tuple(AccountName(a, "https://kyc.example", f"payer-{a}") for a in sorted({a for a, _ in funded}))
        return self.close(moves, trades, transfers, last=first + len(funded) + n_trades, names=names)

    def _trade(self, sequence: int, buyer: int, seller: int) -> tuple[tuple[object, ...], Moves]:
        """Return a trade in which the maker sells and is paid a rebate, and what it moves."""
        pair = self.rng.choice(self.venue.instruments)
        self.numbers[pair.index] += 1
        price, lots = self.rng.randrange(1, 200), self.rng.randrange(1, 50)
        fee, rebate = 3, self.rng.randrange(3)
        base, quote = lots * pair.lot_units, pair.notional_units(price, lots)
        row = (
            sequence, self.numbers[pair.index], pair.index, Side.SELL, self.rng.randrange(2), seller, buyer, b"",
            price, lots, -rebate, fee,
        )  # fmt: skip
        return row, [
            (buyer, pair.base.index, base - fee),
            (seller, pair.base.index, rebate - base),
            (FEES_ACCOUNT, pair.base.index, fee - rebate),
            (buyer, pair.quote.index, -quote),
            (seller, pair.quote.index, quote),
        ]

    def close(
        self,
        moves: Moves,
        trades: Records | None = None,
        transfers: Records | None = None,
        withdrawals: Records | None = None,
        busts: Records | None = None,
        *,
        last: int | None = None,
        names: tuple[AccountName, ...] = (),
    ) -> Batch:
        """Net moves of (account, currency, units) and return them as the next batch."""
        totals: dict[tuple[int, int], int] = {}
        for account, currency, units in moves:
            totals[account, currency] = totals.get((account, currency), 0) + units
        rows = [(a, c, b"", units) for (a, c), units in sorted(totals.items()) if units]
        batch = Batch.after(
            self.cursor,
            last_sequence=last or self.cursor.last_sequence + 10,
            time_ns=1_700_000_000_000_000_000 + self.cursor.batch_id,
            journal_hash=self.rng.randbytes(32),
            deltas=np.array(rows, DELTA),
            trades=np.zeros(0, TRADE) if trades is None else trades,
            transfers=np.zeros(0, TRANSFER) if transfers is None else transfers,
            withdrawals=np.zeros(0, WITHDRAWAL) if withdrawals is None else withdrawals,
            busts=np.zeros(0, BUST) if busts is None else busts,
            names=names,
        )
        self.cursor = batch.cursor
        for account, currency, _, units in rows:
            self.balances[account, currency] = self.balances.get((account, currency), 0) + units
        return batch
