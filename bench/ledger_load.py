"""Batches as a busy venue makes them: makers who are in most trades, payers who come now and then.

A trade is between one of 50 makers and one of 10,000 payers, in one of eight books, with a fee and a
rebate. A batch of 1,000 nets to some 2,300 postings: a payer's two, a maker's one a currency, the fees'.
Nothing but a generator's state goes from batch to batch, so that millions of trades can be made as they
are posted, and outside of what is timed.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np

from fxengine.codes import CUSTODY_ACCOUNT, FEES_ACCOUNT, FIRST_CLIENT_ACCOUNT, EventFlag, EventKind, Side
from fxengine.ledger.batch import AccountName, Batch, Cursor
from fxengine.records import EVENT, MONEY_EVENT, Records
from fxengine.settlement import net
from fxengine.venue import Venue
from fxengine.venue_file import parse_venue

MAKERS: Final = 50
PAYERS: Final = 10_000
CURRENCIES: Final = ("EUR", "USD", "JPY", "HKD", "SGD", "BRL")
BOOKS: Final = ("EUR/USD", "USD/JPY", "USD/HKD", "USD/SGD", "USD/BRL", "EUR/JPY", "EUR/SGD", "EUR/BRL")
FUNDS_UNITS: Final = 10**14
_HEAD: Final = """
[venue]
id = "bench-ledger"
name = "Ledger bench"
[levels.any]
code = 1
[[issuers]]
iss = "https://kyc.example"
keys = { k1 = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" }
levels = ["any"]
jurisdictions = ["HK"]
"""


def make_venue() -> Venue:
    """Return a venue of six currencies and eight books."""
    currencies = [f'[[currencies]]\ncode = "{code}"\nname = "{code} coin"\ndecimals = 4\n' for code in CURRENCIES]
    fees = "maker_fee = -50\ntaker_fee = 200\n"
    books = [f'[[instruments]]\nsymbol = "{name}"\ntick = "0.0001"\nlot = "1"\n{fees}' for name in BOOKS]
    return parse_venue("\n".join([_HEAD, *currencies, *books]))


class Load:
    """An endless row of batches from a seed; ``cursor`` is where the ledger must stand for the next one."""

    def __init__(self, venue: Venue, seed: int, *, trades: int, payers: int = PAYERS) -> None:
        self._instruments = venue.instrument_records
        self._rng = np.random.default_rng(seed)
        self._trades = trades
        self._n_accounts = MAKERS + payers
        self._numbers = np.zeros(len(venue.instruments), np.int64)
        self.cursor = Cursor.genesis(venue)

    def opening(self) -> Batch:
        """Return the batch that names and funds everybody."""
        accounts = np.arange(FIRST_CLIENT_ACCOUNT, FIRST_CLIENT_ACCOUNT + self._n_accounts)
        events = np.zeros((len(accounts), len(CURRENCIES)), MONEY_EVENT)
        events["kind"], events["counterparty"], events["amount_units"] = (
            EventKind.DEPOSITED,
            CUSTODY_ACCOUNT,
            FUNDS_UNITS,
        )
        events["account"] = accounts[:, None]
        events["instrument"] = np.arange(len(CURRENCIES))
        flat = events.reshape(-1)
        flat["sequence"] = np.arange(1, len(flat) + 1)
        names = tuple(AccountName(account, "https://kyc.example", f"payer-{account}") for account in accounts.tolist())
        return self._batch(flat.view(EVENT), names)

    def batches(self, n: int) -> Iterator[Batch]:
        """Make the next ``n`` batches of trades."""
        for _ in range(n):
            yield self._batch(self._fills())

    def _fills(self) -> Records:
        n, rng = self._trades, self._rng
        fills = np.zeros((n, 2), EVENT)
        fills["kind"] = EventKind.FILL
        fills["sequence"] = (self.cursor.last_sequence + 1 + np.arange(n))[:, None]
        books = rng.integers(0, len(BOOKS), n)
        fills["instrument"] = books[:, None]
        fills["price_ticks"] = rng.integers(9_000, 11_000, n)[:, None]
        fills["quantity_lots"] = rng.integers(1, 5_000, n)[:, None]
        maker_sells = rng.integers(0, 2, n)
        fills["side"][:, 0] = np.where(maker_sells, Side.SELL, Side.BUY)
        fills["side"][:, 1] = np.where(maker_sells, Side.BUY, Side.SELL)
        fills["account"][:, 0] = FIRST_CLIENT_ACCOUNT + rng.integers(0, MAKERS, n)
        fills["account"][:, 1] = FIRST_CLIENT_ACCOUNT + MAKERS + rng.integers(0, self._n_accounts - MAKERS, n)
        fills["flags"][:, 0], fills["flags"][:, 1] = EventFlag.MAKER, EventFlag.TAKER
        fills["fee_units"][:, 0], fills["fee_units"][:, 1] = -2, 9
        for book in range(len(BOOKS)):
            of_book = books == book
            fills["instrument_stream"][of_book] = (self._numbers[book] + 1 + np.arange(of_book.sum()))[:, None]
            self._numbers[book] += of_book.sum()
        return fills.reshape(-1)

    def _batch(self, events: Records, names: tuple[AccountName, ...] = ()) -> Batch:
        result = net(events, self._instruments)
        batch = Batch.after(
            self.cursor,
            last_sequence=int(events["sequence"][-1]),
            time_ns=1_700_000_000_000_000_000 + self.cursor.batch_id * 1_000_000_000,
            journal_hash=self._rng.bytes(32),
            deltas=result.deltas,
            trades=result.trades,
            transfers=result.transfers,
            withdrawals=result.withdrawals,
            busts=result.busts,
            names=names,
        )
        assert FEES_ACCOUNT not in batch.trades["maker"]
        self.cursor = batch.cursor
        return batch
