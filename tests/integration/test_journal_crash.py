"""A venue's engine killed with signal 9 while it acknowledges over a pipe: what was acknowledged is there.

This file is also the program that is killed: run with a data directory, a durability and a seed, it
trades for ever and prints "last_sequence chain" for each batch that was released to it.
"""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fxengine.engine import JOURNAL_NAME, Durability, Engine, FrameKind, Released, read_frames
from fxengine.errors import JournalError
from tests.unit.engine.flow import Flow, core_types, deliver_all, started, venue

ROOT = Path(__file__).parents[2]
CORE_TYPE = core_types()[-1]  # the compiled core where it is built
SEGMENT_BYTES = 300_000  # so that kills fall into changes of segments too


def trade(data_dir: Path, durability: str, seed: int) -> None:
    """Trade until killed; tell of nothing but what is released."""

    def acknowledge(released: Released) -> None:
        os.write(1, f"{released.last_sequence} {released.chain.hex()}\n".encode())

    engine = Engine(
        venue(),
        data_dir,
        durability=durability,
        clock_ns=time.time_ns,
        core_type=CORE_TYPE,
        segment_bytes=SEGMENT_BYTES,
    )
    engine.attach(acknowledge)
    engine.start()
    flow = Flow(seed)
    if engine.core.sequence == 0:
        engine.submit(flow.opening())
    flow.client_ids = {account: engine.core.client_id_highest(account) for account in flow.client_ids}
    while True:
        engine.submit(flow.commands(flow.rng.choice((1, 1, 1, 5, 60))))
        if flow.rng.random() < 0.7:
            engine.pump()


def acknowledged_before_a_kill(data_dir: Path, durability: str, seed: int, n_lines: int) -> dict[int, str]:
    """Run the program, read so many acknowledgements, kill it, and return all that it had given."""
    process = subprocess.Popen(
        [sys.executable, __file__, str(data_dir), durability, str(seed)],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if len(lines) == n_lines:
            process.send_signal(signal.SIGKILL)
    process.stdout.close()
    assert process.wait(20) == -signal.SIGKILL
    whole = [line.decode().split() for line in lines if line.endswith(b"\n")]
    return {int(last_sequence): chain for last_sequence, chain in whole}


@pytest.mark.parametrize("durability", [Durability.FSYNC, Durability.OS])
def test_every_acknowledged_command_survives_kill_9_again_and_again(
    tmp_path: Path, seed: int, durability: Durability
) -> None:
    rng = random.Random(seed)
    acknowledged: dict[int, str] = {}
    n_replayed = 0
    for round_number in range(4):
        told = acknowledged_before_a_kill(tmp_path, durability, rng.randrange(2**32), n_replayed + rng.randint(20, 400))
        assert told.keys() >= acknowledged.keys()
        assert all(told[sequence] == chain for sequence, chain in acknowledged.items())
        acknowledged = told
        frames = list(read_frames(tmp_path / JOURNAL_NAME, venue().fingerprint))
        chains = {f.last_sequence: f.chain.hex() for f in frames if f.kind is FrameKind.COMMANDS}
        assert acknowledged.items() <= chains.items(), round_number
        n_replayed = len(chains)

    engine, tape = started(tmp_path, CORE_TYPE, durability=durability, clock_ns=time.time_ns)
    engine.core.check()
    stamps = [batch.time_ns for batch in tape.batches]
    assert stamps == sorted(stamps)
    assert [b.first_sequence for b in tape.batches] == [1] + [b.last_sequence + 1 for b in tape.batches[:-1]]
    engine.submit(Flow(seed).commands(3))
    deliver_all(engine, tape)
    engine.close()
    list(read_frames(tmp_path / JOURNAL_NAME, venue().fingerprint, strict=True))
    assert len(list((tmp_path / JOURNAL_NAME).glob("*.fxj"))) > 1


def test_a_killed_engine_leaves_no_lock_behind_and_a_living_one_keeps_others_out(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, __file__, str(tmp_path), "fsync", "1"],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    process.stdout.readline()
    try:
        with pytest.raises(JournalError, match=rf"another engine \(process {process.pid}\)"):
            started(tmp_path, CORE_TYPE)
    finally:
        process.kill()
        process.stdout.close()
        process.wait(20)
    started(tmp_path, CORE_TYPE)[0].close()


if __name__ == "__main__":
    trade(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
