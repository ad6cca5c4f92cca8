"""Questions about one's own orders, asked of both cores: open ones tell their state, others their outcome."""

import pytest

from bench.flows import Core, CoreType, Feed, Pair, Scenario, commands, decode
from bench.flows.commands import Quotes
from fxengine._core import Core as CompiledCore
from fxengine.codes import AccountFlag, CommandKind, OrdStatus, OrdType, RejectReason, Side
from fxengine.reference import Core as ReferenceCore

VENUE = Scenario("questions", (Pair(0, 1, 0, 0, 1, 1, 10), Pair(1, 2, 0, 0, 1, 1, 10)), 3, max_orders=500)
OPERATOR, MAKER, PAYER = 2, 3, 4
WINDOW = 16


class Booth:
    """One core with a maker and a payer, and their next client ids."""

    def __init__(self, core_type: CoreType) -> None:
        self.feed = Feed(VENUE.core(core_type))
        self.send(commands.credential(OPERATOR, "operator-1", permitted=(), flags=AccountFlag.OPERATOR))
        for account in (MAKER, PAYER):
            self.send(commands.credential(account, f"payer-{account}", permitted=range(3), window=WINDOW))
            for currency in range(3):
                self.send(
                    commands.deposit(
                        OPERATOR, self.next_id(OPERATOR), currency=currency, beneficiary=account, amount_units=10_000
                    )
                )

    @property
    def core(self) -> Core:
        return self.feed.core

    def send(self, command: bytes) -> None:
        self.events = decode(self.feed.apply(command))

    def next_id(self, account: int) -> int:
        return self.core.client_id_highest(account) + 1

    def order(self, account: int, side: Side, lots: int, price: int, **more: int) -> int:
        """Enter an order; return its OrderID."""
        more = {"instrument": 0, **more}
        self.send(
            commands.new_order(account, self.next_id(account), side=side, quantity_lots=lots, price_ticks=price, **more)
        )
        order_id: int = self.events[0].order_id
        return order_id


@pytest.fixture(params=[CompiledCore, ReferenceCore], ids=["compiled", "reference"])
def booth(request: pytest.FixtureRequest) -> Booth:
    return Booth(request.param)


def test_an_open_order_tells_its_own_state_by_either_id(booth: Booth) -> None:
    order_id = booth.order(MAKER, Side.SELL, 5, 12)
    sequence = booth.core.sequence
    booth.order(PAYER, Side.BUY, 2, 12)
    state = (
        order_id, 1, CommandKind.NEW_ORDER, OrdStatus.PARTIALLY_FILLED, 0, 0, Side.SELL, OrdType.LIMIT, 12, 3, 2, 24,
        sequence,
    )  # fmt: skip
    assert booth.core.order_state(MAKER, 1, 0) == state
    assert booth.core.order_state(MAKER, 0, order_id) == state
    assert booth.core.order_state(MAKER, 99, order_id) == state, "an OrderID goes before a client id"


def test_what_has_ended_is_known_by_its_client_id_alone(booth: Booth) -> None:
    order_id = booth.order(MAKER, Side.SELL, 5, 12)
    sequence = booth.core.sequence
    booth.order(PAYER, Side.BUY, 2, 12)
    booth.send(commands.cancel(MAKER, 2, order_id=order_id))
    ended = (order_id, 1, CommandKind.NEW_ORDER, OrdStatus.CANCELED, 0, 0, 0, 0, 0, 0, 2, 24, sequence)
    assert booth.core.order_state(MAKER, 1, 0) == ended
    assert booth.core.order_state(MAKER, 0, order_id) is None
    done = (order_id, 2, CommandKind.CANCEL, OrdStatus.CANCELED, 0, 0, 0, 0, 0, 0, 3, 0, sequence + 2)
    assert booth.core.order_state(MAKER, 2, 0) == done


def test_every_kind_of_command_tells_its_outcome(booth: Booth) -> None:
    order_id = booth.order(MAKER, Side.SELL, 50, 12)
    booth.send(commands.amend(MAKER, 2, order_id=order_id, price_ticks=12, quantity_lots=40))
    booth.send(commands.mass_quote(MAKER, 3, Quotes(0, [(5, 1)]), Quotes(9)))
    booth.send(commands.swap_in(PAYER, 1, 1, 0, 25))
    booth.send(commands.new_order(PAYER, 2, instrument=7, side=1, price_ticks=1, quantity_lots=1))
    booth.send(commands.mass_cancel(MAKER, 4))
    asked = ((MAKER, 2), (MAKER, 3), (PAYER, 1), (PAYER, 2), (MAKER, 4))
    told = [booth.core.order_state(account, number, 0) for account, number in asked]
    assert [(state[2], state[3], state[4], *state[9:12]) for state in told if state is not None] == [
        (CommandKind.AMEND, OrdStatus.NEW, 0, 0, 40, 0),
        (CommandKind.MASS_QUOTE, OrdStatus.NEW, 0, 0, 1, 1),
        (CommandKind.SWAP, OrdStatus.FILLED, 0, 0, 24, 2),
        (CommandKind.NEW_ORDER, OrdStatus.REJECTED, RejectReason.UNKNOWN_INSTRUMENT, 0, 0, 0),
        (CommandKind.MASS_CANCEL, OrdStatus.CANCELED, 0, 0, 2, 0),
    ]  # fmt: skip


def test_others_orders_and_unknown_ids_are_nothing(booth: Booth) -> None:
    order_id = booth.order(MAKER, Side.SELL, 5, 12)
    assert booth.core.order_state(PAYER, 0, order_id) is None
    for client_order_id in (0, 1, 2, 2**64 - 1):
        assert booth.core.order_state(PAYER, client_order_id, 0) is None
    for never in (1, 2**32, order_id + 1, order_id + 2**32, 2**64 - 1):
        assert booth.core.order_state(MAKER, 0, never) is None


def test_an_order_that_outlived_its_client_id_is_found_by_its_order_id(booth: Booth) -> None:
    order_id = booth.order(MAKER, Side.SELL, 5, 12)
    for _ in range(WINDOW):
        booth.order(MAKER, Side.SELL, 1, 13)
    assert booth.core.order_state(MAKER, 1, 0) is None
    state = booth.core.order_state(MAKER, 0, order_id)
    assert state is not None
    assert (state[:2], state[9], state[12]) == ((order_id, 1), 5, 0), "who has no id has no number either"
    assert len(booth.core.open_orders(MAKER, 0, 100)) == WINDOW + 1


def test_a_quote_is_told_from_an_order(booth: Booth) -> None:
    booth.order(MAKER, Side.SELL, 5, 12)
    booth.send(commands.mass_quote(MAKER, 2, Quotes(1, [(5, 3)], [(8, 4)])))
    order, bid, offer = booth.core.open_orders(MAKER, 0, 100)
    assert order[1:] == (1, 0, Side.SELL, OrdType.LIMIT, 12, 5, 0)
    assert bid[1:] == (2, 1, Side.BUY, 0, 5, 3, 0)
    assert offer[1:] == (2, 1, Side.SELL, 0, 8, 4, 0)
    state = booth.core.order_state(MAKER, 0, bid[0])
    assert state is not None
    assert state[2] == CommandKind.MASS_QUOTE


def test_pages_follow_one_another_also_past_orders_that_have_ended(booth: Booth) -> None:
    ids = [booth.order(MAKER, Side.SELL, 1, 12 + n) for n in range(10)]
    booth.order(PAYER, Side.BUY, 1, 3)
    assert [row[0] for row in booth.core.open_orders(MAKER, 0, 4)] == ids[:4]
    booth.send(commands.cancel(MAKER, 0, order_id=ids[3]))
    booth.send(commands.cancel(MAKER, 0, order_id=ids[5]))
    assert [row[0] for row in booth.core.open_orders(MAKER, ids[3], 4)] == [ids[4], *ids[6:9]]
    assert [row[0] for row in booth.core.open_orders(MAKER, ids[8], 4)] == ids[9:]
    assert booth.core.open_orders(MAKER, ids[9], 4) == []
    again = booth.order(MAKER, Side.SELL, 1, 30)
    assert again & 0xFFFFFFFF == ids[5] & 0xFFFFFFFF, "it has the slot that was freed last"
    assert [row[0] for row in booth.core.open_orders(MAKER, ids[4], 1)] == [again]


def test_icebergs_and_waiting_stops_are_open_orders(booth: Booth) -> None:
    booth.order(MAKER, Side.SELL, 9, 12, display_lots=2)
    booth.order(MAKER, Side.BUY, 3, 20, ord_type=OrdType.STOP_LIMIT, stop_price_ticks=15)
    assert [row[3:8] for row in booth.core.open_orders(MAKER, 0, 9)] == [
        (Side.SELL, OrdType.LIMIT, 12, 9, 0), (Side.BUY, OrdType.STOP_LIMIT, 20, 3, 0)
    ]  # fmt: skip


def test_asking_changes_nothing(booth: Booth) -> None:
    order_id = booth.order(MAKER, Side.SELL, 5, 12)
    before = booth.core.state_bytes()
    booth.core.order_state(MAKER, 1, order_id)
    booth.core.open_orders(MAKER, 0, 5)
    booth.core.watching()
    booth.core.is_frozen(MAKER)
    booth.core.is_revoked(bytes(16))
    assert booth.core.state_bytes() == before


def test_questions_about_nobody_and_of_nothing_are_errors(booth: Booth) -> None:
    for account in (-1, booth.core.n_accounts):
        with pytest.raises(IndexError):
            booth.core.order_state(account, 1, 0)
        with pytest.raises(IndexError):
            booth.core.open_orders(account, 0, 1)
        with pytest.raises(IndexError):
            booth.core.is_frozen(account)
    for limit in (0, -1):
        with pytest.raises(ValueError, match="limit is"):
            booth.core.open_orders(MAKER, 0, limit)
    for n_bytes in (0, 15, 17):
        with pytest.raises(ValueError, match="token_id"):
            booth.core.is_revoked(bytes(n_bytes))
