"""A ledger whose batches take time to be FINAL, as much as the test says."""

from fxengine.ledger import Batch, Ledger
from fxengine.ledger.base import InFlight, Progress
from tests.unit.settlement.settling import Wrapped

SOON_NS = 1_000_000


class Slow(Wrapped):
    """A ledger whose batches come as far as the test says: ``steps`` are what each ``advance`` leads to."""

    def __init__(self, inner: Ledger) -> None:
        super().__init__(inner)
        self.reached = Progress(0, 0)
        self.steps: list[Progress | Exception] = []
        self.deltas_max: int | None = None
        self.advances = 0

    def progress(self) -> Progress:
        return self.reached

    def advance(self) -> int | None:
        self.advances += 1
        step = self.steps.pop(0) if self.steps else self.reached
        if isinstance(step, Exception):
            raise step
        self.reached = step
        return SOON_NS if step.final < self.inner.cursor().batch_id else None

    def unfinished(self) -> list[InFlight]:
        facts = [(b.id, b.first_sequence, b.last_sequence, b.accounts(), len(b.trades), b.time_ns) for b in self.posted]
        return [InFlight(*fact) for fact in facts if fact[0] > self.reached.final]

    def fits(self, batch: Batch) -> bool:
        return self.deltas_max is None or len(batch.deltas) <= self.deltas_max
