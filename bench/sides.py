"""One side of the comparison under load: what was due when, what was answered when, and the rate of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from bench import answers
from bench.load import Line, Offer, Times, listen_for_what_is_owed, offer
from bench.order_flow import Maker

_WARM_SHARE: Final = 0.2
_OVERLOAD: Final = 1.25
_KEPT_UP: Final = 0.95
_RAMP_S: Final = 0.25
_TRIES_MAX: Final = 4
_NS: Final = 1_000_000_000


@dataclass(frozen=True)
class Answered:
    """When each command that was sent was due, and when it was first answered."""

    offer: Offer
    commands_per_s: float
    due_ns: Times
    answered_ns: Times

    @property
    def per_s(self) -> float:
        """Commands answered per second while the load was on, its first fifth left out."""
        inside = (self.answered_ns >= self._warm_ns) & (self.answered_ns < self.offer.ended_ns)
        return float(np.count_nonzero(inside)) / ((self.offer.ended_ns - self._warm_ns) / _NS)

    @property
    def kept_up(self) -> bool:
        """Say whether all but a little of what was offered was answered at once: more would have been taken."""
        return self.per_s >= _KEPT_UP * self.commands_per_s

    @property
    def latencies_us(self) -> Times:
        """Microseconds from due to answered, the first fifth left out.

        :class:`bench.answers.BenchFailed` where a command has no answer: its latency is not known, and not zero.
        """
        counted = self.due_ns >= self._warm_ns
        missing = int(np.count_nonzero(self.answered_ns[counted] == 0))
        if missing:
            raise answers.BenchFailed(f"{missing} of {np.count_nonzero(counted)} commands were never answered")
        return (self.answered_ns[counted] - self.due_ns[counted]) // 1_000

    @property
    def _warm_ns(self) -> int:
        return self.offer.began_ns + int((self.offer.ended_ns - self.offer.began_ns) * _WARM_SHARE)


@dataclass
class Side:
    """Sessions, each with its maker, and how commands and answers look there.

    ``encode`` turns a maker's next ``n`` commands into frames of ``per_frame`` commands each;
    ``guess_per_s`` is what it takes, as far as is known: little at first, then what it took last.
    """

    name: str
    lines: Sequence[Line]
    makers: Sequence[Maker]
    encode: Callable[[Maker, int], list[bytes]]
    per_frame: int
    guess_per_s: float
    is_echo: bool = False
    _is_known: bool = False

    def load(self, commands_per_s: float, seconds: float) -> Answered:
        """Offer commands at this rate for so long; return when each was due and answered."""
        n = int(commands_per_s * seconds / len(self.lines)) + 1
        firsts = [maker.next_id for maker in self.makers]
        for line, maker in zip(self.lines, self.makers, strict=True):
            line.load(self.encode(maker, n))
        offered = offer(self.lines, commands_per_s / self.per_frame, seconds)
        heard = self._heard(firsts)
        while any(np.any(times == 0) for times in heard) and listen_for_what_is_owed(self.lines):
            heard = self._heard(firsts)
        due = []
        for number, (line, maker, first) in enumerate(zip(self.lines, self.makers, firsts, strict=True)):
            due.append(np.repeat(offered.due_ns(number, line.n_sent), self.per_frame))
            maker.rewind(maker.next_id - first - line.n_sent * self.per_frame)
            line.load([])
        return Answered(offered, commands_per_s, np.concatenate(due), np.concatenate(heard))

    def _heard(self, firsts: Sequence[int]) -> list[Times]:
        """Return for each line when what it sent was answered, as far as it was."""
        return [
            answers.echoed(line, n_sent, self.per_frame) if self.is_echo else answers.answered(line, first, n_sent)
            for line, first in zip(self.lines, firsts, strict=True)
            for n_sent in [line.n_sent * self.per_frame]
        ]

    def top_rate(self, seconds: float) -> float:
        """Offer a quarter more than it takes, and count what it answers per second.

        Never very much more: what cannot be taken at once stands in queues, and a session whose queue
        lasts for seconds cannot even be heard to be alive. So the rate is felt for first, upwards.
        """
        if not self._is_known:
            while (tried := self.load(self.guess_per_s, _RAMP_S)).kept_up:
                self.guess_per_s *= 2
            self.guess_per_s = max(tried.per_s, self.guess_per_s / 2)
            self._is_known = True
        for _ in range(_TRIES_MAX):
            tried = self.load(self.guess_per_s * _OVERLOAD, seconds)
            self.guess_per_s = tried.per_s or self.guess_per_s / 2
            if not tried.kept_up:
                break
        return tried.per_s
