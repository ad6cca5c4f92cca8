"""A ledger with lawful batches in it, and all that went in: what proofs and statements are held against."""

import random

from fxengine.ledger import Batch, Ledger, open_ledger
from fxengine.ledger.check_batches import VENUE, Books
from fxengine.venue_file import parse_venue


class KeptBooks:
    """A ledger at ``url``, and every batch that was posted to it."""

    def __init__(self, url: str, seed: int) -> None:
        self.url = url
        self.venue = parse_venue(VENUE)
        self.books = Books(self.venue, random.Random(seed))
        self.ledger: Ledger = open_ledger(self.url, self.venue)
        self.batches: list[Batch] = []

    def post(self, batch: Batch) -> None:
        self.ledger.post(batch)
        self.batches.append(batch)

    def close(self) -> None:
        self.ledger.close()
