"""Money: text and integers are inverse to each other, and rounding favours whom it says."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fxengine.errors import AmountError
from fxengine.money import (
    INT64_MAX,
    RATE_ONE,
    TEXT_MAX,
    fee_and_credit,
    fee_owed_units,
    format_scaled,
    gross_for_net_units,
    parse_scaled,
    rebate_units,
)

amounts = st.integers(-INT64_MAX, INT64_MAX)
decimals = st.integers(0, 12)
rates = st.integers(0, RATE_ONE // 10)


@given(amounts, decimals)
def test_parsing_what_was_formatted_gives_the_same_integer(value: int, places: int) -> None:
    assert parse_scaled(format_scaled(value, places), places) == value


@given(amounts, decimals)
def test_formatted_text_means_exactly_the_scaled_value(value: int, places: int) -> None:
    assert Fraction(format_scaled(value, places)) == Fraction(value, 10**places)


@given(st.text(max_size=80) | st.from_regex(r"-?[0-9]{0,70}\.?[0-9]{0,20}", fullmatch=True), decimals)
def test_text_is_either_parsed_exactly_or_refused_as_an_amount_error(text: str, places: int) -> None:
    try:
        value = parse_scaled(text, places)
    except AmountError:
        return
    assert abs(value) <= INT64_MAX
    assert Fraction(text) * 10**places == value


@pytest.mark.parametrize(
    ("text", "places", "units"),
    [
        ("250000.00", 6, 250_000_000_000),
        ("0", 0, 0),
        ("-0", 4, 0),
        (".5", 2, 50),
        ("5.", 2, 500),
        ("007", 0, 7),
        ("1.2300", 2, 123),
        ("9223372036854775807", 0, INT64_MAX),
        ("-92233720368547.75807", 5, -INT64_MAX),
    ],
)
def test_plain_decimal_text_is_parsed(text: str, places: int, units: int) -> None:
    assert parse_scaled(text, places) == units


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        ".",
        "-.",
        "1e3",
        "1E-2",
        "+1",
        " 1",
        "1 ",
        "1_000",
        "1,5",
        "1.2.3",
        "--1",
        "0x1F",
        "NaN",
        "Infinity",
        "٣",
    ],
)
def test_text_that_is_not_plain_decimal_is_refused(text: str) -> None:
    with pytest.raises(AmountError, match="not a plain decimal number"):
        parse_scaled(text, 2)


def test_more_decimals_than_the_currency_has_are_refused_not_rounded() -> None:
    with pytest.raises(AmountError, match="has more than 2 decimals"):
        parse_scaled("0.005", 2)


@pytest.mark.parametrize("text", ["9223372036854775808", "-9223372036854775808", "92233720368547758.08"])
def test_a_value_beyond_int64_is_refused(text: str) -> None:
    with pytest.raises(AmountError, match="larger than the venue can represent"):
        parse_scaled(text, 2)


def test_overlong_text_is_refused_before_it_is_converted() -> None:
    assert parse_scaled("0" * TEXT_MAX, 0) == 0
    with pytest.raises(AmountError, match="at most 64 characters"):
        parse_scaled("0" * (TEXT_MAX + 1), 0)


@pytest.mark.parametrize("number", [1.5, 1, True, None, b"1"])
def test_anything_but_text_is_refused(number: object) -> None:
    with pytest.raises(AmountError, match="an amount is text such as"):
        parse_scaled(number, 2)


@given(rates, st.integers(0, 10**18))
def test_a_fee_is_never_below_its_rate_and_less_than_one_unit_above(rate: int, received: int) -> None:
    exact = Fraction(rate * received, RATE_ONE)
    assert exact <= fee_owed_units(rate, received) < exact + 1


@given(st.lists(st.tuples(rates, st.integers(1, 10**14)), min_size=1, max_size=12))
def test_an_orders_fees_add_up_to_one_rounding_at_whatever_rates_and_however_it_fills(
    fills: list[tuple[int, int]],
) -> None:
    exact, charged, credit = Fraction(0), 0, 0
    for rate, received in fills:
        fee, credit = fee_and_credit(rate, received, credit)
        exact += Fraction(rate * received, RATE_ONE)
        charged += fee
        assert 0 <= fee <= received
        assert charged == math.ceil(exact)
        assert credit == (charged - exact) * RATE_ONE


@given(rates, st.integers(1, 10**18))
def test_the_gross_for_a_net_amount_is_the_least_that_leaves_it(rate: int, net: int) -> None:
    gross = gross_for_net_units(rate, net)
    assert gross - fee_owed_units(rate, gross) >= net
    assert gross - 1 - fee_owed_units(rate, gross - 1) < net


@given(rates, st.integers(0, 10**18))
def test_a_rebate_is_never_above_its_rate_and_less_than_one_unit_below(rate: int, received: int) -> None:
    exact = Fraction(rate * received, RATE_ONE)
    assert exact - 1 < rebate_units(rate, received) <= exact


@given(rates, st.data(), st.integers(0, 10**15), st.integers(1, 10**15))
def test_the_takers_fee_of_a_fill_always_covers_its_makers_rebate(
    taker_rate: int, data: st.DataObject, received_before: int, received_now: int
) -> None:
    rebate_rate = data.draw(st.integers(0, taker_rate))
    fee = fee_owed_units(taker_rate, received_before + received_now) - fee_owed_units(taker_rate, received_before)
    assert rebate_units(rebate_rate, received_now) <= fee
