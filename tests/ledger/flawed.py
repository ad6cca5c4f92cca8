"""A backend of somebody else's: books in a file, right but for the one flaw that its URL asks for.

    flawed:PATH                keeps every promise
    flawed:PATH?cursor_lags    breaks one; FLAWS says which

It is found the way any third-party backend is, as an entry point of a distribution; ``installed`` makes one.
"""

import os
import pickle
import threading
from pathlib import Path
from typing import Any

from fxengine.codes import FEES_ACCOUNT, SettlementStatus
from fxengine.errors import LedgerError, LedgerMismatch
from fxengine.ledger.base import Balances, FinalAtOnce, check_balance, check_names, is_next
from fxengine.ledger.batch import Batch, Cursor
from fxengine.venue import Venue

FLAWS = {
    "two_steps": "ATOMIC",
    "leaves_traces": "ATOMIC",
    "forgets_the_last": "ATOMIC",
    "adds_again": "IDEMPOTENT",
    "fails_again": "IDEMPOTENT",
    "believes_the_id": "MISMATCH REFUSED",
    "renames": "MISMATCH REFUSED",
    "skips": "STRICTLY ORDERED",
    "cursor_without_hash": "CURSOR WITH THE BATCH",
    "never_final": "CURSOR WITH THE BATCH",
    "overdrafts": "CONSERVING",
    "fees_overdraw": "CONSERVING",
    "makes_money": "CONSERVING",
    "any_venue": "BOUND TO ONE VENUE",
    "one_thread": "SAFE ON ANY THREAD",
}


def installed(directory: Path, **schemes: str) -> Path:
    """Write the metadata of a distribution that brings backends, as an installer would; return its folder."""
    info = directory / "flawed_ledgers-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: flawed-ledgers\nVersion: 1.0\n")
    lines = [f"{scheme} = {opener}" for scheme, opener in schemes.items()]
    (info / "entry_points.txt").write_text("\n".join(["[fxengine.ledgers]", *lines, ""]))
    return directory


class FlawedLedger(FinalAtOnce):
    """Everything in one pickled file, replaced at each batch; for ``two_steps``, in two."""

    finality = "file"

    def __init__(self, path: Path, flaw: str, venue: Venue) -> None:
        self.path, self.flaw, self.venue = path, flaw, venue
        self.lock = threading.RLock()
        self.opened_by = threading.get_ident()
        genesis = Cursor.genesis(venue)
        state = {"genesis": genesis, "cursor": genesis, "heads": [genesis.head], "balances": {}, "names": {}}
        self.state: dict[str, Any] = state
        for part in (path, self.beside):
            if part.exists():
                self.state |= pickle.loads(part.read_bytes())
        if self.state["genesis"] != genesis and flaw != "any_venue":
            raise LedgerMismatch("another venue's")

    @property
    def beside(self) -> Path:
        return self.path.with_name(self.path.name + ".cursor")

    def cursor(self) -> Cursor:
        self._only_here()
        cursor: Cursor = self.state["cursor"]
        return cursor._replace(journal_hash=bytes(32)) if self.flaw == "cursor_without_hash" else cursor

    def post(self, batch: Batch) -> None:
        with self.lock:
            self._only_here()
            if self.flaw != "makes_money":
                batch.check()
            if self._is_known(batch):
                return
            if self.flaw != "renames":
                check_names(batch.names, self.state["names"].values())
            after: Balances = {} if self.flaw != "leaves_traces" else self.state["balances"]
            for account, currency, _, amount_units in batch.deltas.tolist():
                units = self.state["balances"].get((account, currency), 0) + amount_units
                is_lax = self.flaw == "fees_overdraw" and account == FEES_ACCOUNT
                if self.flaw not in ("overdrafts", "makes_money") and not is_lax:
                    check_balance(account, currency, units)
                after[account, currency] = units
            self.state["balances"] |= after
            if self.flaw == "two_steps":
                self._write(self.path, {name: self.state[name] for name in ("genesis", "balances", "names")})
            self.state["names"] |= {name.account: name for name in batch.names}
            self.state["heads"].append(batch.head)
            self.state["cursor"] = batch.cursor
            if self.flaw == "two_steps":
                self._write(self.beside, {name: self.state[name] for name in ("heads", "cursor")})
            elif self.flaw != "forgets_the_last":
                self._write(self.path, self.state)

    def _is_known(self, batch: Batch) -> bool:
        """Say whether the batch is in the books, as wrongly as the flaw has it."""
        cursor, head_of = self.state["cursor"], self.state["heads"].__getitem__
        if self.flaw == "believes_the_id" and batch.id <= cursor.batch_id and batch.follows(head_of(batch.id - 1)):
            return True
        if self.flaw == "skips" and batch.id > cursor.batch_id:
            return False
        is_known = not is_next(batch, cursor, head_of)
        if is_known and self.flaw == "fails_again":
            raise LedgerError("it is there already")
        if is_known and self.flaw == "adds_again":
            for account, currency, _, amount_units in batch.deltas.tolist():
                self.state["balances"][account, currency] += amount_units
        return is_known

    def _write(self, path: Path, state: dict[str, Any]) -> None:
        new = path.with_name(path.name + ".new")
        new.write_bytes(pickle.dumps(state))
        os.replace(new, path)

    def status(self, batch_id: int) -> SettlementStatus:
        is_posted = 1 <= batch_id <= self.state["cursor"].batch_id and self.flaw != "never_final"
        return SettlementStatus.FINAL if is_posted else SettlementStatus.PENDING

    def balance(self, account: int, currency: int) -> int:
        units: int = self.state["balances"].get((account, currency), 0)
        return units

    def balances(self) -> Balances:
        return dict(self.state["balances"])

    def close(self) -> None:
        if self.flaw == "forgets_the_last" and self.state["cursor"].batch_id:
            self._write(self.path, self.state)

    def _only_here(self) -> None:
        if self.flaw == "one_thread" and threading.get_ident() != self.opened_by:
            raise RuntimeError("opened by another thread")


def open_flawed(rest: str, venue: Venue) -> FlawedLedger:
    path, _, flaw = rest.partition("?")
    assert not flaw or flaw in FLAWS
    return FlawedLedger(Path(path), flaw, venue)
