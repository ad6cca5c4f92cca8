"""The account's private reports in their order, each once, whatever was lost or comes twice.

The venue numbers an account's reports 1, 2, 3 ... without a gap. What was heard before is dropped;
what comes too early waits until the reports before it were sent again::

    heard 5    comes 6       -> deliver 6
    heard 6    comes 9       -> keep 9, ask for 7 to 8
               comes 7, 8    -> deliver 7, 8, 9
    heard 9    comes 8       -> dropped

Where the venue does not hold them any more they are counted as missed, and the stream goes on.
"""

from collections.abc import Callable
from typing import Generic, TypeVar

M = TypeVar("M")


class PrivateStream(Generic[M]):
    """Delivers messages in the order of their numbers. ``ask(first, last)`` has the venue send some again."""

    def __init__(self, deliver: Callable[[M], None], ask: Callable[[int, int], None]) -> None:
        self._deliver = deliver
        self._ask = ask
        self._early: dict[int, M] = {}
        self._asked_up_to = 0
        self.number = 0
        """The last that was delivered."""
        self.n_missed = 0
        """How many the venue does not hold any more."""

    def start(self, number: int) -> None:
        """Begin, or begin anew, after this number."""
        self.number = number
        self._early.clear()
        self._asked_up_to = 0

    def take(self, number: int, message: M) -> bool:
        """Take in a message; False where it was heard before. Number 0: it stands outside the stream."""
        if 0 < number <= self.number:
            return False
        if number > self.number + 1:
            self._early[number] = message
            self._fill_gap()
            return True
        self._deliver(message)
        if number:
            self.number = number
            self._deliver_early()
        return True

    def asked(self) -> None:
        """Note that the answer to ``ask`` is complete; what it did not bring will not come."""
        asked_up_to, self._asked_up_to = self._asked_up_to, 0
        self.pass_over(asked_up_to)

    def pass_over(self, number: int) -> None:
        """Go on behind a number; what was not heard up to there is counted as missed."""
        for early in sorted(n for n in self._early if n <= number):
            self.n_missed += early - self.number - 1
            self.number = early
            self._deliver(self._early.pop(early))
        if number > self.number:
            self.n_missed += number - self.number
            self.number = number
        self._deliver_early()
        self._fill_gap()

    def _deliver_early(self) -> None:
        while self._early and (message := self._early.pop(self.number + 1, None)) is not None:
            self._deliver(message)
            self.number += 1

    def _fill_gap(self) -> None:
        if self._early and not self._asked_up_to:
            self._asked_up_to = min(self._early) - 1
            self._ask(self.number + 1, self._asked_up_to)
