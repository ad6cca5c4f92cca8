r"""How much an account may ask of the venue: a bucket of credit that fills at a steady rate.

Each record and each question costs one, and what has to be routed as much as its work may come to. An
account may spend ``burst`` at once and ``per_s`` for ever; what exceeds that is refused before it reaches
the core, costs nothing, and is told the time after which the same would pass::

    credit  burst |\          ____
                  | \      __/         spent faster than it fills, then left alone
                0 |__\____/__________  what does not fit here is refused

The bucket is kept as one number, the time at which it will be full again (the generic cell rate
algorithm), so nothing has to run between messages, and in whole numbers, so no rate drifts.

What makes an account safer must pass when all else is refused: cancels, the dead-man timer and the
session's own messages draw on a second bucket, twice as large. All sessions of an account share
its two. A session that has no account yet has a small one of its own.

Source: ITU-T I.371, GCRA (virtual scheduling).
"""

from typing import Final

from fxengine.venue import BURST_MIN, Level, Venue

RELIEF_FACTOR: Final = 2
"""How much larger the second bucket is, of what makes an account safer."""
LOGON_COST: Final = 100
"""What a LOGON costs: a signature check, and a command in the journal."""
STRANGER_PER_S: Final = 100
STRANGER_BURST: Final = 1_000
"""What a session may ask before it has an account: ten logons at once, then one a second."""

FILLS_PER_MESSAGE: Final = 32
PATHS_PER_MESSAGE: Final = 400
"""Of a swap: fills that are planned, and ways over two currencies that are looked at, in the time a message takes."""

_NS_PER_S: Final = 1_000_000_000


def routing_cost(venue: Venue) -> int:
    """Return what a swap or a swap quote costs, whatever comes of it: the most work that the venue's bounds allow.

    A refused one moves nothing and may have been planned to the last fill, so it must not be had at the price of a
    cancel. It never costs more than the smallest burst that a level may have.
    """
    cost = 1 + venue.max_fills // FILLS_PER_MESSAGE + len(venue.currencies) ** 2 // PATHS_PER_MESSAGE
    return min(cost, BURST_MIN)


class Bucket:
    """Credit that is spent at once and fills steadily. ``per_s`` and ``burst``: units of cost, at least 1."""

    __slots__ = ("_burst", "_full", "_per_s")

    def __init__(self, per_s: int, burst: int) -> None:
        self._per_s = per_s
        # Time is counted in steps in which one unit of cost fills a thousand million of them: no division.
        self._burst = burst * _NS_PER_S
        self._full = 0

    def spend(self, cost: int, now_ns: int) -> int:
        """Take ``cost`` and return 0; or take nothing and return how many nanoseconds to wait for it.

        A clock that goes back costs the account at most a whole bucket. O(1).
        """
        now = now_ns * self._per_s
        full = self._full
        if full < now:
            full = now
        elif full > now + self._burst:
            self._full = full = now + self._burst
        full += cost * _NS_PER_S
        excess = full - now - self._burst
        if excess > 0:
            return -(-excess // self._per_s)
        self._full = full
        return 0

    def refund(self, cost: int) -> None:
        """Give back what was just spent."""
        self._full -= cost * _NS_PER_S


class Allowance:
    """The two buckets of one account, or of a session that has none yet."""

    __slots__ = ("commands", "relief")

    def __init__(self, per_s: int = STRANGER_PER_S, burst: int = STRANGER_BURST) -> None:
        self.commands = Bucket(per_s, burst)
        """For commands and questions."""
        self.relief = Bucket(RELIEF_FACTOR * per_s, RELIEF_FACTOR * burst)
        """For what makes an account safer, and the session's own messages."""

    def refuses(self, n_commands: int, n_relief: int, now_ns: int) -> bool:
        """Take what both cost, or say that it is too much and take nothing. O(1)."""
        if n_relief and self.relief.spend(n_relief, now_ns):
            return True
        if n_commands and self.commands.spend(n_commands, now_ns):
            self.relief.refund(n_relief)
            return True
        return False


class Allowances:
    """Every account's allowance, as its KYC level says; kept while the venue runs: reconnecting buys nothing."""

    def __init__(self) -> None:
        self._of: dict[int, tuple[Level, Allowance]] = {}

    def of(self, account: int, level: Level) -> Allowance:
        """Return the account's allowance; a new level brings a new one. O(1)."""
        held = self._of.get(account)
        if held is None or held[0] != level:
            held = self._of[account] = (level, Allowance(level.commands_per_s, level.burst))
        return held[1]
