"""Venues that have traded and settled, and ways to spoil what they wrote."""

import dataclasses
import random
import shutil
import sqlite3
import struct
import zlib
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np

from fxengine.audit import Findings
from fxengine.codes import Side
from fxengine.ledger import open_ledger
from fxengine.records import NEW_ORDER
from fxengine.settlement import Settlement
from tests.unit.settlement.trading import CLIENTS, SECOND_NS, VENUE, Clock, Flow, Trading, make_venue

PIECE = 64
"""Frames, their headers and their records all lie at multiples of this many bytes."""
SEAL = 2
LAST_FRAME = 8
"""Commands in the last frame: deposits, which are settled by time alone and so stand in no batch yet."""


@dataclass(frozen=True)
class Traded:
    """A data directory, and what the venue itself knew when it stopped."""

    data_dir: Path
    n_commands: int
    n_trades: int
    n_batches: int
    n_accounts: int
    state_hash: str

    @property
    def segment(self) -> Path:
        """Return the journal's last segment."""
        return sorted((self.data_dir / "journal").glob("*.fxj"))[-1]

    @property
    def ledger(self) -> Path:
        return self.data_dir / "ledger.sqlite"


def trade(data_dir: Path, seed: int, *, closed: bool, resting: int = 0) -> Traded:
    """Trade on a fresh venue; ``closed``: as a clean stop leaves it, else as kill -9 would.

    ``resting``: how many orders come last, each a frame of its own, and move no money.
    """
    live = data_dir / "live"
    live.mkdir()
    (live / "venue.toml").write_text(VENUE)
    venue, clock = make_venue(), Clock()
    with closing(open_ledger(f"sqlite:{live / 'ledger.sqlite'}", venue)) as ledger:
        settlement = Settlement(ledger, venue, clock_ns=clock, batch_trades_max=30)
        trading, flow = Trading(live, venue, clock), Flow(venue, random.Random(seed))
        trading.start(settlement.observe)
        settlement.start()
        trading.open(flow)
        for _ in range(25):
            trading.trade(flow, 1, per_frame=8)
            clock.now_ns += 1000
        trading.submit(np.concatenate([flow.money(CLIENTS[0], 0, 5) for _ in range(LAST_FRAME)]))
        left = live
        if not closed:
            settlement._posting.close()  # what was cut is posted; the open cycle dies with the process
            left = data_dir / "killed"
            shutil.copytree(live, left)
        for _ in range(resting):
            clock.now_ns += SECOND_NS
            settlement.tick()
            order = flow.crossing(CLIENTS[0], Side.BUY)
            order.view(NEW_ORDER)["price_ticks"] = 1
            trading.submit(order)
        core = trading.engine.core
        n_trades = sum(int((r.events["kind"] == 3).sum()) for r in trading.released) // 2
        facts = core.sequence, n_trades, settlement, core.n_accounts, core.state_hash()
        trading.engine.close()
        settlement.close()
        return Traded(left, facts[0], facts[1], settlement.cursor.batch_id, facts[3], facts[4])


def copy_of(traded: Traded, data_dir: Path) -> Traded:
    shutil.copytree(traded.data_dir, data_dir)
    return dataclasses.replace(traded, data_dir=data_dir)


Audit = Callable[..., Findings]


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
