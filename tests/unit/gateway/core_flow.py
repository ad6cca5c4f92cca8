"""A core with two clients and an operator, driven by the requests that sessions make."""

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from fxengine.codes import (
    AccountFlag,
    ControlMode,
    ControlScope,
    OrdType,
    RevokeAction,
    SelfTradePrevention,
    Side,
    WithdrawalAction,
)
from fxengine.engine import credential_command
from fxengine.gateway.commands import RECORD_OF, settled_record
from fxengine.messages import (
    Amend,
    Bust,
    Cancel,
    Control,
    DeadMan,
    Deposit,
    EndWithdrawal,
    MassQuote,
    Request,
    Revoke,
    Swap,
    Withdraw,
)
from fxengine.records import COMMAND, EVENT, Records
from fxengine.reference import Core
from fxengine.sandbox import create_key
from fxengine.venue import Venue
from tests.asking import limit_order
from tests.integration.venue_thread import START_NS, make_venue

MAKER, PAYER, OPERATOR = 2, 3, 4


def venue_in(folder: Path) -> Venue:
    return make_venue(create_key(folder, "https://kyc.example", "k"), create_key(folder, "https://ops.example", "o"))


class CoreFlow:
    """Applies requests one command at a time and keeps what each led to."""

    def __init__(self, venue: Venue) -> None:
        self.venue = venue
        self.core = Core(venue.instrument_records, n_currencies=len(venue.currencies), max_fills=8, max_orders=64)
        self.time_ns = START_NS
        for number, flags in ((MAKER, AccountFlag.NONE), (PAYER, AccountFlag.NONE), (OPERATOR, AccountFlag.OPERATOR)):
            self.log_on(number, flags)
        self.client_id = dict.fromkeys((MAKER, PAYER, OPERATOR), 0)
        for account in (MAKER, PAYER):
            for currency in range(4):
                self.request(OPERATOR, Deposit(self.next_id(OPERATOR), account, currency, 10**13))

    def log_on(self, account: int, flags: AccountFlag = AccountFlag.NONE) -> Records:
        return self.apply(
            credential_command(
                "https://kyc.example",
                f"client-{account}",
                token_id="t",
                permitted=range(4),
                level=2,
                jurisdiction="HK",
                window=1024,
                issued_at_ns=START_NS,
                expires_ns=START_NS + 10**15,
                flags=flags,
                account=account,
            )
        )

    def next_id(self, account: int) -> int:
        self.client_id[account] += 1
        return self.client_id[account]

    def apply(self, records: Records) -> Records:
        self.time_ns += 1
        records = records.copy()
        records["time_ns"][0] = self.time_ns
        self.core.bind(records)
        n = self.core.apply(0, len(records))
        return np.frombuffer(self.core.events[:n].tobytes(), EVENT)

    def request(self, account: int, request: Request) -> Records:
        return self.apply(np.frombuffer(RECORD_OF[type(request)](account, request), COMMAND))


def one_of_each(flow: CoreFlow) -> Iterator[Records]:
    """Yield the events of a small day in which every kind of event occurs."""

    def order(account: int, side: Side, price: int, lots: int, **changes: int) -> Records:
        what = {"side": side, "price_ticks": price, "quantity_lots": lots}
        return flow.request(account, limit_order(flow.next_id(account), **(what | changes)))

    yield order(MAKER, Side.SELL, 11_172, 1_000)
    yield order(MAKER, Side.SELL, 11_173, 500)
    yield order(MAKER, Side.SELL, 15_000, 9_000, instrument=1)
    yield order(PAYER, Side.BUY, 11_172, 300)  # fills
    yield order(PAYER, Side.BUY, 11_172, 900)  # fills and rests
    yield order(PAYER, Side.BUY, 11_173, 900, time_in_force=3)  # fills, the rest is cancelled
    yield order(PAYER, Side.BUY, 0, 900)  # refused
    yield flow.request(
        PAYER, limit_order(flow.client_id[PAYER], price_ticks=0, quantity_lots=900)
    )  # the same again: status
    yield flow.request(PAYER, Cancel(flow.next_id(PAYER), 0, 2))
    yield flow.request(PAYER, Cancel(flow.next_id(PAYER), 77, 0))  # refused
    yield order(MAKER, Side.SELL, 11_174, 5_000)
    yield flow.request(PAYER, Swap(flow.next_id(PAYER), 2, 0, 2, 100_000_000, 10**12, 0, MAKER))  # over two books
    yield flow.request(MAKER, MassQuote(flow.next_id(MAKER), ((2, (70_000, 9, 69_990, 5), (70_010, 9)),)))
    yield flow.request(MAKER, MassQuote(flow.next_id(MAKER), ((2, (69_995, 4), (70_010, 2)),)))
    yield order(MAKER, Side.SELL, 16_000, 400, instrument=1, display_lots=100)
    yield flow.request(MAKER, Amend(flow.next_id(MAKER), 0, flow.client_id[MAKER] - 1, 16_001, 300, 0))
    yield order(MAKER, Side.BUY, 16_001, 50, instrument=1, self_trade_prevention=SelfTradePrevention.DECREMENT)
    yield order(PAYER, Side.BUY, 16_010, 30, instrument=1, ord_type=OrdType.STOP_LIMIT, stop_price_ticks=15_000)
    yield order(PAYER, Side.BUY, 15_000, 1, instrument=1)  # trades, and triggers
    yield flow.request(PAYER, DeadMan(5_000))
    yield flow.log_on(PAYER)
    yield flow.request(OPERATOR, Revoke(flow.next_id(OPERATOR), RevokeAction.FREEZE, MAKER, ""))
    yield flow.request(OPERATOR, Revoke(flow.next_id(OPERATOR), RevokeAction.UNFREEZE, MAKER, ""))
    yield flow.request(OPERATOR, Deposit(flow.next_id(OPERATOR), PAYER, 1, 7_000_000))
    yield flow.request(OPERATOR, Control(flow.next_id(OPERATOR), ControlScope.CURRENCY, ControlMode.OPEN, 1))
    yield flow.request(OPERATOR, Bust(flow.next_id(OPERATOR), 0, 3, MAKER, PAYER, Side.SELL, 11_172, 300, 0, 0))
    for action in WithdrawalAction:
        yield flow.request(OPERATOR, Withdraw(flow.next_id(OPERATOR), PAYER, 1, 5_000_000))
        number = flow.core.sequence
        yield flow.apply(np.frombuffer(settled_record(number), COMMAND))
        yield flow.request(OPERATOR, EndWithdrawal(flow.next_id(OPERATOR), action, number))


def random_day(flow: CoreFlow, rng: random.Random, n: int) -> Iterator[Records]:
    """Yield the events of ``n`` orders, cancels and swaps around a price, with many fills."""
    for _ in range(n):
        account = rng.choice((MAKER, PAYER))
        instrument = rng.randrange(3)
        kind = rng.random()
        if kind < 0.7:
            side, price = rng.choice((1, 2)), 10_000 + rng.randint(-8, 8)
            what = {"instrument": instrument, "side": side, "time_in_force": rng.choice((1, 1, 3))}
            request: Request = limit_order(
                flow.next_id(account), **what, price_ticks=price, quantity_lots=rng.randint(1, 50)
            )
        elif kind < 0.9:
            request = Cancel(flow.next_id(account), 0, rng.randint(1, max(1, flow.client_id[account])))
        else:
            request = Swap(flow.next_id(account), 1, rng.choice((0, 2, 3)), 1, rng.randint(1, 50) * 10**6, 1, 0, 0)
        yield flow.request(account, request)
