"""A ledger under check, what was posted to it, and what it must therefore hold."""

import random
from collections.abc import Callable
from typing import Final

from fxengine.errors import LedgerError, LedgerMismatch
from fxengine.ledger.base import Ledger, open_ledger
from fxengine.ledger.batch import Batch
from fxengine.ledger.check_batches import VENUE, Books
from fxengine.venue import Venue
from fxengine.venue_file import parse_venue

_VOLATILE: Final = "memory"
"""The finality of a ledger that says of itself that it ends with its process."""
KILLS: Final = 18
"""How many processes are killed while they post; more find rarer faults."""


def check_venue() -> Venue:
    """Return the venue whose books a check keeps."""
    return parse_venue(VENUE)


class NotHeld(Exception):
    """A backend broke a promise. Says how."""


class Trial:
    """A ledger under check, and what it must hold. ``url`` names an empty one; ``seed`` makes the batches."""

    def __init__(self, url: str, seed: int = 1, *, kills: int = KILLS) -> None:
        self.url = url
        self.kills = kills
        self.rng = random.Random(seed)
        self.venue = check_venue()
        self.books = Books(self.venue, self.rng)
        self.ledger: Ledger = open_ledger(url, self.venue)
        self.is_volatile = self.ledger.finality == _VOLATILE

    def reopen(self) -> None:
        """Close and open the ledger again."""
        self.ledger.close()
        self.ledger = open_ledger(self.url, self.venue)

    def close(self) -> None:
        """Close the ledger."""
        self.ledger.close()

    def post(self) -> Batch:
        """Post the next lawful batch and return it."""
        batch = self.books.batch()
        self.ledger.post(batch)
        return batch

    def holds(self, what: str) -> None:
        """Compare cursor and balances with what was posted. Raises :class:`NotHeld`."""
        held = self.ledger.balances()
        for key in sorted(held.keys() | self.books.balances.keys()):
            units, should = held.get(key, 0), self.books.balances.get(key, 0)
            if units != should:
                raise NotHeld(f"{what}: account {key[0]} has {units} units of currency {key[1]}, and should {should}")
        batch_id = self.ledger.cursor().batch_id
        if batch_id != self.books.cursor.batch_id:
            raise NotHeld(f"{what}: the cursor stands at batch {batch_id}, and should at {self.books.cursor.batch_id}")

    def refuses(self, what: str, make: Callable[[], Batch], error: type[LedgerError] = LedgerMismatch) -> None:
        """Post what must be refused, with that error, and see that nothing came of it."""
        cursor, balances = self.books.cursor, dict(self.books.balances)
        batch = make()
        self.books.cursor, self.books.balances = cursor, balances
        try:
            self.ledger.post(batch)
        except error:
            self.holds(f"after {what} was refused")
        except LedgerError as e:
            raise NotHeld(f"{what} is refused with {type(e).__name__}, and should be with {error.__name__}") from e
        else:
            raise NotHeld(f"{what} was taken")
