"""Verify says yes to what is right, of a venue that was closed, killed, started again or is running."""

import json
import sqlite3
from contextlib import closing

import pytest

from fxengine.audit import Findings, verify
from fxengine.ledger import open_ledger
from fxengine.reference import Core
from fxengine.settlement import Settlement
from tests.unit.audit.spoiling import (
    LAST_FRAME,
    PIECE,
    Audit,
    Traded,
    frames,
    problems,
)
from tests.unit.settlement.trading import Clock, Trading, make_venue


def test_a_closed_venue_verifies(closed: Traded, audit: Audit) -> None:
    steps: list[tuple[int, int]] = []
    found = audit(closed, progress=lambda done, total: steps.append((done, total)))
    assert found == Findings(
        ok=True, commands=closed.n_commands, trades=closed.n_trades, batches=closed.n_batches,
        accounts=closed.n_accounts, state_hash=closed.state_hash, conserved=True, state_hash_replayed=True,
        problems=(), notes=(),
    )  # fmt: skip
    assert closed.n_trades > 60
    assert closed.n_batches > 2
    assert steps[-1] == (closed.n_commands, closed.n_commands)
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)
    assert {total for _, total in steps} == {closed.n_commands}


def test_by_default_the_compiled_core_is_replayed_beside_the_reference(closed: Traded) -> None:
    found = verify(closed.data_dir)
    assert found.problems == ()
    assert found.ok
    assert found.state_hash == closed.state_hash


def test_the_findings_are_one_line_of_json(closed: Traded, audit: Audit) -> None:
    line = audit(closed).line()
    assert "\n" not in line
    read = json.loads(line)
    assert list(read) == [
        "ok", "commands", "trades", "batches", "accounts", "state_hash", "conserved", "state_hash_replayed", "problems",
        "notes",
    ]  # fmt: skip
    assert read["ok"] is True
    assert read["commands"] == closed.n_commands


def test_a_killed_venue_verifies_with_its_open_cycle_unsettled(killed: Traded, audit: Audit) -> None:
    found = audit(killed)
    assert found.problems == ()
    assert (found.ok, found.commands, found.trades) == (True, killed.n_commands, killed.n_trades)
    assert found.notes == (
        "journal: not closed in order: the venue was killed, or the journal's end was removed"
        f" (it ends with command {killed.n_commands})",
    )
    with closing(sqlite3.connect(killed.ledger)) as db:
        assert db.execute("SELECT max(last_sequence) FROM batches").fetchone()[0] < killed.n_commands


@pytest.mark.parametrize("pieces", [1, 2, 5])
def test_an_unfinished_frame_at_the_end_of_a_killed_venue_is_noted(killed: Traded, audit: Audit, pieces: int) -> None:
    offset, end = frames(killed.segment)[-1]
    assert end - offset > pieces * PIECE
    content = bytearray(killed.segment.read_bytes())
    content[offset + pieces * PIECE : end] = bytes(end - offset - pieces * PIECE)
    killed.segment.write_bytes(content)
    found = audit(killed)
    assert found.problems == ()
    assert (found.ok, found.commands) == (True, killed.n_commands - LAST_FRAME)
    assert "an unfinished frame follows command" in found.notes[0]


def test_a_killed_venue_that_starts_again_settles_the_rest_and_verifies(killed: Traded, audit: Audit) -> None:
    venue, clock = make_venue(), Clock()
    with closing(open_ledger(f"sqlite:{killed.ledger}", venue)) as ledger:
        settlement = Settlement(ledger, venue, clock_ns=clock)
        again = Trading(killed.data_dir, venue, clock)
        again.start(settlement.observe)
        settlement.start()
        again.engine.close()
        settlement.close()
    found = audit(killed)
    assert found.problems == ()
    assert found.ok
    assert found.commands == killed.n_commands
    assert found.state_hash == killed.state_hash


def test_a_running_venue_may_have_something_left_to_settle_right_after_its_start(killed: Traded, audit: Audit) -> None:
    again = Trading(killed.data_dir, make_venue(), Clock())
    again.start()  # seals what it replayed; settlement has not come to it yet
    found = audit(killed)
    assert found.problems == ()
    assert "the venue is running, and" in found.notes[0]
    again.engine.close()
    assert "the journal is sealed, but" in problems(audit(killed))


def test_nothing_is_written(closed: Traded, audit: Audit) -> None:
    files = [closed.segment, closed.ledger]
    before = [path.read_bytes() for path in files]
    audit(closed)
    assert [path.read_bytes() for path in files] == before


def test_verify_finds_the_ledger_in_the_data_directory_by_itself(closed: Traded) -> None:
    assert verify(closed.data_dir, core_types=(Core,)).ok
    closed.ledger.rename(closed.ledger.with_name("books.sqlite"))
    assert not verify(closed.data_dir, core_types=(Core,)).ok
    assert verify(closed.data_dir, f"sqlite:{closed.data_dir / 'books.sqlite'}", core_types=(Core,)).ok
