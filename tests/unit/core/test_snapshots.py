"""Which snapshots a core takes on, and that one it does not take on changes nothing."""

import contextlib
import struct
from random import Random

import numpy as np
import pytest
import xxhash

from bench.flows import SCENARIOS, Core, CoreType, Feed, Scenario, record
from bench.flows.canonical_text import parts
from bench.flows.commands import cancel, new_order, time
from fxengine._core import Core as CompiledCore
from fxengine.codes import CommandKind, EventKind, Side
from fxengine.reference import Core as ReferenceCore
from fxengine.reference import canonical
from tests.unit.core.test_stops import TRIGGERS_MAX, stop, trade_at
from tests.unit.core.trading_floor import FIRST_TRADER, instruments, open_floor, opening

CORES: tuple[CoreType, ...] = (CompiledCore, ReferenceCore)
both_cores = pytest.mark.parametrize("core_type", CORES, ids=["compiled", "reference"])
TIGHT = SCENARIOS["tight"]
HEADER_BYTES, INSTRUMENT_BYTES, CHECKED_FROM = 64, 32, 24
CHANGES = {CompiledCore: 4_000, ReferenceCore: 250}


def lived(scenario: Scenario, seed: int, n_commands: int) -> Core:
    """A core that has lived a while."""
    recording = record(scenario, seed, n_commands, CompiledCore)
    core = scenario.core(CompiledCore)
    core.bind(recording.commands)
    core.apply(0, recording.starts[-1])
    return core


def sealed(snapshot: bytes) -> bytes:
    """The same with a checksum that holds."""
    return snapshot[:8] + xxhash.xxh3_128_digest(snapshot[CHECKED_FROM:]) + snapshot[CHECKED_FROM:]


def refused(scenario: Scenario, core_type: CoreType, snapshot: bytes, match: str) -> None:
    """See a snapshot refused, and the core as fresh as before."""
    core, fresh = scenario.core(core_type), scenario.core(core_type)
    with pytest.raises(ValueError, match=match):
        core.restore(snapshot)
    assert core.state_bytes() == fresh.state_bytes()
    assert core.next_deadline_ns == fresh.next_deadline_ns


@both_cores
def test_a_snapshot_is_its_header_its_instruments_and_the_canonical_state(core_type: CoreType, seed: int) -> None:
    core = lived(TIGHT, seed, 300)
    snapshot = core.snapshot()
    magic, checksum, *numbers = struct.unpack_from("<8s16sIIIIQqQ", snapshot)
    assert magic == b"FXCORSNP"
    assert checksum == xxhash.xxh3_128_digest(snapshot[CHECKED_FROM:])
    assert numbers == [1, TIGHT.n_currencies, len(TIGHT.pairs), 0, len(snapshot), TIGHT.max_fills, 0]
    assert snapshot[HEADER_BYTES:] == TIGHT.instruments.tobytes() + core.state_bytes()
    other = TIGHT.core(core_type)
    other.restore(snapshot)
    assert other.snapshot() == snapshot


@both_cores
def test_a_core_that_has_applied_nothing_has_a_snapshot_too(core_type: CoreType) -> None:
    core = TIGHT.core(core_type)
    empty = core.snapshot()
    core.restore(empty)
    assert core.snapshot() == empty


@both_cores
def test_every_flipped_bit_and_every_cut_is_refused(core_type: CoreType, seed: int) -> None:
    snapshot = lived(TIGHT, seed, 120).snapshot()
    rng = Random(seed)
    core = TIGHT.core(core_type)
    fresh = core.state_bytes()
    for at in range(len(snapshot)):
        flipped = bytearray(snapshot)
        flipped[at] ^= 1 << rng.randrange(8)
        with pytest.raises(ValueError, match=r"damaged|of version"):
            core.restore(bytes(flipped))
    for n_bytes in (*range(200), *rng.sample(range(200, len(snapshot)), 100)):
        with pytest.raises(ValueError, match="damaged"):
            core.restore(snapshot[:n_bytes])
    for more in (b"\0", snapshot):
        with pytest.raises(ValueError, match="damaged"):
            core.restore(snapshot + more)
    assert core.state_bytes() == fresh
    core.restore(snapshot)
    assert core.snapshot() == snapshot


@both_cores
def test_another_version_is_refused_by_name(core_type: CoreType, seed: int) -> None:
    snapshot = bytearray(lived(TIGHT, seed, 120).snapshot())
    snapshot[CHECKED_FROM] = 2
    refused(TIGHT, core_type, sealed(bytes(snapshot)), "of version 2, and this core reads 1")


@both_cores
@pytest.mark.parametrize("other", ["rebates", "crowded", "paths"])
def test_another_venues_snapshot_is_refused(core_type: CoreType, other: str, seed: int) -> None:
    snapshot = lived(SCENARIOS[other], seed, 200).snapshot()
    if SCENARIOS[other].pairs == TIGHT.pairs:  # the same venue but for its bounds: its orders fit
        core = TIGHT.core(core_type)
        core.restore(snapshot)
        assert core.snapshot() == snapshot
    else:
        refused(TIGHT, core_type, snapshot, "another venue")


@both_cores
@pytest.mark.parametrize("field", ["base", "quote", "maker_rate", "taker_rate", "lot_units", "tick_lot_units"])
def test_a_venue_whose_instrument_differs_in_one_field_is_another(core_type: CoreType, field: str, seed: int) -> None:
    snapshot = lived(TIGHT, seed, 120).snapshot()
    rows = TIGHT.instruments.copy()
    rows[field][0] = 2 if field in ("base", "quote") else rows[field][0] + 1
    core = core_type(rows, n_currencies=TIGHT.n_currencies)
    with pytest.raises(ValueError, match="another venue"):
        core.restore(snapshot)
    for bounds in ({"n_currencies": 4}, {"n_currencies": 3, "max_fills": 255}):
        with pytest.raises(ValueError, match="another venue"):
            core_type(TIGHT.instruments, **bounds).restore(snapshot)


@both_cores
def test_more_orders_than_the_core_may_have_are_refused(core_type: CoreType, seed: int) -> None:
    core = lived(TIGHT, seed, 600)
    n_slots = next(parts(core.state_bytes())).fields["slots"]
    assert n_slots > 5
    small = core_type(TIGHT.instruments, n_currencies=3, max_orders=n_slots - 1)
    with pytest.raises(ValueError, match="max_orders"):
        small.restore(core.snapshot())
    exact = core_type(TIGHT.instruments, n_currencies=3, max_orders=n_slots)
    exact.restore(core.snapshot())
    assert exact.state_bytes() == core.state_bytes()


@both_cores
def test_more_accounts_than_the_core_may_have_are_refused(core_type: CoreType, seed: int) -> None:
    core = lived(TIGHT, seed, 600)
    small = core_type(TIGHT.instruments, n_currencies=3, max_accounts=core.n_accounts - 1)
    with pytest.raises(ValueError, match="max_accounts"):
        small.restore(core.snapshot())
    exact = core_type(TIGHT.instruments, n_currencies=3, max_accounts=core.n_accounts)
    exact.restore(core.snapshot())
    assert exact.state_bytes() == core.state_bytes()


@both_cores
def test_a_core_that_was_used_is_not_restored(core_type: CoreType, seed: int) -> None:
    snapshot = lived(TIGHT, seed, 120).snapshot()
    feed = Feed(TIGHT.core(core_type))
    feed.apply(time(5))
    before = feed.core.state_bytes()
    with pytest.raises(RuntimeError, match="restore a snapshot to a new one"):
        feed.core.restore(snapshot)
    assert feed.core.state_bytes() == before


@both_cores
@pytest.mark.parametrize("name", ["accounts", "slots", "outcomes", "bids", "asks", "stops", "free", "triggered"])
def test_counts_beyond_all_bounds_are_refused_though_the_checksum_holds(
    core_type: CoreType, name: str, seed: int
) -> None:
    snapshot = lived(TIGHT, seed, 300).snapshot()
    for count in (2**32 - 1, 2**31, 2**27, 10**6, count_at(snapshot, name)[1] + 1):
        at, _ = count_at(snapshot, name)
        changed = snapshot[:at] + count.to_bytes(4, "little") + snapshot[at + 4 :]
        refused(TIGHT, core_type, sealed(changed), "no core can be in its state")


def count_at(snapshot: bytes, name: str) -> tuple[int, int]:
    """Where a count of the state stands in a snapshot of ``TIGHT``, and what it is."""
    state = HEADER_BYTES + INSTRUMENT_BYTES
    n_accounts, n_slots = struct.unpack_from("<II", snapshot, state + 32)
    at = state + 40
    for number in range(n_accounts):
        if number == 2:
            outcomes_at = at + 108
        (n_outcomes,) = struct.unpack_from("<I", snapshot, at + 108)
        at += 112 + 16 * TIGHT.n_currencies + 56 * n_outcomes
    free_at = at + 4 * n_slots
    book_at = free_at + 4 + 4 * int.from_bytes(snapshot[free_at : free_at + 4], "little")
    n_open = sum(struct.unpack_from("<III", snapshot, book_at + 12))
    triggered_at = book_at + 24 + canonical.ORDER.size * n_open
    place = {
        "accounts": state + 32, "slots": state + 36, "outcomes": outcomes_at, "free": free_at, "bids": book_at + 12,
        "asks": book_at + 16, "stops": book_at + 20, "triggered": triggered_at,
    }[name]  # fmt: skip
    return place, int.from_bytes(snapshot[place : place + 4], "little")


def test_a_client_id_that_names_anothers_order_is_refused_though_the_checksum_holds() -> None:
    """What ends an account's orders counts on each order being named once, by its owner."""
    floor = open_floor(2)
    for trader in (FIRST_TRADER, FIRST_TRADER + 1):
        floor.apply(new_order(trader, 1, instrument=0, side=Side.BUY, price_ticks=5, quantity_lots=7))
    snapshot = floor.core.snapshot()
    at, places = HEADER_BYTES + INSTRUMENT_BYTES + 40, []
    for _ in range(floor.core.n_accounts):
        (n_outcomes,) = struct.unpack_from("<I", snapshot, at + 108)
        at += 112 + 2 * 16
        places.append(at + 24)  # where its first outcome names an order
        at += 56 * n_outcomes
    one, other = places[-2:]
    swapped = bytearray(snapshot)
    swapped[one : one + 8], swapped[other : other + 8] = snapshot[other : other + 8], snapshot[one : one + 8]
    assert swapped != snapshot
    fresh = CompiledCore(instruments(), n_currencies=2)
    with pytest.raises(ValueError, match="names an order that is not its own"):
        fresh.restore(sealed(bytes(swapped)))
    fresh.restore(snapshot)
    assert fresh.snapshot() == snapshot


@both_cores
def test_an_outcome_that_names_a_slot_that_is_not_there_is_refused_though_the_checksum_holds(
    core_type: CoreType,
) -> None:
    """Looking ahead follows what a client id left behind, whatever kind of command used it."""
    floor = open_floor(1)
    floor.apply(new_order(FIRST_TRADER, 1, instrument=0, side=Side.BUY, price_ticks=5, quantity_lots=7))
    floor.apply(cancel(FIRST_TRADER, 2, orig_client_order_id=1))
    snapshot = floor.core.snapshot()
    last_outcome = snapshot.rindex((2).to_bytes(8, "little"), 0, snapshot.rindex(bytes([CommandKind.CANCEL])))
    at = last_outcome + 24
    assert int.from_bytes(snapshot[at : at + 8], "little") == 1 << 32 | 1, "generation 1 of slot 1"
    for slot in (2, 2**31, 2**32 - 1):
        wild = snapshot[:at] + (1 << 32 | slot).to_bytes(8, "little") + snapshot[at + 8 :]
        fresh = core_type(instruments(), n_currencies=2)
        with pytest.raises(ValueError, match="a slot that is not there"):
            fresh.restore(sealed(wild))
    core_type(instruments(), n_currencies=2).restore(snapshot)


@both_cores
@pytest.mark.parametrize("name", ["tight", "shortlived", "crowded", "twins"])
def test_whatever_is_changed_under_a_checksum_that_holds_is_refused_or_is_a_sound_state(
    core_type: CoreType, name: str, seed: int
) -> None:
    """Anything but a crash, an endless loop, or a core that is not in the state that it was given.

    The compiled one goes on to live in it: memory must be safe there too.
    """
    scenario, rng = SCENARIOS[name], Random(f"changed/{name}/{seed}")
    recording = record(scenario, seed, 760, CompiledCore)
    core = scenario.core(CompiledCore)
    core.bind(recording.commands)
    core.apply(0, recording.starts[700])
    snapshot = core.snapshot()
    front = HEADER_BYTES + INSTRUMENT_BYTES * len(scenario.pairs)
    later = recording.commands[recording.starts[700] :].tobytes()
    taken = 0
    for _ in range(CHANGES[core_type]):
        changed = bytearray(snapshot)
        width = rng.choice((1, 2, 4, 8))
        at = rng.randrange(front, len(changed) - width)
        value = rng.choice((0, 1, 2**31, 2**63, rng.getrandbits(64), 2**64 - 1, changed[at] + 1, changed[at] - 1))
        changed[at : at + width] = (value & 2 ** (8 * width) - 1).to_bytes(width, "little")
        feed = Feed(scenario.core(core_type))
        try:
            feed.core.restore(sealed(bytes(changed)))
        except ValueError as e:
            assert "no core can be in its state" in str(e)  # noqa: PT017
            continue
        taken += 1
        assert feed.core.state_bytes() == changed[front:]
        feed.core.check()
        if core_type is CompiledCore:
            # A debug build may notice only now: an outcome may name an order that is yet to come, as one would
            # after a slot's generation has come round.
            with contextlib.suppress(AssertionError):
                feed.apply(later)
    assert taken, "times and hashes may be anything"


@both_cores
def test_stops_that_wait_their_turn_are_restored_in_turn(core_type: CoreType, seed: int) -> None:
    rng = Random(seed)
    venue = {"n_currencies": 2, "max_fills": 2}
    feed, other = (Feed(core(instruments(), **venue), n_records=4096) for core in (CompiledCore, core_type))
    for command in opening(2):
        feed.apply(command)
    prices = [rng.randint(1_000, 1_200) for _ in range(TRIGGERS_MAX + 40)]
    feed.apply(b"".join(stop(i, price, price_ticks=1) for i, price in enumerate(prices, 1)))
    feed.apply(trade_at(2_000, 1))
    other.core.restore(feed.core.snapshot())
    assert other.core.next_deadline_ns == feed.core.next_deadline_ns == feed.core.now_ns
    rest = feed.apply(time(1))
    assert other.apply(time(1)) == rest
    kinds = np.frombuffer(rest, np.uint8)[::96]
    assert (kinds == EventKind.TRIGGERED).sum() == 40
    assert other.core.state_bytes() == feed.core.state_bytes()
