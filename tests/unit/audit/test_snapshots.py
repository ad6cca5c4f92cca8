"""An audit trusts no snapshot: each must be the state that the whole journal leads to at its place."""

import random
from pathlib import Path

import pytest
import xxhash

from fxengine.engine import Snapshots, read_snapshot, take_snapshot
from tests.unit.audit.spoiling import Audit, Traded
from tests.unit.settlement.trading import make_venue

HEADER_BYTES = 160


def the_snapshot(traded: Traded) -> Path:
    (path,) = (traded.data_dir / "snapshots").glob("*.fxs")
    return path


def spoil(path: Path, offset: int, bit: int = 0) -> None:
    """Flip a bit and make the checksum hold again: what an accident cannot do."""
    content = bytearray(path.read_bytes())
    content[offset] ^= 1 << bit
    content[8:24] = xxhash.xxh3_128_digest(bytes(content[24:]))
    path.write_bytes(content)


def test_the_snapshot_of_an_orderly_close_is_found_to_be_true(closed: Traded, audit: Audit) -> None:
    assert read_snapshot(the_snapshot(closed)).place.sequence == closed.n_commands
    found = audit(closed)
    assert found.problems == ()
    assert found.ok


def test_a_followers_snapshot_of_a_killed_venue_is_found_to_be_true(killed: Traded, audit: Audit) -> None:
    venue = make_venue()
    take_snapshot(venue, killed.data_dir / "journal", Snapshots(killed.data_dir / "snapshots", venue.fingerprint))
    assert audit(killed).ok


def test_any_flipped_bit_of_a_snapshot_is_reported(closed: Traded, audit: Audit, seed: int) -> None:
    path, rng = the_snapshot(closed), random.Random(seed)
    content = path.read_bytes()
    for offset in (*range(0, 24, 8), *(rng.randrange(24, len(content)) for _ in range(3))):
        changed = bytearray(content)
        changed[offset] ^= 1 << rng.randrange(8)
        path.write_bytes(changed)
        found = audit(closed)
        assert not found.ok
        assert any(path.name in problem for problem in found.problems), offset


@pytest.mark.parametrize(
    ("where", "problem"),
    [
        (24, "it is another venue's"),
        (56, "at a place that the journal does not have"),
        (88, "it names another journal hash"),
        (HEADER_BYTES + 4, "other names than those that logged on"),
        (-100, "it is not the state that the journal leads to"),
        (HEADER_BYTES - 40, "another name than that of command"),
    ],
    ids=["fingerprint", "chain", "released chain", "names", "state", "sequence"],
)
def test_a_snapshot_that_was_forged_is_reported_though_its_checksum_holds(
    closed: Traded, audit: Audit, where: int, problem: str
) -> None:
    path = the_snapshot(closed)
    spoil(path, where % path.stat().st_size)
    found = audit(closed)
    assert not found.ok
    assert any(problem in line for line in found.problems), found.problems


def test_a_snapshot_of_what_the_journal_does_not_hold_is_reported(closed: Traded, audit: Audit) -> None:
    path = the_snapshot(closed)
    ahead = path.with_name(f"{closed.n_commands + 5:020d}.fxs")
    content = bytearray(path.rename(ahead).read_bytes())
    content[120:128] = (closed.n_commands + 5).to_bytes(8, "little")
    content[8:24] = xxhash.xxh3_128_digest(bytes(content[24:]))
    ahead.write_bytes(content)
    found = audit(closed)
    assert not found.ok
    assert any(f"ends with command {closed.n_commands}" in problem for problem in found.problems)
