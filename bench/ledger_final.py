"""How soon a trade is POSTED and FINAL: a real engine on a real journal, settling at a steady rate.

Every hundredth of a second as many pairs of orders are submitted as the rate asks for, each pair a trade,
whether or not the ledger keeps up. A trade's time runs from when its orders were due to be submitted until
settlement says that its batch is FINAL, and POSTED where that is another moment. All accounts are the makers
and payers of ``ledger_load``, opened and funded through the journal, as a venue's are.
"""

import select
import time
from contextlib import closing
from pathlib import Path
from typing import Final

import numpy as np

from bench.ledger_load import MAKERS, make_venue
from fxengine.codes import FIRST_CLIENT_ACCOUNT, AccountFlag, CommandKind, OrdType, SettlementStatus, Side, TimeInForce
from fxengine.engine import Durability, Engine, credential_command
from fxengine.engine.frames import FRAME_RECORDS_MAX
from fxengine.errors import LedgerError
from fxengine.ledger import open_ledger
from fxengine.records import COMMAND, MONEY, NEW_ORDER, Records
from fxengine.settlement import Settlement
from fxengine.venue import Venue

TICKS_PER_S: Final = 100
PAYERS: Final = 2_000
_FRAME: Final = 2_000
_CYCLE_NS: Final = 1_000_000_000
_PRICE: Final = 10_000


class _Traders:
    """Makers' and payers' commands, numbered."""

    def __init__(self, venue: Venue) -> None:
        self.venue = venue
        self.operator = FIRST_CLIENT_ACCOUNT
        self.clients = np.arange(self.operator + 1, self.operator + 1 + MAKERS + PAYERS)
        self.ids = np.zeros(int(self.clients[-1]) + 1, np.uint64)
        self.rng = np.random.default_rng(1)

    def opening(self) -> list[Records]:
        """Return credentials, then deposits, in frames."""
        now = time.time_ns()
        names = ["operator-1", *(f"payer-{n}" for n in range(len(self.clients)))]
        credentials = [
            credential_command(
                "https://kyc.example", name, token_id=name, permitted=range(len(self.venue.currencies)), level=1,
                jurisdiction="HK", window=65_536, issued_at_ns=now, expires_ns=now + 10**15,
                flags=AccountFlag.OPERATOR if name == "operator-1" else AccountFlag.NONE,
            )
            for name in names
        ]  # fmt: skip
        deposits = np.zeros(len(self.clients) * len(self.venue.currencies), MONEY)
        deposits["kind"], deposits["n_records"], deposits["account"] = CommandKind.DEPOSIT, 1, self.operator
        deposits["client_order_id"] = np.arange(1, len(deposits) + 1)
        deposits["instrument"] = np.tile(np.arange(len(self.venue.currencies)), len(self.clients))
        deposits["beneficiary"] = np.repeat(self.clients, len(self.venue.currencies))
        deposits["amount_units"] = 10**13
        records = deposits.view(COMMAND)
        return [*credentials, *(records[at : at + _FRAME] for at in range(0, len(records), _FRAME))]

    def pairs(self, n: int) -> Records:
        """Return ``n`` pairs of orders: a maker's, and a payer's that takes it whole."""
        orders = np.zeros((n, 2), NEW_ORDER)
        orders["kind"], orders["n_records"], orders["ord_type"] = CommandKind.NEW_ORDER, 1, OrdType.LIMIT
        orders["time_in_force"], orders["price_ticks"], orders["quantity_lots"] = TimeInForce.GTC, _PRICE, 10
        orders["instrument"] = self.rng.integers(0, len(self.venue.instruments), n)[:, None]
        orders["account"][:, 0] = self.clients[self.rng.integers(0, MAKERS, n)]
        orders["account"][:, 1] = self.clients[MAKERS + self.rng.integers(0, PAYERS, n)]
        sells = self.rng.integers(0, 2, n)
        orders["side"][:, 0] = np.where(sells, Side.SELL, Side.BUY)
        orders["side"][:, 1] = np.where(sells, Side.BUY, Side.SELL)
        flat = orders.reshape(-1)
        for order in flat:
            self.ids[order["account"]] += 1
            order["client_order_id"] = self.ids[order["account"]]
        return flat.view(COMMAND)


def matched_to_final(url: str, data_dir: Path, rate: int, seconds: float) -> dict[str, float]:
    """Trade at ``rate`` a second for so long; return p50 and p99 in milliseconds, and how many trades were settled.

    Raises :class:`LedgerError` where settlement stopped.
    """
    venue = make_venue()
    traders = _Traders(venue)
    data_dir.mkdir()
    with closing(open_ledger(url, venue)) as ledger:
        engine = Engine(
            venue,
            data_dir,
            durability=Durability.FSYNC,
            clock_ns=time.time_ns,
            frame_commands_max=ledger.frame_commands_max or FRAME_RECORDS_MAX,
        )
        settlement = Settlement(ledger, venue, clock_ns=time.time_ns, cycle_ns=_CYCLE_NS)
        try:
            engine.attach(settlement.observe)
            engine.start()
            settlement.start()
            for commands in traders.opening():
                engine.submit(commands)
                engine.pump()
            engine.sync()
            engine.pump()
            return _trade(engine, settlement, traders, rate, seconds)
        finally:
            engine.close()
            settlement.close()


def _trade(engine: Engine, settlement: Settlement, traders: _Traders, rate: int, seconds: float) -> dict[str, float]:
    n_ticks, per_tick = int(seconds * TICKS_PER_S), rate // TICKS_PER_S
    frames = [traders.pairs(per_tick) for _ in range(n_ticks)]
    due = np.zeros(n_ticks, np.int64)
    last = np.zeros(n_ticks, np.int64)  # command of each tick
    reached = {status: np.zeros(n_ticks, np.int64) for status in (SettlementStatus.POSTED, SettlementStatus.FINAL)}
    done = dict.fromkeys(reached, 0)
    began, submitted = time.monotonic_ns() + 10_000_000, 0
    while done[SettlementStatus.FINAL] < n_ticks:
        if settlement.alarm:
            raise LedgerError(settlement.alarm)
        now = time.monotonic_ns()
        next_due = began + submitted * 1_000_000_000 // TICKS_PER_S
        if submitted < n_ticks and now >= next_due:
            engine.submit(frames[submitted])
            due[submitted], last[submitted] = next_due, engine.core.sequence
            submitted += 1
        elif submitted == n_ticks:
            next_due = now + 10_000_000
        wait_s = max(0.0, (next_due - time.monotonic_ns()) / 1e9)
        select.select([engine.fileno(), settlement.fileno()], [], [], min(wait_s, 0.01))
        engine.pump()
        settlement.tick()
        for news in settlement.poll():
            upto = int(np.searchsorted(last[:submitted], news.last_sequence, side="right"))
            for status, times in reached.items():  # what is FINAL is POSTED too
                if news.status >= status:
                    times[done[status] : upto] = time.monotonic_ns()
                    done[status] = max(done[status], upto)
    figures: dict[str, float] = {"trades": n_ticks * per_tick, "trades_per_s": rate}
    for status, prefix in ((SettlementStatus.FINAL, ""), (SettlementStatus.POSTED, "posted_")):
        p50, p99 = np.percentile((reached[status] - due) / 1e6, (50, 99)).tolist()
        figures |= {f"{prefix}p50_ms": round(p50), f"{prefix}p99_ms": round(p99)}
    return figures
