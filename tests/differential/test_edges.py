"""Where flows rarely come: the ends of time and of fields, and growth far beyond what a core starts with."""

from collections.abc import Iterator
from random import Random

import pytest

from bench.flows import SCENARIOS, Feed, Flow, Pair, Scenario, commands, decode, describe_command
from bench.flows.canonical_text import first_difference
from bench.flows.commands import Quotes
from fxengine._core import Core
from fxengine.codes import (
    AccountFlag,
    CommandKind,
    EventKind,
    OrdType,
    RejectReason,
    SelfTradePrevention,
    Side,
    TimeInForce,
)
from fxengine.money import INT64_MAX
from fxengine.records import PRICE_TICKS_MAX
from fxengine.reference import Core as ReferenceCore

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

    def next_id(self, account: int) -> int:
        """Return an account's next client id."""
        return self.cores[0].core.client_id_highest(account) + 1

    def order(self, account: int, number: int, side: Side, price: int, lots: int = 1, **more: int) -> bytes:
        return self.send(
            commands.new_order(account, number, instrument=0, side=side, price_ticks=price, quantity_lots=lots, **more)
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
    numbers = iter(range(1, 10_000))
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
    for end in ends:
        for name in ("expire_ns", "display_lots", "stop_price_ticks", "min_lots"):
            for ord_type in OrdType:
                for time_in_force in TimeInForce:
                    both.order(
                        PAYER, next(numbers), Side.SELL, 10, 3, n_records=2, ord_type=ord_type,
                        time_in_force=time_in_force, **{name: end},
                    )  # fmt: skip
        for lots in ends:
            for expected in (-1, end):
                both.send(
                    commands.amend(
                        PAYER, next(numbers), order_id=2**32 + 1, price_ticks=end, quantity_lots=lots,
                        expected_cum_lots=expected,
                    )
                )  # fmt: skip
            both.send(commands.mass_quote(PAYER, next(numbers), Quotes(0, [(end, lots)], [(end, lots), (20, 1)])))
    for order_id in (0, 1, 2**32 - 1, 2**32, 2**32 + 1, 2**63, 2**64 - 1):
        both.send(commands.cancel(PAYER, 0, order_id=order_id))
        both.send(commands.cancel(PAYER, 2**64 - 1, orig_client_order_id=order_id))
    both.compare()


@pytest.mark.parametrize("now_ns", [0, 5, INT64_MAX])
def test_fields_of_guards_and_revocations_at_their_ends(now_ns: int) -> None:
    both = Both()
    both.open(expires_ns=INT64_MAX)
    both.send(commands.time(now_ns))
    ends = (MIN_INT64, -1, 0, 1, 2**62, INT64_MAX - 5, INT64_MAX - 1, INT64_MAX)
    for action in (0, 1, 2, 3, 4, 255):
        for watching in (0, 1, 2, 255):
            for timeout_ns in ends:
                both.send(commands.guard(MAKER, action, watching=watching, timeout_ns=timeout_ns))
        for target in (0, 1, MAKER, 5, 2**32 - 1):
            for token in (bytes(16), b"\xff" * 16, b"\0" * 15 + b"\1", b"\1" + b"\0" * 15):
                number = both.next_id(OPERATOR)
                both.send(commands.revoke(OPERATOR, number, action, target=target, token_id=token))
                both.compare()
    for token in (b"\xff" * 16, b"\0" * 15 + b"\1", b"\1" + b"\0" * 15):
        assert all(feed.core.is_revoked(token) for feed in both.cores) == (now_ns < INT64_MAX)
    both.send(commands.time(INT64_MAX))


@pytest.mark.parametrize("beyond", [0, 1])
def test_an_orders_worth_may_be_all_that_an_int64_holds_and_not_one_more(beyond: int) -> None:
    reason = RejectReason.NOTIONAL_TOO_LARGE if beyond else RejectReason.NONE
    both = Both()
    both.open()
    # as it is entered, and as it is amended: INT64_MAX is divisible by 649657
    lots = INT64_MAX // 649_657 + beyond
    assert decode(both.order(PAYER, 1, Side.SELL, 649_657, lots))[0].reason == reason
    resting = decode(both.order(PAYER, 2, Side.SELL, PRICE_TICKS_MAX))[0].order_id
    amended = both.send(commands.amend(PAYER, 3, order_id=resting, price_ticks=649_657, quantity_lots=lots))
    assert decode(amended)[0].reason == reason
    both.send(commands.mass_cancel(PAYER, 4))
    # a seller is paid better than its limit, and what is left would rest
    both.order(MAKER, 1, Side.BUY, 1_000 + INT64_MAX % 1_000 + beyond)
    last = decode(both.order(PAYER, 5, Side.SELL, 1_000, INT64_MAX // 1_000))[-1]
    assert (last.kind, last.reason) == (EventKind.CANCELED if beyond else EventKind.RESTED, reason)
    both.send(commands.mass_cancel(PAYER, 6))
    # one that would not rest anyway is told so
    both.order(MAKER, 4, Side.BUY, 1_000 + INT64_MAX % 1_000 + beyond)
    gone = both.order(PAYER, 9, Side.SELL, 1_000, INT64_MAX // 1_000, time_in_force=TimeInForce.IOC)
    assert decode(gone)[-1].reason == RejectReason.UNFILLED_REMAINDER
    # a seller was paid before, and is amended to meet a better bid again
    both.order(MAKER, 2, Side.BUY, 1_800 + INT64_MAX % 900 + beyond)
    sold = decode(both.order(PAYER, 7, Side.SELL, 1_000, 2))[0].order_id
    both.order(MAKER, 3, Side.BUY, 900)
    lots = 1 + (INT64_MAX - 1_800) // 900
    amended = both.send(commands.amend(PAYER, 8, order_id=sold, price_ticks=800, quantity_lots=lots))
    assert decode(amended)[0].reason == reason
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


def test_a_thousand_stops_run_over_several_commands_and_set_each_other_off(seed: int) -> None:
    both, rng = Both(), Random(seed)
    both.open()
    for _ in range(1_000):
        account, side = rng.choice((MAKER, PAYER)), rng.choice((Side.BUY, Side.SELL))
        away = rng.randrange(1, 30)
        price, stop_price = (105 + away, 100 + away) if side is Side.BUY else (95 - away, 100 - away)
        both.order(
            account, both.next_id(account), side, price, rng.randrange(1, 5), stop_price_ticks=stop_price,
            ord_type=rng.choice((OrdType.STOP, OrdType.STOP_LIMIT)),
        )  # fmt: skip
        if rng.random() < 0.2:
            resting = 100 + away if side is Side.SELL else 100 - away
            both.order(MAKER, both.next_id(MAKER), Side.SELL if resting > 100 else Side.BUY, resting, 3)
    ran = []
    for side, price in ((Side.BUY, 130), (Side.SELL, 130), (Side.SELL, 70), (Side.BUY, 70)):
        made = [both.order(PAYER, both.next_id(PAYER), side, price, 400)]
        while both.cores[0].core.next_deadline_ns == both.cores[1].core.next_deadline_ns == 0:
            both.compare()
            made.append(both.send(commands.time(0)))
        ran += [sum(event.kind is EventKind.TRIGGERED for event in decode(events)) for events in made]
        both.compare()
    assert max(ran) == 256, ran


def test_the_longest_ladders_are_replaced_and_taken_in_one_command(seed: int) -> None:
    pairs = tuple(Pair(0, 1, 10, 20, 1, 1, 10) for _ in range(15))
    both, rng = Both(Scenario("ladders", pairs, 2, max_fills=5_000, max_orders=50_000)), Random(seed)
    both.open()
    for number in range(1, 60):
        # 15 sets of 65 units of 16 bytes are 244 records, about as many as a command may have
        chosen = rng.sample(range(15), 15 if number % 3 else 7)
        moved = rng.randrange(3)
        sets = [
            Quotes(
                i,
                [(1_000 - n - moved, rng.randrange(1, 9)) for n in range(0, 64, 2)][: rng.randrange(33)],
                [(1_001 + n + moved, rng.randrange(1, 9)) for n in range(0, 64, 2)][: rng.randrange(33)],
            )
            for i in chosen
        ]  # fmt: skip
        both.send(commands.mass_quote(MAKER, number, *sets))
        if number % 2:
            both.order(PAYER, number, rng.choice((Side.BUY, Side.SELL)), rng.choice((900, 1_100)), 40)
        both.compare()
    events = decode(both.send(commands.mass_cancel(MAKER, both.next_id(MAKER))))
    assert events[-1].kind is EventKind.DONE
    both.compare()


def test_icebergs_of_one_lot_are_consumed_part_by_part(seed: int) -> None:
    both, rng = Both(), Random(seed)
    both.open()
    for _ in range(200):
        mode = rng.choice(list(SelfTradePrevention))
        price, lots = rng.randrange(10, 14), rng.randrange(1, 90)
        both.order(MAKER, both.next_id(MAKER), Side.SELL, price, lots, display_lots=1)
        if rng.random() < 0.5:
            account = rng.choice((MAKER, PAYER))
            lots = rng.randrange(1, 60)
            both.order(account, both.next_id(account), Side.BUY, price, lots, self_trade_prevention=mode)
        if rng.random() < 0.3:
            both.send(commands.swap_out(PAYER, both.next_id(PAYER), 1, 0, 20))
        both.compare()


@pytest.mark.parametrize("name", ["tight", "rebates", "shortlived"])
def test_commands_with_bytes_changed_at_random_do_the_same_in_both(name: str, seed: int) -> None:
    """Whatever a body says, known or not: the header's account, id and time are left, credentials and revocations."""
    both, rng = Both(SCENARIOS[name]), Random(f"{name}/{seed}")
    flow = Flow(SCENARIOS[name], seed, both.cores[0].core)
    for index, command in zip(range(3_000), flow, strict=False):
        flow.observe(both.send(command))
        if command[0] in (CommandKind.CREDENTIAL, CommandKind.REVOKE):
            continue
        changed = bytearray(command)
        for _ in range(rng.randrange(1, 4)):
            at = rng.choice((2, rng.randrange(24, 64), rng.randrange(24, len(command))))
            changed[at] = rng.choice((0, 1, 2, 3, 127, 128, 255, rng.randrange(256)))
        number = int.from_bytes(command[4:8], "little")
        if 2 <= number < both.cores[0].core.n_accounts:
            changed[8:16] = both.next_id(number).to_bytes(8, "little")
        flow.observe(both.send(bytes(changed)))
        if index % 25 == 0:
            both.compare()


def test_one_fill_one_order_and_one_unit() -> None:
    both = Both(Scenario("smallest", (Pair(0, 1, -1, 1, 1, 1, 10),), 2, max_fills=1, max_orders=1))
    both.open()
    numbers = iter(range(1, 100))
    for account, side in ((MAKER, Side.SELL), (PAYER, Side.BUY), (PAYER, Side.BUY), (MAKER, Side.SELL)) * 3:
        both.order(account, next(numbers), side, 1, 2)
        both.compare()
