"""Verify says no to every row that was changed in a ledger, and to one that was never right."""

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from fxengine.ledger import open_ledger
from fxengine.records import Records
from fxengine.settlement import Net, Settlement, cycle
from tests.unit.audit.spoiling import Audit, Traded, falsify, flip, frames, problems
from tests.unit.settlement.trading import Clock, Trading, make_venue


@pytest.mark.parametrize(
    ("statement", "says", "conserved"),
    [
        (
            "UPDATE balances SET amount_units = amount_units + 1 WHERE (account, currency) = (3, 0)",
            "ledger: account 3 has",
            False,
        ),
        ("DELETE FROM balances WHERE (account, currency) = (3, 0)", "ledger: account 3 has 0 units", False),
        ("INSERT INTO balances VALUES (2, 0, 5, 1)", "ledger: account 2 has 5 units", False),
        (
            "UPDATE postings SET amount_units = amount_units + 1 WHERE (batch, account, currency) = (2, 3, 0)",
            "batch 2: posting",
            True,
        ),
        ("DELETE FROM postings WHERE (batch, account, currency) = (2, 3, 0)", "batch 2: posting", True),
        ("UPDATE trades SET price_ticks = price_ticks + 1 WHERE (batch, line) = (2, 4)", "batch 2: trade 4 is", True),
        (
            "UPDATE trades SET maker_fee_units = maker_fee_units + 1 WHERE (batch, line) = (1, 1)",
            "batch 1: trade 1 is",
            True,
        ),
        ("UPDATE trades SET taker = 1 WHERE (batch, line) = (1, 1)", "batch 1: trade 1 is", True),
        ("DELETE FROM trades WHERE (batch, line) = (2, 4)", "batch 2: trade", True),
        ("UPDATE trades SET batch = 99 WHERE (batch, line) = (2, 4)", "1 lines belong to no batch", True),
        (
            "UPDATE deposits SET account = account + 1 WHERE sequence = (SELECT min(sequence) FROM deposits)",
            "batch 1: deposit 1 is",
            True,
        ),
        ("UPDATE batches SET time_ns = time_ns + 1 WHERE batch = 2", "batch 2 has another time", True),
        ("UPDATE batches SET head = zeroblob(32) WHERE batch = 2", "batch 2 has another head", True),
        ("UPDATE batches SET journal_hash = zeroblob(32) WHERE batch = 2", "batch 2 names another journal hash", True),
        ("UPDATE batches SET trades = trades + 1 WHERE batch = 2", "batch 2 counts other", True),
        ("UPDATE batches SET trades_root = zeroblob(32) WHERE batch = 2", "batch 2 has another root", True),
        (
            "UPDATE payments SET amount_units = amount_units + 1 WHERE sequence = (SELECT max(sequence) FROM payments)",
            ": payment ",
            True,
        ),
        (
            "UPDATE withdrawals SET amount_units = amount_units + 1"
            " WHERE withdrawal = (SELECT max(withdrawal) FROM withdrawals)",
            (": withdrawal ", ": hold "),
            True,
        ),
        ("INSERT INTO busts SELECT instrument, number, 2, sequence FROM trades LIMIT 1", "batch 2: busts are 1", True),
        ("UPDATE batches SET last_sequence = last_sequence - 1 WHERE batch = 2", "where no stretch was released", True),
        ("UPDATE batches SET first_sequence = first_sequence + 1 WHERE batch = 2", "batch 2 from", True),
        ("UPDATE accounts SET subject = 'payer-99' WHERE account = 4", "carry other names", True),
        ("UPDATE accounts SET subject = NULL, issuer = NULL WHERE account = 4", "carry other names", True),
        ("UPDATE venue SET id = 'another'", "belongs to another venue", True),
        ("UPDATE currencies SET decimals = 2 WHERE currency = 0", "currencies are not the venue's", True),
        ("UPDATE instruments SET symbol = 'USD/EUR' WHERE instrument = 0", "instruments are not the venue's", True),
    ],
)
def test_any_falsified_row_is_found(closed: Traded, audit: Audit, statement: str, says: str, conserved: bool) -> None:
    falsify(closed, statement)
    found = audit(closed)
    assert not found.ok
    assert any(words in problems(found) for words in ([says] if isinstance(says, str) else says))
    assert found.conserved is conserved
    assert found.state_hash_replayed, "nothing was changed in the journal"


def test_any_flipped_byte_of_the_rows_in_the_file_is_found(closed: Traded, audit: Audit, seed: int) -> None:
    rng = random.Random(seed)
    whole = closed.ledger.read_bytes()
    with closing(sqlite3.connect(closed.ledger)) as db:
        kept = [row[0] for row in db.execute("SELECT head FROM batches UNION SELECT journal_hash FROM batches")]
    assert len(kept) == 2 * closed.n_batches
    for value in kept:
        flip(closed.ledger, whole.index(value) + rng.randrange(32), rng.randrange(8))
        assert not audit(closed).ok
        closed.ledger.write_bytes(whole)
    assert audit(closed).ok


def test_a_damaged_index_is_found(closed: Traded, audit: Audit) -> None:
    with closing(sqlite3.connect(closed.ledger)) as db:
        query = "SELECT rootpage FROM sqlite_master WHERE name = 'deposits_of_batch'"
        page = db.execute(query).fetchone()[0]
        page_bytes = db.execute("PRAGMA page_size").fetchone()[0]
    flip(closed.ledger, page * page_bytes - 1)
    assert "ledger: the file is damaged" in problems(audit(closed))


def test_money_out_of_nowhere_is_told_in_the_currencys_decimals(closed: Traded, audit: Audit) -> None:
    falsify(closed, "UPDATE balances SET amount_units = amount_units + 1 WHERE (account, currency) = (3, 0)")
    assert "ledger: USD is off by 0.000001" in problems(audit(closed))


def test_two_balances_falsified_so_that_they_still_sum_to_zero_are_found(closed: Traded, audit: Audit) -> None:
    falsify(closed, "UPDATE balances SET amount_units = amount_units + 1 WHERE (account, currency) = (3, 0)")
    falsify(closed, "UPDATE balances SET amount_units = amount_units - 1 WHERE (account, currency) = (4, 0)")
    found = audit(closed)
    assert not found.conserved
    assert [problem[:17] for problem in found.problems] == ["ledger: account 3", "ledger: account 4"]


def test_a_settlement_that_nets_wrongly_is_found(
    tmp_path: Path, closed: Traded, audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The venue's own netting gives one unit of a payer's to another; batch, head and balances agree with it."""
    right = cycle.net

    def wrong(events: Records, instruments: Records) -> Net:
        result = right(events, instruments)
        pair = np.flatnonzero((result.deltas["currency"] == 0) & (result.deltas["account"] > 2))[:2]
        result.deltas["amount_units"][pair] += (1, -1)
        return result

    monkeypatch.setattr(cycle, "net", wrong)
    url = f"sqlite:{tmp_path / 'wrong.sqlite'}"
    venue, clock = make_venue(), Clock()
    with closing(open_ledger(url, venue)) as ledger:
        settlement = Settlement(ledger, venue, clock_ns=clock)
        again = Trading(closed.data_dir, venue, clock)
        again.start(settlement.observe)
        settlement.start()
        again.engine.close()
        settlement.close()
        assert settlement.alarm is None
    found = audit(closed, ledger_url=url)
    assert not found.ok
    assert not found.conserved
    assert "batch 1: posting" in problems(found)


def test_a_sealed_journal_with_commands_in_no_batch_is_found(closed: Traded, audit: Audit) -> None:
    venue = make_venue()
    path = closed.data_dir / "young.sqlite"
    with closing(open_ledger(f"sqlite:{path}", venue)):
        pass
    found = audit(closed, ledger_url=f"sqlite:{path}")
    assert "the journal is sealed, but" in problems(found)
    assert (found.ok, found.batches, found.trades) == (False, 0, closed.n_trades)


def test_a_ledger_ahead_of_the_journal_is_found(closed: Traded, audit: Audit) -> None:
    content = closed.segment.read_bytes()
    offset = frames(closed.segment)[12][0]
    closed.segment.write_bytes(content[:offset] + bytes(len(content) - offset))
    found = audit(closed)
    assert "and the journal ends with command" in problems(found)
    assert not found.ok


def test_a_ledger_that_cannot_be_read_is_found(closed: Traded, audit: Audit, tmp_path: Path) -> None:
    for url, says in (
        ("memory:", "keeps its books in tables"),
        (f"sqlite:{tmp_path / 'missing'}", "does not exist"),
        (f"sqlite:{closed.data_dir / 'venue.toml'}", "cannot be read"),
    ):
        found = audit(closed, ledger_url=url)
        assert not found.ok
        assert not found.conserved
        assert says in problems(found)
