"""Where flows rarely come: the ends of time and of fields, and growth far beyond what a core starts with."""

from collections.abc import Iterator
from random import Random

import pytest

from bench.flows import Feed, Pair, Scenario, commands, decode, describe_command
from fxengine._core import Core
from fxengine.codes import AccountFlag, EventKind, Side
from fxengine.money import INT64_MAX
from fxengine.records import PRICE_TICKS_MAX
from fxengine.reference import Core as ReferenceCore
from tests.differential.canonical_text import first_difference

VENUE = Scenario("edges", (Pair(0, 1, 10, 20, 1, 1, 10),), 2, max_fills=5_000, max_orders=50_000)
OPERATOR, MAKER, PAYER = 2, 3, 4
NEVER_NS = 2**62
MIN_INT64 = -(2**63)


class Both:
    """The two cores, fed alike; every call compares events, and the state when asked."""

    def __init__(self, venue: Scenario = VENUE) -> None:
        self.cores = [Feed(venue.core(core_type)) for core_type in (ReferenceCore, Core)]

    def send(self, command: bytes) -> bytes:
        expected, found = (feed.apply(command) for feed in self.cores)
        assert decode(found) == decode(expected), describe_command(command)
        assert found == expected, describe_command(command)
        return found

    def compare(self) -> None:
        state, other = (feed.core.state_bytes() for feed in self.cores)
        assert other == state, first_difference(state, other)
        self.cores[1].core.check()

    def open(self, *, expires_ns: int = NEVER_NS, window: int = 16) -> None:
        """Open an operator, a maker and a payer, both rich."""
        self.send(commands.credential(OPERATOR, "operator-1", permitted=(), flags=AccountFlag.OPERATOR))
        for account in (MAKER, PAYER):
            self.send(
                commands.credential(account, f"maker-{account}", permitted=(0, 1), expires_ns=expires_ns, window=window)
            )
        for number, (account, currency) in enumerate(((MAKER, 0), (MAKER, 1), (PAYER, 0), (PAYER, 1)), 1):
            self.send(commands.deposit(OPERATOR, number, currency=currency, beneficiary=account, amount_units=2**61))

    def order(self, account: int, number: int, side: Side, price: int, lots: int = 1, time_ns: int = 0) -> bytes:
        return self.send(
            commands.new_order(
                account, number, instrument=0, side=side, price_ticks=price, quantity_lots=lots, time_ns=time_ns
            )
        )


@pytest.mark.parametrize("expires_ns", [INT64_MAX - 1, INT64_MAX])
def test_the_ends_of_time(expires_ns: int) -> None:
    both = Both()
    both.open(expires_ns=expires_ns)
    both.order(MAKER, 1, Side.SELL, 10)
    for time_ns in (MIN_INT64, -1, 0, INT64_MAX - 2, INT64_MAX - 1, INT64_MAX, INT64_MAX, 0):
        both.send(commands.time(time_ns))
        both.compare()
    both.order(MAKER, 2, Side.SELL, 10)
    assert all(feed.core.n_orders == 0 for feed in both.cores)


def test_fields_at_their_ends() -> None:
    both = Both()
    both.open()
    numbers = iter(range(1, 1_000))
    ends = (MIN_INT64, MIN_INT64 + 1, -1, 0, 1, 2**31, 2**62, INT64_MAX)
    for price in (*ends, PRICE_TICKS_MAX, PRICE_TICKS_MAX + 1):
        for lots in ends:
            both.order(PAYER, next(numbers), Side.SELL, price, lots)
    for amount in ends:
        for bound in ends:
            for write in (commands.swap_in, commands.swap_out):
                both.send(write(PAYER, next(numbers), 0, 1, amount, bound_units=bound, deadline_ns=amount))
        both.send(commands.deposit(OPERATOR, next(numbers), currency=0, beneficiary=MAKER, amount_units=amount))
        both.send(commands.withdraw(OPERATOR, next(numbers), currency=0, beneficiary=MAKER, amount_units=amount))
    for order_id in (0, 1, 2**32 - 1, 2**32, 2**32 + 1, 2**63, 2**64 - 1):
        both.send(commands.cancel(PAYER, 0, order_id=order_id))
        both.send(commands.cancel(PAYER, 2**64 - 1, orig_client_order_id=order_id))
    both.compare()


def test_ids_at_the_ends_of_the_largest_window() -> None:
    both = Both()
    window = 1 << 20
    both.open(window=window)
    for number in (window + 1, window, 2 * window, window + 1, window, 1, 2**64 - 1, 3 * window, 2 * window, 2):
        both.order(MAKER, number, Side.SELL, 10)
        both.order(MAKER, number, Side.SELL, 10)
    both.compare()


def test_a_thousand_accounts_and_texts_as_long_as_a_command_may_be() -> None:
    both = Both()
    both.open()
    for number in range(5, 1_000):
        subject = f"payer-{number}".ljust(number * 16 % 16_000, "x")
        both.send(commands.credential(number, subject, permitted=(0,), expires_ns=10 + number % 7))
    both.compare()
    for time_ns in range(10, 18):
        both.send(commands.time(time_ns))
        both.compare()


def resting(n: int, seed: int) -> Iterator[tuple[Side, int]]:
    """Draw orders that never cross: bids below a thousand, offers above, dense and far."""
    rng = Random(seed)
    for _ in range(n):
        side = rng.choice((Side.BUY, Side.SELL))
        away = rng.choice((rng.randrange(50), rng.randrange(999), rng.randrange(999)))
        far = rng.choice((away, rng.randrange(PRICE_TICKS_MAX - 2_000)))
        yield side, 1_000 - away if side is Side.BUY else 1_001 + far


def test_thousands_of_orders_leave_in_one_command(seed: int) -> None:
    both = Both()
    both.open(expires_ns=100)
    for number, (side, price) in enumerate(resting(6_000, seed), 1):
        both.order(MAKER if number % 3 else PAYER, number // 3 * 2 + number % 3, side, price)
    both.compare()
    events = decode(both.send(commands.time(100)))
    assert len(events) > 5_000
    assert {event.kind for event in events} == {EventKind.CANCELED}
    both.compare()


def test_thousands_of_orders_trade_in_one_command(seed: int) -> None:
    both = Both()
    both.open()
    for number, (_, price) in enumerate(resting(4_000, seed), 1):
        both.order(MAKER, number, Side.SELL, 1_000 + price % 977)
    events = decode(both.order(PAYER, 1, Side.BUY, 3_000, 3_500))
    assert sum(event.kind is EventKind.FILL for event in events) == 7_000
    both.compare()
    swapped = decode(both.send(commands.swap_out(PAYER, 2, 1, 0, 400)))
    assert swapped[-1].kind is EventKind.SWAPPED
    both.compare()


def test_one_fill_one_order_and_one_unit() -> None:
    both = Both(Scenario("smallest", (Pair(0, 1, -1, 1, 1, 1, 10),), 2, max_fills=1, max_orders=1))
    both.open()
    numbers = iter(range(1, 100))
    for account, side in ((MAKER, Side.SELL), (PAYER, Side.BUY), (PAYER, Side.BUY), (MAKER, Side.SELL)) * 3:
        both.order(account, next(numbers), side, 1, 2)
        both.compare()
