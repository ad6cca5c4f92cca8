"""What the demo counts and shows: filled by the makers' and payers' threads, read by the screen."""

import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from fxengine.client import Execution, Report, SettlementNotice, SwapReceipt
from fxengine.codes import EventKind, SettlementStatus
from fxengine.errors import RequestRejected

SHOWN = 12


@dataclass(slots=True, eq=False)
class Payment:
    """One settled invoice: its receipt, its cost over the reference rate, and its times (monotonic ns)."""

    payer: str
    payee: str
    receipt: SwapReceipt
    over_reference_bps: float
    asked_ns: int
    answered_ns: int = 0
    posted_ns: int = 0
    """In the ledger, and on a chain not FINAL yet; 0 where both are one."""
    final_ns: int = 0


@dataclass
class Scoreboard:
    """Totals and the latest of everything. All methods may be called from any thread."""

    orders: int = 0
    refusals: list[RequestRejected] = field(default_factory=list)
    payments: list[Payment] = field(default_factory=list)
    tape: deque[Execution] = field(default_factory=lambda: deque(maxlen=SHOWN))
    batches: dict[int, SettlementNotice] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    _trades: set[tuple[int, int]] = field(default_factory=set)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count_order(self) -> None:
        """Count an order that a maker entered."""
        with self._lock:
            self.orders += 1

    def heard(self, reports: Iterable[Report]) -> None:
        """Take in a client's reports: trades and settlements."""
        with self._lock:
            for report in reports:
                if isinstance(report, Execution) and report.exec_type is EventKind.FILL:
                    trade = report.message.instrument, report.message.trade_number
                    if trade not in self._trades:
                        self._trades.add(trade)
                        self.tape.append(report)
                elif isinstance(report, SettlementNotice):
                    self.batches[report.batch_id] = report
                    if report.status is SettlementStatus.POSTED:
                        self._posted(report, time.monotonic_ns())

    def _posted(self, notice: SettlementNotice, now_ns: int) -> None:
        """Note of which payments a batch says that they are POSTED."""
        for payment in reversed(self.payments):
            if payment.receipt.sequence < notice.first_sequence:
                break
            if payment.receipt.sequence <= notice.last_sequence and not payment.posted_ns:
                payment.posted_ns = now_ns

    def paid(self, payment: Payment, now_ns: int) -> None:
        """Note a payment that was answered."""
        with self._lock:
            self.orders += 1
            payment.answered_ns = now_ns
            self.payments.append(payment)

    def settled(self, payment: Payment, notice: SettlementNotice, now_ns: int) -> None:
        """Note that a payment is FINAL."""
        with self._lock:
            payment.final_ns = now_ns
            self.batches[notice.batch_id] = notice

    def refused(self, refusal: RequestRejected) -> None:
        """Note a swap that the venue refused."""
        with self._lock:
            self.orders += 1
            self.refusals.append(refusal)

    def failed(self, who: str, error: BaseException) -> None:
        """Note that a participant's thread ended in an error."""
        with self._lock:
            self.faults.append(f"{who}: {error}")

    @property
    def trades(self) -> int:
        """Trades heard of."""
        return len(self._trades)

    @property
    def unsettled(self) -> int:
        """Payments that are not FINAL."""
        with self._lock:
            return sum(not payment.final_ns for payment in self.payments)

    def order_to_final_ms(self) -> list[float]:
        """Return the time from asking to FINAL of every payment."""
        with self._lock:
            return [(p.final_ns - p.asked_ns) / 1e6 for p in self.payments if p.final_ns]

    def order_to_posted_ms(self) -> list[float]:
        """Return the time from asking to POSTED of every payment of which that was told apart from FINAL."""
        with self._lock:
            return [(p.posted_ns - p.asked_ns) / 1e6 for p in self.payments if p.posted_ns]

    def over_reference_bps(self) -> list[float]:
        """Return what every payment cost above the reference rate."""
        with self._lock:
            return [p.over_reference_bps for p in self.payments]


def percentile(figures: Sequence[float], share: float) -> float:
    """Return the nearest-rank percentile; 0 for none.

    >>> percentile([1.0, 2.0, 3.0, 4.0], 0.5)
    2.0
    """
    if not figures:
        return 0.0
    ranked = sorted(figures)
    return ranked[max(0, -(-int(share * 1000) * len(ranked) // 1000) - 1)]
