"""A small venue, and random but lawful batches for it: what a ledger is checked with.

Everything that a batch can hold occurs in them: deposits with and without an external reference, trades
with fees and rebates, payments, withdrawals that are paid at once, held, paid and returned, and busts. All
follows from the random numbers that it is given.
"""

import random
from hashlib import blake2b
from typing import Final

import numpy as np

from fxengine.codes import CUSTODY_ACCOUNT, FEES_ACCOUNT, FIRST_CLIENT_ACCOUNT, EventKind, Side
from fxengine.ledger.batch import (
    BUST,
    DELTA,
    TRADE,
    TRANSFER,
    WITHDRAWAL,
    AccountName,
    Batch,
    Cursor,
    WithdrawalStep,
)
from fxengine.records import Records
from fxengine.venue import Venue

VENUE: Final = """
[venue]
id = "check-venue"
name = "Venue of a check"

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
"""What accounts gain: (account, currency, units)."""
_Line = tuple[object, ...]


class Books:
    """Makes lawful batches one after another, and keeps the balances that they must lead to."""

    def __init__(self, venue: Venue, rng: random.Random) -> None:
        self.venue = venue
        self.rng = rng
        self.cursor = Cursor.genesis(venue)
        self.balances: dict[tuple[int, int], int] = {}
        self.numbers = [0] * len(venue.instruments)
        self._held: list[tuple[int, int, int, int]] = []  # withdrawal, account, currency, units
        self._trades: list[tuple[_Line, Moves]] = []
        self._sequence = 0

    def batch(self, *, n_accounts: int = 6, n_trades: int = 8) -> Batch:
        """Return the next batch: deposits (the first batch funds everybody), trades, and all else that moves money."""
        rng, self._sequence = self.rng, self.cursor.last_sequence
        clients = range(FIRST_CLIENT_ACCOUNT, FIRST_CLIENT_ACCOUNT + n_accounts)
        funded = [(a, c.index) for a in clients for c in self.venue.currencies]
        if self.cursor.batch_id:
            funded = [rng.choice(funded)]
        moves: Moves = []
        transfers: list[_Line] = []
        for payee, currency in funded:
            units, reference = rng.randrange(10**12, 10**13), b""
            if rng.randrange(2):
                reference = blake2b(b"wire %d" % self._sequence, digest_size=16).digest()
            kind, parties = EventKind.DEPOSITED, (CUSTODY_ACCOUNT, payee)
            transfers.append(self._transfer(kind, *parties, currency, units, moves, reference=reference))
        trades = []
        for _ in range(n_trades):
            line, moved = self._trade(*rng.choices(clients, k=2))
            trades.append(line)
            moves += moved
            self._trades.append((line, moved))
        payer, payee = rng.sample(clients, 2)
        transfers.append(self._transfer(EventKind.RECEIVED, payer, payee, rng.randrange(3), 7, moves))
        transfers.append(self._transfer(EventKind.WITHDRAWN, payer, CUSTODY_ACCOUNT, rng.randrange(3), 5, moves))
        steps = self._end_withdrawals(transfers, moves) + self._hold(rng.choice(clients))
        busts = self._bust(moves)
        names = tuple(AccountName(a, "https://kyc.example", f"payer-{a}") for a in sorted({a for a, _ in funded}))
        return self.close(
            moves,
            np.array(trades, TRADE),
            np.array(transfers, TRANSFER),
            np.array(steps, WITHDRAWAL),
            np.array(busts, BUST),
            last=self._sequence,
            names=names,
        )

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

    def _next(self) -> int:
        self._sequence += 1
        return self._sequence

    def _transfer(
        self,
        kind: EventKind,
        payer: int,
        payee: int,
        currency: int,
        units: int,
        moves: Moves,
        *,
        withdrawal: int = 0,
        reference: bytes = b"",
    ) -> _Line:
        moves += [(payer, currency, -units), (payee, currency, units)]
        return (self._next(), payer, payee, currency, kind, b"", units, withdrawal, reference, b"")

    def _trade(self, buyer: int, seller: int) -> tuple[_Line, Moves]:
        """Return a trade in which the maker sells and is paid a rebate, and what it moves."""
        pair = self.rng.choice(self.venue.instruments)
        self.numbers[pair.index] += 1
        price, lots = self.rng.randrange(1, 200), self.rng.randrange(1, 50)
        fee, rebate = 3, self.rng.randrange(3)
        base, quote = lots * pair.lot_units, pair.notional_units(price, lots)
        row = (
            self._next(), self.numbers[pair.index], pair.index, Side.SELL, self.rng.randrange(2), seller, buyer, b"",
            price, lots, -rebate, fee,
        )  # fmt: skip
        return row, [
            (buyer, pair.base.index, base - fee),
            (seller, pair.base.index, rebate - base),
            (FEES_ACCOUNT, pair.base.index, fee - rebate),
            (buyer, pair.quote.index, -quote),
            (seller, pair.quote.index, quote),
        ]

    def _hold(self, account: int) -> list[_Line]:
        """Hold one withdrawal for a later batch, and one that is returned in this."""
        currency, steps = self.rng.randrange(3), []
        for _ in range(2):
            number, units = self._next(), self.rng.randrange(1, 100)
            self._held.append((number, account, currency, units))
            steps.append((number, number, account, currency, WithdrawalStep.HELD, b"", units))
        number, *rest, units = self._held.pop()
        return [*steps, (self._next(), number, *rest, WithdrawalStep.RETURNED, b"", units)]

    def _end_withdrawals(self, transfers: list[_Line], moves: Moves) -> list[_Line]:
        """Pay what an earlier batch held."""
        steps: list[_Line] = []
        while self._held:
            number, account, currency, units = self._held.pop()
            kind, parties = EventKind.WITHDRAWN, (account, CUSTODY_ACCOUNT)
            transfers.append(self._transfer(kind, *parties, currency, units, moves, withdrawal=number))
            steps.append((self._sequence, number, account, currency, WithdrawalStep.PAID, b"", units))
        return steps

    def _bust(self, moves: Moves) -> list[_Line]:
        """Reverse one trade of this or an earlier batch."""
        trade, moved = self._trades.pop(self.rng.randrange(len(self._trades)))
        moves += [(account, currency, -units) for account, currency, units in moved]
        return [(self._next(), trade[1], trade[2], b"")]
