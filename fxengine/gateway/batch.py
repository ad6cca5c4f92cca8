"""The commands of one cycle, gathered as the bytes that the journal will hold, and submitted as one batch.

Where a command's sender must hear under which number it was taken (a payment, a logon), the command's
place in the batch is noted, and becomes that number when the batch is submitted::

    gathered   order  order  SWAP  cancel  CREDENTIAL  order          core.sequence 117
    place        0      1     2      3         4         5
    number      118    119   120    121       122       123
"""

from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from fxengine.engine import Engine
from fxengine.gateway.session import Session
from fxengine.records import COMMAND


class Payment(NamedTuple):
    """A command whose session is told under which number it was taken."""

    number: int
    """Place in the batch, then sequence."""
    session: Session
    client_order_id: int
    revoked_token: bytes | None
    """Of a REVOKE: the token's hash, or nothing where it was an account; None: it is no REVOKE."""


class Batch:
    """What one cycle has for the engine."""

    __slots__ = ("_engine", "_payments", "_taken", "n_commands", "records")

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.records = bytearray()
        self.n_commands = 0
        self._payments: list[Payment] = []
        self._taken: deque[Payment] = deque()

    def add(self, records: bytes | bytearray, n_commands: int = 1) -> None:
        """Gather whole commands."""
        self.records += records
        self.n_commands += n_commands

    def add_payment(self, record: bytes, session: Session, client_order_id: int, revoked_token: bytes | None) -> None:
        """Gather one command whose session is to be told its number."""
        self._payments.append(Payment(self.n_commands, session, client_order_id, revoked_token))
        self.add(record)

    def submit(self, note_first: Callable[[int], None]) -> None:
        """Submit what was gathered, if anything; ``note_first`` hears the number of its first command before that."""
        if not self.n_commands:
            return
        first = self._engine.core.sequence + 1
        note_first(first)
        self._taken.extend(payment._replace(number=first + payment.number) for payment in self._payments)
        commands = np.frombuffer(bytes(self.records), COMMAND)
        self._payments.clear()
        self.records.clear()
        self.n_commands = 0
        self._engine.submit(commands)

    def durable_payments(self, last_sequence: int) -> Iterator[Payment]:
        """Yield, once, the payments up to a command that is durable."""
        while self._taken and self._taken[0].number <= last_sequence:
            yield self._taken.popleft()
