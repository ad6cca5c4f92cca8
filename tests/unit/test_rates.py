"""The demo's rates are the ECB's, exactly, and its venue is made to the measure of them."""

import base64
from collections import Counter
from decimal import Decimal
from fractions import Fraction
from importlib.resources import files

import pytest

from fxengine.demo.rates import load_rates
from fxengine.venue import Instrument, Venue
from fxengine.venue_file import parse_venue

# European Central Bank, euro foreign exchange reference rates of 2026-10-30; CNH is CNY's
ECB = "USD 1.1172, JPY 175.68, GBP 0.8338, AUD 1.5904, CNH 7.4326, HKD 8.7652, KRW 1491.76, SGD 1.4282, THB 37.683"


def shipped_venue() -> Venue:
    text = (files("fxengine.demo") / "venue.toml").read_text(encoding="utf-8")
    for mark in ("@SANDBOX_KEY@", "@OPERATOR_KEY@", "@CUSTODIAN_KEY@"):
        assert text.count(mark) == 1
        text = text.replace(mark, base64.urlsafe_b64encode(mark.encode().ljust(32)).decode().rstrip("="))
    return parse_venue(text)


RATES = load_rates()
VENUE = shipped_venue()
each_instrument = pytest.mark.parametrize("pair", VENUE.instruments, ids=lambda pair: pair.symbol)


def test_the_figures_are_those_of_the_ecb() -> None:
    published = dict(figure.split() for figure in ECB.split(", "))
    assert RATES.per_eur == {"EUR": Decimal(1)} | {code: Decimal(text) for code, text in published.items()}


def test_the_file_names_its_source_its_date_and_what_stands_in_for_cnh() -> None:
    notes = "\n".join(RATES.notes)
    assert f"reference rates of {RATES.date.isoformat()}" in notes
    assert "Source: European Central Bank" in notes
    assert "CNH is not quoted by the ECB: it takes the rate of CNY" in notes


def test_going_there_and_back_or_round_a_triangle_changes_nothing() -> None:
    codes = list(RATES.per_eur)
    for a in codes:
        for b in codes:
            assert RATES.rate(a, b) * RATES.rate(b, a) == 1
            assert all(RATES.rate(a, b) * RATES.rate(b, c) == RATES.rate(a, c) for c in codes)


def test_a_cross_rate_is_units_of_quote_for_one_of_base() -> None:
    assert RATES.rate("USD", "HKD") == Fraction("8.7652") / Fraction("1.1172")
    assert round(float(RATES.rate("USD", "JPY")), 2) == 157.25


def test_an_unknown_currency_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        RATES.rate("EUR", "XAU")


def test_an_amounts_worth_allows_for_both_currencies_decimals() -> None:
    hkd, jpy = VENUE.currency["HKD"], VENUE.currency["JPY"]
    worth = RATES.worth_units(hkd.units("250000.00"), hkd, jpy)
    assert worth == Fraction(250_000) * Fraction("175.68") / Fraction("8.7652") * 10**4
    assert jpy.text(round(worth)) == "5010724.2276"


@each_instrument
def test_a_reference_price_is_the_nearest_tick(pair: Instrument) -> None:
    price = Fraction(pair.price_text(RATES.price_ticks(pair)))
    assert abs(price - RATES.rate(pair.base.code, pair.quote.code)) <= Fraction(pair.tick) / 2


@each_instrument
def test_a_tick_is_about_a_tenth_to_a_quarter_of_a_basis_point(pair: Instrument) -> None:
    assert 40_000 <= RATES.price_ticks(pair) <= 120_000


@each_instrument
def test_a_lot_is_small_change(pair: Instrument) -> None:
    assert Fraction(pair.lot) * RATES.rate(pair.base.code, "EUR") < Fraction("0.14")


@each_instrument
def test_one_book_costs_a_taker_at_most_one_basis_point_in_fees(pair: Instrument) -> None:
    assert 50 <= pair.taker_rate <= 100
    assert -pair.maker_rate <= pair.taker_rate // 2


def test_the_venue_lists_the_ten_currencies_that_have_rates() -> None:
    assert {currency.code for currency in VENUE.currencies} == set(RATES.per_eur)
    assert {currency.code for currency in VENUE.currencies if currency.decimals == 4} == {"JPY", "KRW"}


def test_every_currency_meets_the_dollar_and_another_one_beside() -> None:
    pairs = {frozenset((pair.base.code, pair.quote.code)) for pair in VENUE.instruments}
    others = [code for code in VENUE.currency if code != "USD"]
    assert all(frozenset(("USD", code)) in pairs for code in others)
    rivals = [pair for pair in pairs if "USD" not in pair]  # a cross book beside the detour over the dollar
    books = Counter(code for pair in rivals for code in pair)
    assert len(rivals) >= 10
    assert all(books[code] for code in others)


def test_makers_and_payers_have_the_windows_that_their_traffic_needs() -> None:
    assert {name: level.window for name, level in VENUE.levels.items()} == {
        "maker": 65_536,
        "payer": 1_024,
        "issuer": 1_024,
        "operator": 1_024,
    }


def test_only_the_operators_issuer_vouches_for_operators() -> None:
    assert {name: issuer.operator for name, issuer in VENUE.issuers.items()} == {"sandbox": False, "operator": True}
    assert "operator" not in VENUE.issuers["sandbox"].levels
