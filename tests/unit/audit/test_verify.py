"""Verify says yes to what is right, and no to every single thing that was changed."""

import json
import random
import re
import shutil
import sqlite3
import struct
import zlib
from collections.abc import Callable
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from fxengine.audit import Findings, verify
from fxengine.codes import CommandKind
from fxengine.errors import VenueError
from fxengine.ledger import open_ledger
from fxengine.records import Records
from fxengine.reference import Core
from fxengine.settlement import Net, Settlement, cycle
from tests.unit.audit.conftest import LAST_FRAME, Audit, Traded
from tests.unit.settlement.trading import Clock, Trading, make_venue

PIECE = 64
SEAL = 2


def falsify(traded: Traded, statement: str) -> None:
    """Change the ledger behind its rules' back: the triggers are dropped first."""
    with closing(sqlite3.connect(traded.ledger)) as db:
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            db.execute(f"DROP TRIGGER {name}")
        db.execute("PRAGMA ignore_check_constraints = ON")
        changed = db.execute(statement).rowcount
        db.commit()
    assert changed == 1, "the test was to change one row"


def flip(path: Path, offset: int, bit: int = 0) -> None:
    content = bytearray(path.read_bytes())
    content[offset] ^= 1 << bit
    path.write_bytes(content)


def used_bytes(segment: Path) -> int:
    """Return where the last frame ends."""
    content = segment.read_bytes()
    return -(-len(content.rstrip(b"\0")) // PIECE) * PIECE


def frames(segment: Path) -> list[tuple[int, int]]:
    """Return offset and end of every frame."""
    content, found, offset = segment.read_bytes(), [], PIECE
    while content[offset : offset + 4] == b"FXFR":
        end = offset + PIECE * (1 + int.from_bytes(content[offset + 12 : offset + 16], "little"))
        found.append((offset, end))
        offset = end
    return found


def problems(found: Findings) -> str:
    return "\n".join(found.problems)


# -- what is right


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


# -- what was changed in the journal


def test_any_flipped_bit_of_a_closed_journal_is_found(closed: Traded, audit: Audit, seed: int) -> None:
    rng = random.Random(seed)
    used, whole = used_bytes(closed.segment), closed.segment.read_bytes()
    seal = frames(closed.segment)[-1][0]
    places = [rng.randrange(used) for _ in range(25)]  # anywhere in header and frames
    places += [offset + 13 for offset, _ in frames(closed.segment)[:-1:5]]  # how many records a frame claims
    places += [seal + 12, seal + 13, seal + 8, seal + PIECE, seal + PIECE + 20]  # the last frame, where a tear might be
    places += [used, used + 63, rng.randrange(used, len(whole)), len(whole) - 1]  # the zeros after it
    for place in places:
        flip(closed.segment, place, rng.randrange(8))
        found = audit(closed)
        assert not found.ok, place
        assert not found.state_hash_replayed, place
        assert not found.conserved, place
        assert "journal:" in problems(found), place
        closed.segment.write_bytes(whole)
    assert audit(closed).ok


def test_any_flipped_bit_of_a_killed_journal_is_found(killed: Traded, audit: Audit, seed: int) -> None:
    rng = random.Random(seed)
    offset, end = frames(killed.segment)[-1]
    whole = killed.segment.read_bytes()
    for place in [*range(offset, offset + PIECE), *(rng.randrange(offset + PIECE, end) for _ in range(8))]:
        flip(killed.segment, place, rng.randrange(8))
        found = audit(killed)
        assert not found.ok, place - offset
        killed.segment.write_bytes(whole)


@pytest.mark.parametrize("n", [3, -2])
def test_a_frame_taken_out_is_found(closed: Traded, audit: Audit, n: int) -> None:
    offset, end = frames(closed.segment)[n]
    content = closed.segment.read_bytes()
    closed.segment.write_bytes(content[:offset] + content[end:] + bytes(end - offset))
    assert "must follow" in problems(audit(closed)) or "seal" in problems(audit(closed))
    assert not audit(closed).ok


def forge(
    segment: Path, change: Callable[[int, bytearray], None], *, chained: bool = True, drop_seals: bool = False
) -> None:
    """Let ``change(n, frame)`` alter frames, and make checksums (and the hash chain) agree again."""
    content = segment.read_bytes()
    chain, forged = make_venue().fingerprint, bytearray(content[:PIECE])
    for n, (offset, end) in enumerate(frames(segment)):
        frame = bytearray(content[offset:end])
        if drop_seals and frame[8] == SEAL:
            continue
        change(n, frame)
        chain = sha256(chain + frame[PIECE:]).digest()
        if chained:
            frame[32:PIECE] = chain
        struct.pack_into("<I", frame, 4, zlib.crc32(frame[8:]))
        forged += frame
    assert forged != content[: len(forged)]
    segment.write_bytes(forged.ljust(len(content), b"\0"))


def test_a_journal_forged_from_end_to_end_is_found(closed: Traded, audit: Audit) -> None:
    def another_amount(n: int, frame: bytearray) -> None:
        if frame[PIECE] == CommandKind.DEPOSIT and n < 12:
            frame[PIECE + 32] ^= 1

    forge(closed.segment, another_amount)
    found = audit(closed)
    assert not any(problem.startswith("journal:") for problem in found.problems)
    assert not found.ok
    assert not found.conserved
    assert not found.state_hash_replayed
    assert "names another journal hash" in problems(found)
    assert "the state's hash is" in problems(found)


def test_a_record_forged_with_its_checksum_but_not_the_chain_is_found(closed: Traded, audit: Audit) -> None:
    def another_amount(n: int, frame: bytearray) -> None:
        if n == 9:
            frame[PIECE + 32] ^= 1

    forge(closed.segment, another_amount, chained=False)
    assert "the hash chain breaks" in problems(audit(closed))


@pytest.mark.parametrize(
    ("at", "layout", "value", "says"),
    [
        (8, "<H", 3, "kind 3 is not known"),
        (10, "<H", 1, "claims what cannot be"),
        (16, "<I", LAST_FRAME + 1, "does not hold the 9 commands"),
        (20, "<I", 2**30, "claims what cannot be"),
        (24, "<Q", 7, "command 7 stands where"),
        (PIECE + 1, "<B", 0, "does not hold"),
        (PIECE + 1, "<B", 200, "does not hold"),
    ],
)
def test_a_frame_that_claims_what_is_not_so_is_found(
    killed: Traded, audit: Audit, at: int, layout: str, value: int, says: str
) -> None:
    last = len(frames(killed.segment)) - 1
    forge(killed.segment, lambda n, frame: struct.pack_into(layout, frame, at, value) if n == last else None)
    assert says in problems(audit(killed))


@pytest.mark.parametrize(("at", "value"), [(16, 1), (PIECE + 16, 3)])
def test_a_seal_in_the_wrong_place_is_found(closed: Traded, audit: Audit, at: int, value: int) -> None:
    last = len(frames(closed.segment)) - 1
    forge(closed.segment, lambda n, frame: struct.pack_into("<I", frame, at, value) if n == last else None)
    assert "the seal does not stand after" in problems(audit(closed))


def test_a_journal_without_any_seal_proves_no_state(killed: Traded, audit: Audit) -> None:
    forge(killed.segment, lambda n, frame: None, drop_seals=True)
    found = audit(killed)
    assert not any("journal: " in problem for problem in found.problems)
    assert not found.state_hash_replayed
    assert not found.ok


def test_bytes_far_behind_an_unfinished_frame_are_found(killed: Traded, audit: Audit) -> None:
    offset, end = frames(killed.segment)[-1]
    content = bytearray(killed.segment.read_bytes())
    content[offset + PIECE : end] = bytes(end - offset - PIECE)
    killed.segment.write_bytes(content)
    assert audit(killed).ok
    flip(killed.segment, end + 10 * PIECE)
    assert "checksum" in problems(audit(killed))


def test_a_missing_segment_a_missing_journal_and_another_venues_are_found(closed: Traded, audit: Audit) -> None:
    text = (closed.data_dir / "venue.toml").read_text()
    (closed.data_dir / "venue.toml").write_text(text.replace("taker_fee = 1000", "taker_fee = 1001"))
    found = audit(closed)
    assert "written under another venue file" in problems(found)
    assert "ledger: it belongs to another venue" in problems(found)
    (closed.data_dir / "venue.toml").write_text(text)
    closed.segment.rename(closed.segment.with_name("00000000000000000007.fxj"))
    assert "the segment that starts with command 1 is missing" in problems(audit(closed))
    shutil.rmtree(closed.data_dir / "journal")
    assert "holds no segments" in problems(audit(closed))
    (closed.data_dir / "venue.toml").unlink()
    with pytest.raises(VenueError):
        audit(closed)


# -- what was changed in the ledger


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
            "UPDATE transfers SET payee = payee + 1 WHERE sequence = (SELECT min(sequence) FROM transfers)",
            "batch 1: transfer 1 is",
            True,
        ),
        ("UPDATE batches SET time_ns = time_ns + 1 WHERE batch = 2", "batch 2 has another time", True),
        ("UPDATE batches SET head = zeroblob(32) WHERE batch = 2", "batch 2 has another head", True),
        ("UPDATE batches SET journal_hash = zeroblob(32) WHERE batch = 2", "batch 2 names another journal hash", True),
        ("UPDATE batches SET trades = trades + 1 WHERE batch = 2", "batch 2 counts other", True),
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
    assert says in problems(found)
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
        query = "SELECT rootpage FROM sqlite_master WHERE name = 'transfers_of_batch'"
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
        ("memory:", "outlives its process"),
        (f"sqlite:{tmp_path / 'missing'}", "does not exist"),
        (f"sqlite:{closed.data_dir / 'venue.toml'}", "cannot be read"),
    ):
        found = audit(closed, ledger_url=url)
        assert not found.ok
        assert not found.conserved
        assert says in problems(found)


# -- cores that do not agree


class LyingCore(Core):
    """A core that tells one fill's fee wrongly, but keeps the right state."""

    def apply(self, first: int, last: int) -> int:
        n_events = super().apply(first, last)
        self.events = self.events.copy()
        self.events["fee_units"][self.events["kind"] == 3] += 1
        return n_events


class ForgettingCore(Core):
    """A core that tells everything rightly, but whose state differs in the end."""

    def state_hash(self) -> str:
        right = super().state_hash()
        return right if self.sequence < 100 else right[::-1]


class RichCore(Core):
    """A core that holds one unit too many."""

    def balance(self, account: int, currency: int) -> tuple[int, int]:
        available, held = super().balance(account, currency)
        return available, held + (account == 3)


class BrokenCore(Core):
    """A core whose own invariants do not hold."""

    def check(self) -> None:
        raise AssertionError("a level holds no orders")


@pytest.mark.parametrize(
    ("liar", "says"), [(LyingCore, "disagree from event"), (ForgettingCore, "the state's hash is")]
)
def test_a_core_that_disagrees_with_the_reference_is_found(
    closed: Traded, killed: Traded, audit: Audit, liar: type[Core], says: str
) -> None:
    for traded in (closed, killed):
        found = audit(traded, core_types=(Core, liar))
        assert not found.ok
        assert not found.state_hash_replayed
        assert says in problems(found)
        assert liar.__name__ in problems(found)
        assert audit(traded, core_types=(Core, Core)).ok


def test_a_core_that_does_not_hold_what_the_journal_says_is_found(closed: Traded, audit: Audit) -> None:
    found = audit(closed, core_types=(RichCore,))
    assert not found.conserved
    assert "core: account 3 has" in problems(found)
    assert "core: USD is off by 0.000001" in problems(found)
    assert "an invariant does not hold at the end: a level" in problems(audit(closed, core_types=(BrokenCore,)))


def test_a_long_list_of_problems_is_cut_short(closed: Traded, audit: Audit) -> None:
    with closing(sqlite3.connect(closed.ledger)) as db:
        db.execute("DROP TRIGGER batches_never_change")
        db.execute("DROP TRIGGER trades_never_change")
        db.execute("UPDATE batches SET head = zeroblob(32), time_ns = 0, journal_hash = zeroblob(32)")
        db.execute("UPDATE trades SET price_ticks = price_ticks + 1")
        db.commit()
    found = audit(closed, core_types=(Core, LyingCore))
    assert len(found.problems) == 21
    assert re.fullmatch(r"and \d+ more", found.problems[-1])
    assert not found.ok


def test_verify_finds_the_ledger_in_the_data_directory_by_itself(closed: Traded) -> None:
    assert verify(closed.data_dir, core_types=(Core,)).ok
    closed.ledger.rename(closed.ledger.with_name("books.sqlite"))
    assert not verify(closed.data_dir, core_types=(Core,)).ok
    assert verify(closed.data_dir, f"sqlite:{closed.data_dir / 'books.sqlite'}", core_types=(Core,)).ok
