"""What the screen writes of a payment's route: a path in its order, and a split as what it is."""

from fxengine.client.swaps import SwapLeg, SwapReceipt
from fxengine.codes import Side, SwapMode
from fxengine.demo.screen import _route
from fxengine.venue import Currency, Instrument

EUR, USD, JPY = (Currency(n, code, "token", 2) for n, code in enumerate(("EUR", "USD", "JPY")))


def leg(base: Currency, quote: Currency, side: Side) -> SwapLeg:
    pair = Instrument(0, f"{base.code}/{quote.code}", base, quote, "1", "1", 0, 0, 1, 1)
    return SwapLeg(pair, side, 1, 1, 1, 0, 0, 1)


def route(*legs: SwapLeg) -> str:
    return _route(
        SwapReceipt(
            client_order_id=1, sequence=1, pay=EUR, receive=JPY, paid_units=1, received_units=1, payee=5,
            mode=SwapMode.EXACT_OUT, legs=legs,
        )
    )  # fmt: skip


def test_books_that_follow_one_another_are_a_path_and_others_a_split() -> None:
    eur_usd, usd_jpy = leg(EUR, USD, Side.SELL), leg(USD, JPY, Side.SELL)
    direct = leg(EUR, JPY, Side.SELL)
    assert route(direct) == "EUR/JPY"
    assert route(eur_usd, usd_jpy) == "EUR/USD > USD/JPY"
    assert route(direct, eur_usd, usd_jpy) == "EUR/JPY + EUR/USD + USD/JPY"
    assert route(leg(JPY, EUR, Side.BUY)) == "JPY/EUR"
