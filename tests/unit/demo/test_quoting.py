"""The demo's makers never quote a crossed or a rounded-in price, and its invoices can be paid."""

import pytest

from fxengine.codes import Side
from fxengine.demo.payer import load_invoices
from fxengine.demo.quoting import LADDER, Drift, Quote, ladder
from fxengine.demo.rates import load_rates
from fxengine.home import Home
from fxengine.venue import Venue


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Venue:
    return Home.create(tmp_path_factory.mktemp("quoting") / "venue").venue


def quotes(venue: Venue, drift: Drift, skew_ppm: int) -> list[list[Quote]]:
    rates = load_rates()
    return [list(ladder(instrument, rates, drift, skew_ppm=skew_ppm)) for instrument in venue.instruments]


@pytest.mark.parametrize("skew_ppm", [-35, 0, 35])
def test_a_ladder_stands_around_its_fair_price_and_worsens_outwards(venue: Venue, seed: int, skew_ppm: int) -> None:
    drift, rates = Drift([c.code for c in venue.currencies], seed), load_rates()
    for _ in range(50):
        drift.step()
    for book in quotes(venue, drift, skew_ppm):
        bids = [quote.price_ticks for quote in book if quote.side is Side.BUY]
        offers = [quote.price_ticks for quote in book if quote.side is Side.SELL]
        assert len(bids) == len(offers) == len(LADDER)
        assert bids == sorted(bids, reverse=True)
        assert offers == sorted(offers)
        assert bids[0] < offers[0]
        assert all(quote.quantity_lots >= 1 for quote in book)
        reference = rates.price_ticks(book[0].instrument)
        assert abs(bids[0] - reference) < reference // 1_000, "within 10 bp of the reference rate"


def test_drift_stays_near_the_reference(venue: Venue, seed: int) -> None:
    drift = Drift([c.code for c in venue.currencies], seed)
    for _ in range(5_000):
        drift.step()
        assert max(map(abs, drift.ppm.values())) <= 200


def test_two_makers_of_one_seed_drift_alike(venue: Venue, seed: int) -> None:
    one, other = (Drift([c.code for c in venue.currencies], seed) for _ in range(2))
    for _ in range(10):
        one.step()
        other.step()
    assert one.ppm == other.ppm
    assert any(one.ppm.values())


def test_every_invoice_names_listed_currencies_and_an_exact_amount(venue: Venue) -> None:
    invoices = load_invoices()
    assert len(invoices) > 10
    for invoice in invoices:
        assert venue.currency[invoice.owes].units(invoice.amount) > 0
        assert invoice.pays in venue.currency
        assert invoice.owes != invoice.pays
        assert invoice.payer != invoice.payee
