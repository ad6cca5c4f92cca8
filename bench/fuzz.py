"""Malformed frames by the million: nothing crashes, nobody else notices, and nothing changes.

    python -m bench.fuzz --frames 1000000 --seed 7
    python -m bench.fuzz --seed 7 --first 4711 --frames 1      one frame again, as a failure names it

Each frame goes to the dispatcher of a venue in this process, from a stranger, a trader who is logged
on, or a drop copy. After each: exactly the REJECTs it must get, and nothing gathered for the core.
Every few hundred: a bystander has heard nothing and holds what it held, and no command was sequenced;
at the end the hash of the whole state is what it was. Every wire code must have come up; those that
no single frame can bring about have a scene each. A hundredth of the frames goes through real sockets.
"""

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from enum import Enum, auto
from pathlib import Path
from random import Random
from typing import Final

from bench.fuzz_frames import Malformed, malformed_frame
from bench.fuzz_records import malformed_records
from bench.fuzz_scenes import SCENES, shut_down
from bench.fuzz_sockets import fuzz_through_sockets
from bench.fuzz_venue import Bystander, FuzzVenue, Seat, fuzz_venue
from fxengine.codes import RejectReason
from fxengine.messages import Reject, Reply, SessionMode

FRAMES: Final = 1_000_000
SEED_DEFAULT: Final = 20261030
WIRE_CODES: Final = frozenset(reason for reason in RejectReason if 100 < reason < 200)
_CHECK_EVERY: Final = 500
_RECORDS_SHARE: Final = 0.15
_SOCKETS_SHARE: Final = 100
_FRAMES_TO_REACH_ALL: Final = 10_000


class Role(Enum):
    """Who sends a frame."""

    STRANGER = auto()
    TRADER = auto()
    DROP_COPY = auto()


class Broken(Exception):
    """A frame did what no malformed frame may do."""


def malformed(seed: int, number: int) -> Malformed:
    """Make frame ``number`` of a seed."""
    rng = Random(seed * 1_000_003 + number)
    return malformed_records(rng) if rng.random() < _RECORDS_SHARE else malformed_frame(rng)


class Fuzzer:
    """Sends malformed frames to a venue, and watches it."""

    def __init__(self, venue: FuzzVenue, seed: int) -> None:
        self._venue, self._seed = venue, seed
        self.reasons: Counter[RejectReason] = Counter()
        self.n_frames = self.n_one_field = 0
        for scene in SCENES:
            self.reasons.update(scene(venue))
        self._bystander = Bystander(venue)
        self._seats = {role: self._open(role) for role in Role}
        self._remember()

    def run(self, first: int, n_frames: int) -> None:
        """Send frames ``first ...``; :class:`Broken` names the one that broke something."""
        for number in range(first, first + n_frames):
            made = malformed(self._seed, number)
            role = _role(made, number)
            try:
                self._send(role, made)
                if number % _CHECK_EVERY == 0:
                    self._check()
            except Exception as e:
                raise Broken(
                    f"{made.what}, from a {role.name}: {e!r}\n{made.frame[:400]!r}\n"
                    f"again: python -m bench.fuzz --seed {self._seed} --first {number} --frames 1"
                ) from e
        self._check_all()

    def finish(self) -> None:
        """See that trading goes on as before; then close the venue to all."""
        self._bystander.trade_on()
        self.reasons.update(shut_down(self._venue))

    def _send(self, role: Role, made: Malformed) -> None:
        if self._seats[role].is_closed:
            self._replace(role)
        self.n_frames += 1
        self.n_one_field += made.one_field
        answers = self._seats[role].send(made.frame)
        if made.reasons is None:
            answers += self._see_through()
        rejects = tuple(RejectReason(answer.reason) for answer in answers if isinstance(answer, Reject))
        self.reasons.update(rejects)
        if made.reasons is not None:
            assert len(rejects) == len(answers), f"it was answered {answers}"
            assert rejects == made.reasons, f"it was refused for {rejects}, not for {made.reasons}"
            assert not self._venue.has_gathered, "it led to a command or a question"

    def _see_through(self) -> list[Reply]:
        """Let what a harmless session asked for be answered."""
        said = self._venue.turn()
        assert self._bystander.identity not in said, f"a bystander was told {said[self._bystander.identity]}"
        return [answer for answers in said.values() for answer in answers]

    def _check(self) -> None:
        self._see_through()
        self._bystander.check()
        assert self._venue.engine.core.sequence == self._sequence, "a command was sequenced"

    def _check_all(self) -> None:
        self._check()
        core = self._venue.engine.core
        assert core.state_hash() == self._state_hash, "the state has changed"
        core.check()

    def _remember(self) -> None:
        core = self._venue.engine.core
        self._sequence, self._state_hash = core.sequence, core.state_hash()

    def _replace(self, role: Role) -> None:
        """Take the seat of one who has left or was closed; a logon is a command, the only one there is."""
        self._check_all()
        self._seats[role].leave()
        self._seats[role] = self._open(role)
        self._remember()

    def _open(self, role: Role) -> Seat:
        seat = self._venue.seat()
        if role is not Role.STRANGER:
            mode = SessionMode.DROP_COPY if role is Role.DROP_COPY else SessionMode.ORDER_ENTRY
            seat.log_on(self._venue.token(f"fuzzer-{role.name}"), mode=int(mode))
        return seat


def _role(made: Malformed, number: int) -> Role:
    """Choose who sends a frame: what may turn out to be no malformed one, only from who may do nothing."""
    if made.needs_session:
        return Role.TRADER
    if made.reasons is None:
        return (Role.STRANGER, Role.DROP_COPY)[number % 2]
    return tuple(Role)[number % len(Role)]


def through_sockets(seed: int, first: int, n_frames: int) -> int:
    """Send every hundredth frame once more, through sockets; return how many. AssertionError where one gets through."""
    chosen = (malformed(seed, number) for number in range(first, first + n_frames, _SOCKETS_SHARE))
    with tempfile.TemporaryDirectory(prefix="fx-") as folder:
        return fuzz_through_sockets(Path(folder), (made for made in chosen if made.reasons is not None))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.fuzz", description="Malformed frames, and nothing happens.")
    parser.add_argument("--frames", type=int, default=FRAMES, help=f"how many (default: {FRAMES:,})")
    parser.add_argument("--first", type=int, default=0, help="number of the first (default: 0)")
    parser.add_argument("--seed", type=int, default=int(os.environ.get("FXENGINE_SEED", SEED_DEFAULT)))
    chosen = parser.parse_args(arguments)
    print(f"seed {chosen.seed}: {chosen.frames:,} malformed frames", flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="fx-fuzz-") as folder, fuzz_venue(Path(folder)) as venue:
        fuzzer = Fuzzer(venue, chosen.seed)
        try:
            fuzzer.run(chosen.first, chosen.frames)
            fuzzer.finish()
            n_sockets = through_sockets(chosen.seed, chosen.first, chosen.frames)
        except (Broken, AssertionError) as broken:
            print(broken, file=sys.stderr)
            return 1
    missing = sorted(reason.name for reason in WIRE_CODES - fuzzer.reasons.keys())
    print(
        f"{fuzzer.n_frames:,} frames in {time.monotonic() - began:,.0f} s, {fuzzer.n_one_field:,} of them valid but for"
        f" one field, {n_sockets:,} once more through sockets; {len(fuzzer.reasons)} reject codes; no crash, no effect"
        " on others, no state change"
    )
    for reason, count in sorted(fuzzer.reasons.items()):
        print(f"  {int(reason)} {reason.name:<24}{count:>12,}")
    if missing and chosen.frames >= _FRAMES_TO_REACH_ALL:
        print(f"not reached: {', '.join(missing)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
