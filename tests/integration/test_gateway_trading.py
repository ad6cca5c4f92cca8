"""Orders, cancels, swaps and retries through the client SDK, in decimal text, exactly."""

import asyncio

import pytest

from fxengine.client import AsyncClient, Client, Execution, MoneyMovement
from fxengine.codes import EventKind, OrdStatus, RejectReason, Side, TimeInForce
from fxengine.errors import AmountError, ProtocolError, RequestRejected, VenueUnreachable
from tests.integration.venue_thread import SECOND_NS, WAIT_S, RunningVenue, until


def test_a_fill_is_told_to_both_sides_with_price_quantity_and_fee(served: RunningVenue) -> None:
    with served.funded("maker-1") as maker, served.funded("payer-1") as payer:
        resting = maker.new_order("EUR/USD", "SELL", price="1.1172", quantity="1000")
        assert (resting.status, resting.leaves, resting.filled) == (OrdStatus.NEW, "1000", "0")
        taken = payer.new_order("EUR/USD", Side.BUY, price="1.1180", quantity="400", time_in_force=TimeInForce.IOC)
        [fill] = taken.fills
        assert (taken.status, taken.filled, fill.price, fill.quantity) == (OrdStatus.FILLED, "400", "1.1172", "400")
        assert (fill.fee, fill.fee_currency.code, fill.notional) == ("0.040000", "EUR", "446.880000")
        assert not fill.is_maker
        until(lambda: resting.fills, lambda: maker.poll(0.05))
        assert (resting.status, resting.leaves, resting.filled) == (OrdStatus.PARTIALLY_FILLED, "600", "400")
        assert resting.fills[0].is_maker
        assert resting.fills[0].message.trade_number == fill.message.trade_number
        assert resting.fills[0].message.sequence == fill.message.sequence == taken.sequence
        assert maker.balances()["USD"].available == "1000446.880000"
        assert maker.balances()["EUR"].held == "600.000000"
        assert payer.balances()["EUR"].available == "1000399.960000"
        assert maker.cancel(resting).leaves == "0"
        assert maker.balances()["EUR"].held == "0.000000"
        assert not maker.orders


def test_an_order_that_trades_and_rests_is_answered_when_it_rests(served: RunningVenue) -> None:
    with served.funded("maker-1") as maker, served.funded("payer-1") as payer:
        maker.new_order("EUR/USD", "SELL", "1.1172", "100")
        order = payer.new_order("EUR/USD", "BUY", "1.1172", "150")
        assert (order.status, order.filled, order.leaves) == (OrdStatus.PARTIALLY_FILLED, "100", "50")
        rest = payer.new_order("EUR/USD", "BUY", "1.1172", "150", time_in_force=TimeInForce.IOC)
        assert (rest.status, rest.reason) == (OrdStatus.CANCELED, RejectReason.UNFILLED_REMAINDER)
        with pytest.raises(RequestRejected) as refused:
            maker.new_order("EUR/USD", "SELL", "1.1172", "1", post_only=True)
        assert refused.value.reason == RejectReason.WOULD_CROSS


def test_a_swap_over_two_books_delivers_exactly_and_reports_its_route(served: RunningVenue) -> None:
    with served.funded("maker-1") as maker, served.funded("payer-1") as payer, served.client("payee-1") as payee:
        maker.new_order("USD/JPY", "SELL", "150.00", "10000")
        maker.new_order("USD/HKD", "BUY", "7.8000", "10000")
        receipt = payer.swap("JPY", "HKD", exact_out="2500.00", max_in="60000", payee=payee.account)
        assert receipt.received == "2500.000000"
        assert [book.symbol for book in receipt.route] == ["USD/JPY", "USD/HKD"]
        assert [fill.instrument.symbol for fill in receipt.fills] == ["USD/JPY", "USD/HKD"]
        assert [(leg.pays.code, leg.receives.code) for leg in receipt.legs] == [("JPY", "USD"), ("USD", "HKD")]
        (path,) = receipt.paths
        assert ([c.code for c in path.stops], path.paid) == (["JPY", "USD", "HKD"], receipt.paid)
        spent = payer.balances()
        assert spent["JPY"].available_units == 10**12 - receipt.paid_units
        change = {currency.code: units for currency, units in receipt.change}
        assert spent["USD"].available_units - 10**12 == change.get("USD", 0)
        assert spent["HKD"].available_units - 10**12 == change.get("HKD", 0)
        assert payee.balances()["HKD"].available == "2500.000000"
        [received] = [report for report in payee.poll() if isinstance(report, MoneyMovement)]
        assert (received.kind, received.amount, received.counterparty) == (
            EventKind.RECEIVED,
            "2500.000000",
            payer.account,
        )
        back = payer.swap("JPY", "USD", exact_in="1500", min_out="9.9")
        assert (back.paid, back.received) == ("1500.000000", "9.999000")


def test_a_worst_price_and_a_part_hold_what_they_say(served: RunningVenue) -> None:
    with served.funded("maker-1") as maker, served.funded("payer-1") as payer:
        maker.new_order("EUR/USD", "SELL", "1.1000", "100")
        maker.new_order("EUR/USD", "SELL", "1.3000", "1000")
        terms = {"exact_in": "1000", "min_out": "1", "worst_price": "1.2"}
        with pytest.raises(RequestRejected) as refused:
            payer.swap("USD", "EUR", **terms)
        assert refused.value.reason == RejectReason.WORST_PRICE_EXCEEDED
        part = payer.swap("USD", "EUR", **terms, allow_partial=True)
        assert (part.paid, part.unfilled) == ("110.000000", "890.000000 USD")
        for wrong in ("0", "-1", "1e-9"):
            with pytest.raises(AmountError):
                payer.quote("USD", "EUR", exact_in="1000", worst_price=wrong)
        with pytest.raises(AmountError):
            payer.quote("USD", "EUR", exact_in="1", exact_out="1")


def test_a_repeated_command_is_answered_and_never_done_twice(served: RunningVenue) -> None:
    with served.funded("maker-1") as maker, served.funded("payer-1") as payer:
        order = maker.new_order("USD/JPY", "SELL", "150.00", "1000", client_order_id=50)
        again = maker.new_order("USD/JPY", "SELL", "150.00", "1000", client_order_id=50)
        assert again.order_id == order.order_id
        swap = payer.swap("JPY", "USD", exact_in="1500", min_out="9", client_order_id=60)
        repeated = payer.swap("JPY", "USD", exact_in="1500", min_out="9", client_order_id=60)
        assert (repeated.paid, repeated.received) == (swap.paid, swap.received) == ("1500.000000", "9.999000")
        with served.client("maker-1") as later:
            outcome = later.new_order("USD/JPY", "SELL", "150.00", "1000", client_order_id=50)
            assert (outcome.order_id, outcome.filled, outcome.leaves) == (order.order_id, "10", "990")
            assert later.new_order("USD/JPY", "SELL", "151.00", "1").client_order_id == 51
        with pytest.raises(RequestRejected) as refused:
            maker.new_order("USD/JPY", "SELL", "150.01", "1000", client_order_id=50)
        assert refused.value.reason == RejectReason.CLIENT_ID_REUSED
        with served.operator_client() as operator:
            number = operator.protocol.account.take_id(None)
            for _ in range(3):
                assert operator.deposit(payer.account, "EUR", "5", client_order_id=number).amount == "5.000000"
        assert payer.balances()["EUR"].available == "1000005.000000"


def test_an_inexact_amount_never_leaves_the_client(served: RunningVenue) -> None:
    with served.client("maker-1") as client:
        for price, quantity in (("1.11725", "1"), ("1.1172", "0.5"), ("1e0", "1"), ("one", "1")):
            with pytest.raises(AmountError):
                client.new_order("EUR/USD", "BUY", price, quantity)
        with pytest.raises(AmountError):
            client.new_order("EUR/USD", "BUY", 1.1172, "1")  # type: ignore[arg-type]
        with pytest.raises(AmountError):
            client.new_order("EUR/USD", "HOLD", "1.1172", "1")
        for arguments in (
            {},
            {"exact_in": "1"},
            {"exact_in": "1", "max_in": "1"},
            {"exact_in": "1", "min_out": "1", "exact_out": "1"},
        ):
            with pytest.raises(AmountError, match="exact_in and min_out"):
                client.swap("EUR", "USD", **arguments)
        for ask, reason in (
            (lambda: client.book("EUR/GBP"), RejectReason.UNKNOWN_INSTRUMENT),
            (lambda: client.swap("EUR", "GBP", exact_in="1", min_out="1"), RejectReason.UNKNOWN_CURRENCY),
        ):
            with pytest.raises(RequestRejected) as refused:
                ask()
            assert refused.value.reason == reason
        with pytest.raises(RequestRejected) as refused:
            client.new_order("EUR/USD", "BUY", "1.1172", "1")
        assert refused.value.reason == RejectReason.INSUFFICIENT_FUNDS
        assert client.protocol.account.take_id(None) == 2, "only the last one used an id"


def test_many_orders_sent_together_are_all_answered(served: RunningVenue) -> None:
    with served.funded("maker-1") as client:
        protocol = client.protocol
        calls = [protocol.new_order("EUR/USD", "BUY", f"1.00{n:02d}", "1") for n in range(60)]
        calls.append(protocol.new_order("EUR/USD", "BUY", "1.0000", "99999999"))
        *orders, refused = client.wait_all(calls)
        assert len({order.order_id for order in orders}) == 60
        assert isinstance(refused, RequestRejected)
        assert len(client.orders) == 60
        client.wait_all([protocol.cancel(order) for order in orders])
        assert not client.orders
        reports = client.poll()
        assert sum(isinstance(report, Execution) for report in reports) == 120


def test_the_asyncio_client_does_the_same_at_once(served: RunningVenue) -> None:
    async def trade() -> None:
        token = served.token("maker-1")
        async with await AsyncClient.connect(
            served.order_address, token, served.market_data_address, timeout_s=WAIT_S
        ) as client:
            replica = await client.subscribe("EUR/USD")
            orders = await asyncio.gather(
                *(client.new_order("EUR/USD", "SELL", f"1.10{n:02d}", "1") for n in range(50))
            )
            assert len(client.orders) == 50
            assert (await client.balances())["EUR"].held == "50.000000"
            for _ in range(1_000):
                await client.heartbeat()
                if replica.stream == 50:
                    break
            assert replica.levels(Side.SELL, 2) == [("1.1000", "1"), ("1.1001", "1")]
            results = await asyncio.gather(
                *(client.cancel(order) for order in orders), client.cancel(orders[0]), return_exceptions=True
            )
            assert isinstance(results[-1], RequestRejected)
            assert not client.orders
            async for report in client.reports():
                if isinstance(report, Execution) and report.exec_type is EventKind.CANCELED:
                    break
            await client.logout()
            client.timeout_s = 0.05
            with pytest.raises(RequestRejected) as refused:
                await client.balances()
            assert refused.value.reason == RejectReason.NOT_LOGGED_ON

    with served.funded("maker-1"):
        asyncio.run(trade())


def test_a_venue_that_is_not_there_is_unreachable_and_the_error_says_what_to_do(served: RunningVenue) -> None:
    with pytest.raises(VenueUnreachable, match="LOGON"):
        Client.connect(f"ipc://{served.folder}/nobody", "token", timeout_s=0.05)
    with pytest.raises(VenueUnreachable, match="cannot be connected"):
        Client.connect("nonsense", "token")
    plain = Client.connect(served.order_address, served.token("maker-1"), timeout_s=WAIT_S)
    with plain, pytest.raises(ProtocolError, match="market_data_address"):
        plain.subscribe("EUR/USD")
    with served.funded("maker-2") as client:
        served.end()
        client.timeout_s = 0.05
        with pytest.raises(VenueUnreachable, match=r"client_order_id 1;.*safe to send again"):
            client.new_order("EUR/USD", "BUY", "1.0000", "1")

    async def knock() -> None:
        with pytest.raises(VenueUnreachable, match="LOGON"):
            await AsyncClient.connect(f"ipc://{served.folder}/nobody", "token", timeout_s=0.05)

    asyncio.run(knock())


def test_a_swap_is_done_before_its_deadline_or_not_at_all(served: RunningVenue) -> None:
    with served.funded("maker-1") as maker, served.funded("payer-1") as payer:
        maker.new_order("EUR/USD", "SELL", "1.1000", "100")
        deadline_ns = served.clock() + SECOND_NS
        assert payer.swap("USD", "EUR", exact_in="11", min_out="9", deadline_ns=deadline_ns).received == "9.999000"
        served.clock.advance(1)
        with pytest.raises(RequestRejected) as refused:
            payer.swap("USD", "EUR", exact_in="11", min_out="9", deadline_ns=deadline_ns)
        assert refused.value.reason == RejectReason.DEADLINE_PASSED
