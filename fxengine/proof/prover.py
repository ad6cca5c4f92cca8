"""The venue's half of a proof: trees over a ledger's rows, and the files that customers are given.

Everything comes from one look at the ledger, so a venue that is running may prove. Liabilities at an
older batch are the balances of now less what was posted since, so the newest batch costs O(accounts)
and an older one O(postings since) more.

Salts are not stored: each is an HMAC of the venue's secret over the tree's context and the account, so
the same proof can be made again later, and two batches or currencies never share a salt.
"""

import hmac
import struct
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np

from fxengine.codes import CUSTODY_ACCOUNT, Side
from fxengine.errors import LedgerError
from fxengine.ledger.batch import TRADE
from fxengine.ledger.merkle import inclusion_proof, tree_hash
from fxengine.ledger.reading import Reader
from fxengine.proof.commitment import Commitment, Liabilities
from fxengine.proof.liability import LiabilityProof
from fxengine.proof.sum_tree import SumTree, SumTreeError, context_of, name_of
from fxengine.proof.trade import TradeProof

SECRET_BYTES: Final = 32
_HOLDERS: Final = "SELECT account, coalesce(issuer, ''), coalesce(subject, '') FROM accounts"
_BALANCES: Final = "SELECT account, currency, amount_units FROM balances"
_SINCE: Final = "SELECT account, currency, sum(amount_units) FROM postings WHERE batch > ? GROUP BY account, currency"
_BATCH: Final = "SELECT head, journal_hash, last_sequence, time_ns, trades, trades_root FROM batches WHERE batch = ?"
_TRADES: Final = (
    "SELECT sequence, number, instrument, maker_side, swap, maker, taker, price_ticks, quantity_lots, maker_fee_units,"
    " taker_fee_units FROM trades WHERE batch = ? ORDER BY line"
)
_FIND_TRADE: Final = (
    "SELECT t.batch, t.line FROM trades t JOIN instruments i USING (instrument) WHERE i.symbol = ? AND t.number = ?"
)


@dataclass(frozen=True, slots=True)
class _Tree:
    context: bytes
    decimals: int
    accounts: dict[int, tuple[bytes, bytes, int]]  # account to salt, name and units
    tree: SumTree


class Prover:
    """Proofs about one batch of a ledger. Raises :class:`LedgerError` where the books cannot be read or proved."""

    def __init__(self, reader: Reader, secret: bytes, batch: int | None = None) -> None:
        """Look at ``batch``, or else at the newest. ``secret`` is the venue's, at least 32 bytes."""
        if len(secret) < SECRET_BYTES:
            raise ValueError(f"the secret that salts are made of has at least {SECRET_BYTES} bytes")
        self._reader = reader
        self._secret = secret
        self.venue = str(_only(reader.rows("SELECT id FROM venue"))[0])
        newest = reader.rows("SELECT max(batch) FROM batches")[0][0]
        if newest is None:
            raise LedgerError("ledger: no batch is posted yet, so there is nothing to prove")
        self.batch = batch or _int(newest)
        self._is_newest = self.batch == newest
        found = reader.rows(_BATCH, self.batch)
        if not found:
            raise LedgerError(f"ledger: it has no batch {self.batch}; the newest is {newest}")
        head, journal_hash, last_sequence, time_ns, n_trades, trades_root = found[0]
        self.head, self._journal_hash, self._trades_root = (_bytes(v) for v in (head, journal_hash, trades_root))
        self._last_sequence, self._time_ns, self._n_trades = (_int(v) for v in (last_sequence, time_ns, n_trades))

    @cached_property
    def commitment(self) -> Commitment:
        """What the venue commits to about the batch. O(accounts)."""
        symbols = self._reader.rows("SELECT symbol FROM instruments ORDER BY instrument")
        return Commitment(
            venue=self.venue,
            batch=self.batch,
            head=self.head,
            journal_hash=self._journal_hash,
            last_sequence=self._last_sequence,
            time_ns=self._time_ns,
            n_trades=self._n_trades,
            trades_root=self._trades_root,
            instruments=tuple(str(symbol) for (symbol,) in symbols),
            liabilities={
                code: Liabilities(tree.decimals, tree.tree.total_units, tree.tree.root)
                for code, tree in self._trees.items()
            },
        )

    def liabilities(self, account: int) -> list[LiabilityProof]:
        """Return a proof for each currency in which the account is owed something. O(log accounts) each."""
        issuer, subject = self._holders.get(account, ("", ""))
        proofs = []
        for code, tree in self._trees.items():
            if account not in tree.accounts:
                continue
            salt, name, units = tree.accounts[account]
            proofs.append(
                LiabilityProof(
                    venue=self.venue,
                    currency=code,
                    decimals=tree.decimals,
                    batch=self.batch,
                    head=self.head,
                    account=account,
                    issuer=issuer,
                    subject=subject,
                    salt=salt,
                    amount_units=units,
                    path=tuple(tree.tree.path(name)),
                    total_units=tree.tree.total_units,
                    root=tree.tree.root,
                )
            )
        return proofs

    def trade(self, instrument: str, number: int) -> TradeProof:
        """Return the proof that a trade is in this batch. O(trades of the batch)."""
        proof = trade_proof(self._reader, instrument, number)
        if proof.batch != self.batch:
            raise LedgerError(f"ledger: trade {number} of {instrument} is in batch {proof.batch}, not {self.batch}")
        return proof

    @cached_property
    def _holders(self) -> dict[int, tuple[str, str]]:
        rows = self._reader.rows(_HOLDERS)
        return {_int(account): (str(issuer), str(subject)) for account, issuer, subject in rows}

    @cached_property
    def _trees(self) -> dict[str, _Tree]:
        currencies = self._reader.rows("SELECT currency, code, decimals FROM currencies ORDER BY currency")
        owed: dict[int, dict[int, int]] = {_int(currency): {} for currency, _, _ in currencies}
        for (account, currency), units in self._balances().items():
            owed[currency][account] = units
        return {str(code): self._tree(str(code), _int(decimals), owed[_int(c)]) for c, code, decimals in currencies}

    def _balances(self) -> dict[tuple[int, int], int]:
        """Return every balance that is not zero at the batch, by account and currency."""
        rows = self._reader.rows(_BALANCES)
        found = {(_int(account), _int(currency)): _int(units) for account, currency, units in rows}
        if not self._is_newest:
            for account, currency, units in self._reader.rows(_SINCE, self.batch):
                found[_int(account), _int(currency)] -= _int(units)
        return {key: units for key, units in found.items() if units}

    def _tree(self, code: str, decimals: int, balances: dict[int, int]) -> _Tree:
        """Build one currency's tree over everybody but custody, whose balance must be minus their sum."""
        context = context_of(self.venue, code, self.batch, self.head)
        custody = balances.pop(CUSTODY_ACCOUNT, 0)
        accounts = {}
        for account, units in balances.items():
            salt = hmac.digest(self._secret, context + struct.pack("<I", account), "sha256")
            name = name_of(context, salt, account, *self._holders[account])
            accounts[account] = (salt, name, units)
        try:
            tree = SumTree(context, ((name, units) for _, name, units in accounts.values()))
        except SumTreeError as e:
            raise LedgerError(f"ledger: what is owed in {code} at batch {self.batch} cannot be proved: {e}") from e
        if tree.total_units != -custody:
            raise LedgerError(
                f"ledger: accounts are owed {tree.total_units} units of {code} at batch {self.batch}, but custody"
                f" mirrors {-custody}"
            )
        return _Tree(context, decimals, accounts, tree)


@dataclass(frozen=True, slots=True)
class TradePlace:
    """Where a trade stands: its batch, and its index among the batch's trades, from 0."""

    batch: int
    index: int


def find_trade(reader: Reader, instrument: str, number: int) -> TradePlace:
    """Find a trade by its name (TrdMatchID [880]); :class:`LedgerError` where the ledger has none. O(log trades)."""
    found = reader.rows(_FIND_TRADE, instrument, number)
    if not found:
        raise LedgerError(f"ledger: no trade {number} of {instrument} is settled; see fxengine export trades")
    batch, line = found[0]
    return TradePlace(_int(batch), _int(line) - 1)


def trade_proof(reader: Reader, instrument: str, number: int) -> TradeProof:
    """Return the proof that a trade is in its batch; :class:`LedgerError` where it is in none. O(the batch)."""
    found = find_trade(reader, instrument, number)
    head, _, _, _, _, trades_root = reader.rows(_BATCH, found.batch)[0]
    leaves = _trade_leaves(reader.rows(_TRADES, found.batch))
    if tree_hash(leaves) != trades_root:
        raise LedgerError(f"ledger: the trades of batch {found.batch} are not those that its head was made from")
    return TradeProof(
        venue=str(_only(reader.rows("SELECT id FROM venue"))[0]),
        batch=found.batch,
        head=_bytes(head),
        instrument=instrument,
        number=number,
        record=leaves[found.index],
        index=found.index,
        n_trades=len(leaves),
        path=tuple(inclusion_proof(leaves, found.index)),
        root=_bytes(trades_root),
    )


def _trade_leaves(rows: list[Any]) -> list[bytes]:
    """Turn rows of the table back into the records that the batch was hashed over."""
    leaves = []
    for sequence, number, instrument, maker_side, swap, maker, taker, *rest in rows:
        values = (sequence, number, instrument, Side[maker_side], swap, maker, taker, b"", *rest)
        leaves.append(np.array([values], TRADE).tobytes())
    return leaves


def _only(rows: list[tuple[object, ...]]) -> tuple[object, ...]:
    if len(rows) != 1:
        raise LedgerError("ledger: it names no venue, or several")
    return rows[0]


def _int(value: object) -> int:
    assert isinstance(value, int)
    return value


def _bytes(value: object) -> bytes:
    assert isinstance(value, bytes)
    return value
