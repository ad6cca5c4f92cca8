"""Verify says no to every byte that was changed in a journal, by accident or with skill."""

import random
import shutil
import struct
from pathlib import Path

import pytest

from fxengine.codes import CommandKind
from fxengine.errors import VenueError
from tests.unit.audit.spoiling import (
    LAST_FRAME,
    PIECE,
    Audit,
    Traded,
    flip,
    forge,
    frames,
    problems,
    trade,
    used_bytes,
)


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


@pytest.mark.parametrize("resting", [2, 10])
def test_resting_orders_taken_from_a_closed_journals_end_are_found(
    tmp_path: Path, seed: int, audit: Audit, resting: int
) -> None:
    closed = trade(tmp_path, seed, closed=True, resting=resting)
    assert audit(closed).ok
    assert audit(closed).notes == ()
    end = frames(closed.segment)[-1 - resting][0]
    content = closed.segment.read_bytes()
    closed.segment.write_bytes(content[:end] + bytes(len(content) - end))
    found = audit(closed)
    assert f"settles up to command {closed.n_commands}" in problems(found)
    assert "not closed in order" in found.notes[0]


def test_a_closing_seal_taken_from_the_end_is_noted(closed: Traded, audit: Audit) -> None:
    start = frames(closed.segment)[-1][0]
    content = closed.segment.read_bytes()
    closed.segment.write_bytes(content[:start] + bytes(len(content) - start))
    found = audit(closed)
    assert "not closed in order" in found.notes[0]


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
