"""Busts by hand: a trade's legs and fees go back, once, and nothing else changes."""

import pytest

from bench.flows import Event, commands
from bench.flows.commands import Trade
from fxengine._core import Core as CompiledCore
from fxengine.codes import FEES_ACCOUNT, EventFlag, EventKind, RejectReason, Side
from fxengine.money import INT64_MAX
from tests.unit.reference.desk import EUR, MAKER, OPERATOR, OTHER, PAYER, USD, Desk, pair

EVERYBODY = (FEES_ACCOUNT, MAKER, PAYER, OTHER)
TAKER_RATE = 100_000  # a tenth


def floor(maker_rate: int = 0) -> Desk:
    desk = Desk(pair(maker=maker_rate, taker=TAKER_RATE))
    for account in (MAKER, PAYER):
        desk.fund(account, eur=1_000, usd=1_000)
    return desk


def traded(desk: Desk, side: Side, lots: int = 20, price: int = 5) -> Trade:
    """Let PAYER take what MAKER offers on a side, and return the trade as its two fills told it."""
    rest, take = (desk.buy, desk.sell) if side is Side.BUY else (desk.sell, desk.buy)
    rest(MAKER, lots, price)
    maker, taker = (event for event in take(PAYER, lots, price) if event.kind is EventKind.FILL)
    return Trade(
        0, maker.instrument_stream, maker.price_ticks, maker.quantity_lots, MAKER, PAYER, side,
        maker.fee_units, taker.fee_units,
    )  # fmt: skip


def bust(desk: Desk, trade: Trade, *, by: int = OPERATOR) -> list[Event]:
    return desk.send(commands.bust(by, desk.next_id(by), trade))


def reasons(events: list[Event]) -> list[object]:
    return [event.reason or event.kind for event in events]


def money(desk: Desk) -> dict[tuple[int, int], tuple[int, int]]:
    return {(account, currency): desk.has(account, currency) for account in EVERYBODY for currency in (EUR, USD)}


UNDONE = [EventKind.BUSTED, EventKind.BUSTED, EventKind.DONE]


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("maker_rate", [50_000, 0, -50_000], ids=["maker fee", "free", "rebate"])
def test_both_legs_and_both_fees_go_back_to_the_unit(side: Side, maker_rate: int) -> None:
    desk = floor(maker_rate)
    before = money(desk)
    trade = traded(desk, side)
    assert trade.taker_fee_units > 0
    assert money(desk) != before
    assert reasons(bust(desk, trade)) == UNDONE
    assert money(desk) == before
    desk.core.check()


def test_each_party_is_told_what_was_undone() -> None:
    desk = floor(-50_000)
    trade = traded(desk, Side.SELL)
    maker, taker, done = bust(desk, trade)
    for told, who, other, side, flag, fee in (
        (maker, MAKER, PAYER, Side.SELL, EventFlag.MAKER, trade.maker_fee_units),
        (taker, PAYER, MAKER, Side.BUY, EventFlag.TAKER, trade.taker_fee_units),
    ):
        assert (told.account, told.counterparty, told.side, told.flags, told.fee_units) == (who, other, side, flag, fee)
        assert (told.trade_number, told.price_ticks, told.quantity_lots) == (trade.number, 5, 20)
    assert (done.account, done.instrument, done.amount_units) == (OPERATOR, 0, 1)


def test_a_trade_is_undone_once_and_a_repeated_command_is_told_so() -> None:
    desk = floor()
    trade = traded(desk, Side.SELL)
    command = commands.bust(OPERATOR, desk.next_id(OPERATOR), trade)
    desk.send(command)
    after = money(desk)
    (again,) = desk.send(command)
    assert (again.kind, again.cum_lots) == (EventKind.ORDER_STATUS, 1)
    assert reasons(bust(desk, trade)) == [RejectReason.TRADE_BUSTED]
    assert money(desk) == after
    assert reasons(bust(desk, traded(desk, Side.SELL))) == UNDONE, "the next trade is another one"


def test_orders_keep_what_they_have_traded() -> None:
    desk = floor()
    desk.sell(MAKER, 30, 5)
    order_id = desk.core.order_state(MAKER, 1, 0)[0]  # type: ignore[index]
    fills = [event for event in desk.buy(PAYER, 20, 5) if event.kind is EventKind.FILL]
    trade = Trade(0, fills[0].instrument_stream, 5, 20, MAKER, PAYER, Side.SELL, 0, fills[1].fee_units)
    bust(desk, trade)
    state = desk.core.order_state(MAKER, 0, order_id)
    assert state is not None
    assert state[9:11] == (10, 20), "leaves and CumQty"
    desk.core.check()


@pytest.mark.parametrize("who", ["maker", "taker"])
def test_what_was_spent_or_is_held_since_cannot_be_taken_back(who: str) -> None:
    desk = floor()
    trade = traded(desk, Side.SELL)
    account, currency = (MAKER, USD) if who == "maker" else (PAYER, EUR)
    gained = 100 if who == "maker" else 20 - trade.taker_fee_units
    available, _ = desk.has(account, currency)
    desk.withdraw(account, currency, available - gained)
    number = desk.withdraw(account, currency, 1)[0].withdrawal  # the one unit that is missing
    before = money(desk)
    assert reasons(bust(desk, trade)) == [RejectReason.INSUFFICIENT_FUNDS]
    assert money(desk) == before
    desk.send(commands.end_withdrawal(OPERATOR, desk.next_id(OPERATOR), 2, number))
    assert reasons(bust(desk, trade)) == UNDONE
    assert desk.has(account, currency)[0] == 0


def test_a_trade_with_oneself_gives_back_its_fees() -> None:
    desk = floor(50_000)
    before = money(desk)
    desk.sell(MAKER, 20, 5)
    fills = [event for event in desk.buy(MAKER, 20, 5) if event.kind is EventKind.FILL]
    fees = fills[0].fee_units, fills[1].fee_units
    trade = Trade(0, fills[0].instrument_stream, 5, 20, MAKER, MAKER, Side.SELL, *fees)
    assert reasons(bust(desk, trade)) == UNDONE
    assert money(desk) == before


def test_what_no_trade_can_have_been_is_refused_and_moves_nothing() -> None:
    desk = floor()
    trade = traded(desk, Side.SELL)
    before = money(desk)
    stream = desk.core.instrument_stream(0)
    for wrong, reason in (
        ({"instrument": 1}, RejectReason.UNKNOWN_INSTRUMENT),
        ({"maker_side": 0}, RejectReason.BAD_SIDE),
        ({"maker_side": 3}, RejectReason.BAD_SIDE),
        ({"price_ticks": 0}, RejectReason.PRICE_OUT_OF_RANGE),
        ({"quantity_lots": 0}, RejectReason.QUANTITY_OUT_OF_RANGE),
        ({"quantity_lots": 2**62, "price_ticks": 2**31 - 1}, RejectReason.NOTIONAL_TOO_LARGE),
        ({"maker": 1}, RejectReason.UNKNOWN_ACCOUNT),
        ({"taker": 99}, RejectReason.UNKNOWN_ACCOUNT),
        ({"taker_fee_units": -1}, RejectReason.AMOUNT_OUT_OF_RANGE),
        ({"taker_fee_units": 21}, RejectReason.AMOUNT_OUT_OF_RANGE),
        ({"maker_fee_units": 101}, RejectReason.AMOUNT_OUT_OF_RANGE),
        ({"maker_fee_units": -21}, RejectReason.AMOUNT_OUT_OF_RANGE),
        ({"maker_fee_units": -INT64_MAX - 1}, RejectReason.AMOUNT_OUT_OF_RANGE),
        ({"number": 0}, RejectReason.UNKNOWN_TRADE),
        ({"number": stream + 1}, RejectReason.UNKNOWN_TRADE),
        ({"quantity_lots": 10**6}, RejectReason.INSUFFICIENT_FUNDS),
    ):
        assert reasons(bust(desk, trade._replace(**wrong))) == [reason], wrong
        assert money(desk) == before
    assert reasons(bust(desk, trade, by=PAYER)) == [RejectReason.NOT_AUTHORIZED]
    (event,) = desk.send(commands.bust(OPERATOR, 50, trade, n_records=1))
    assert event.reason == RejectReason.UNKNOWN_COMMAND


def test_a_snapshot_knows_which_trades_were_undone() -> None:
    desk = floor()
    trades = [traded(desk, Side.SELL, lots=1) for _ in range(3)]
    bust(desk, trades[2])
    bust(desk, trades[0])
    snapshot = desk.core.snapshot()
    assert snapshot == desk.twin.snapshot()
    for core_type in (type(desk.core), CompiledCore):
        restored = core_type(desk.instruments, n_currencies=4, max_orders=100)
        restored.restore(snapshot)
        restored.check()
        assert restored.snapshot() == snapshot
