"""A currency is OK only while fresh attestations cover all that is owed in it."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fxengine.codes import CUSTODY_ACCOUNT, ControlMode
from fxengine.ledger import open_ledger
from fxengine.ledger.check_batches import VENUE, Books
from fxengine.ledger.reading import open_reader
from fxengine.reserves import Attestation, ReserveStatus, liabilities, positions, reserve_modes
from fxengine.venue import Venue
from fxengine.venue_file import parse_venue

SECOND_NS = 1_000_000_000
NOW_NS = 1_793_404_800 * SECOND_NS
DAY_S = 86_400
LISTED = VENUE + '[[custodians]]\niss = "bank"\nkeys = { k = "%s" }\ncurrencies = ["USD", "EUR"]\n' % ("A" * 43)


@pytest.fixture(scope="module")
def venue() -> Venue:
    return parse_venue(LISTED)


def said(
    units: int, *, age_s: int = 0, left_s: int = 60, custodian: str = "bank", currency: str = "USD"
) -> Attestation:
    return Attestation(custodian, currency, units, NOW_NS - age_s * SECOND_NS, NOW_NS + left_s * SECOND_NS, "statement")


FRESH, OLD, OVER = said(100), said(100, age_s=DAY_S + 1), said(100, left_s=0)
OTHERS = said(50, custodian="trust")


@pytest.mark.parametrize(
    ("owed", "attestations", "status", "ratio"),
    [
        (100, [FRESH], ReserveStatus.OK, "100.00"),
        (99, [FRESH], ReserveStatus.OK, "101.01"),
        (101, [FRESH], ReserveStatus.UNDER, "99.00"),
        (0, [FRESH], ReserveStatus.OK, None),
        (0, [said(0)], ReserveStatus.OK, None),
        (1, [said(0)], ReserveStatus.UNDER, "0.00"),
        (100, [], ReserveStatus.MISSING, "0.00"),
        (0, [], ReserveStatus.MISSING, None),
        (100, [OLD], ReserveStatus.STALE, "100.00"),
        (100, [OVER], ReserveStatus.STALE, "100.00"),
        (0, [OLD], ReserveStatus.STALE, None),
        (101, [OLD], ReserveStatus.UNDER, "99.00"),
        (150, [FRESH, OTHERS], ReserveStatus.OK, "100.00"),
        (151, [FRESH, OTHERS], ReserveStatus.UNDER, "99.33"),
        (150, [OLD, OTHERS], ReserveStatus.STALE, "100.00"),
        (50, [OLD, OTHERS], ReserveStatus.OK, "300.00"),
        (100, [said(100, age_s=DAY_S)], ReserveStatus.OK, "100.00"),
        (100, [said(100, age_s=-1)], ReserveStatus.STALE, "100.00"),
        (1_000_000, [said(999_999)], ReserveStatus.UNDER, "99.99"),
    ],
)  # fmt: skip
def test_where_a_currency_stands(
    venue: Venue, owed: int, attestations: list[Attestation], status: ReserveStatus, ratio: str | None
) -> None:
    found = {p.currency.code: p for p in positions(venue, {"USD": owed}, attestations, NOW_NS)}
    assert (found["USD"].status, found["USD"].ratio_text) == (status, ratio)
    assert found["USD"].liabilities_units == owed
    assert found["EUR"].status is ReserveStatus.MISSING


def test_the_age_is_that_of_the_oldest_that_was_added_up(venue: Venue) -> None:
    usd = positions(venue, {}, [said(5, age_s=70), said(5, age_s=90, custodian="trust")], NOW_NS)[0]
    assert usd.issued_at_ns == NOW_NS - 90 * SECOND_NS


def test_the_venue_says_how_old_a_word_may_be() -> None:
    assert parse_venue(LISTED).attestation_max_age_s == DAY_S
    strict = parse_venue(LISTED + "\n[reserves]\nmax_age_s = 60\n")
    for age_s, status in ((60, ReserveStatus.OK), (61, ReserveStatus.STALE)):
        assert positions(strict, {"USD": 1}, [said(5, age_s=age_s)], NOW_NS)[0].status is status


def test_what_is_not_ok_is_redeem_only_and_what_nobody_holds_is_not_watched(venue: Venue) -> None:
    usd, eur = venue.currency["USD"].index, venue.currency["EUR"].index
    open_, shut = ControlMode.OPEN, ControlMode.REDEEM_ONLY
    for attestations, expected in (
        ([], {usd: shut, eur: shut}),
        ([FRESH], {usd: open_, eur: shut}),
        ([OLD, said(7, currency="EUR")], {usd: shut, eur: open_}),
    ):
        assert reserve_modes(venue, positions(venue, {"USD": 100, "EUR": 7}, attestations, NOW_NS)) == expected


@given(st.integers(0, 2**63 - 1), st.lists(st.tuples(st.integers(0, 2**63 - 1), st.sampled_from([0, 2 * DAY_S]))))
def test_ok_is_never_said_of_less_than_what_is_owed(owed: int, held: list[tuple[int, int]]) -> None:
    attestations = [said(units, age_s=age_s, custodian=f"c{n}") for n, (units, age_s) in enumerate(held)]
    usd = positions(parse_venue(LISTED), {"USD": owed}, attestations, NOW_NS)[0]
    fresh = sum(units for units, age_s in held if not age_s)
    assert (usd.status is ReserveStatus.OK) == (fresh >= owed and any(not age_s for _, age_s in held))
    if usd.ratio_text and usd.holdings_units < owed:
        assert usd.ratio_text < "100" or len(usd.ratio_text.partition(".")[0]) < 3


def test_liabilities_are_what_all_but_custody_have(tmp_path: object, seed: int) -> None:
    venue = parse_venue(LISTED)
    url = f"sqlite:{tmp_path}/ledger.sqlite"
    ledger, books = open_ledger(url, venue), Books(venue, random.Random(seed))
    for _ in range(3):
        ledger.post(books.batch())
    ledger.close()
    with open_reader(url) as reader:
        owed = liabilities(reader)
    for code, units in owed.items():
        index = venue.currency[code].index
        balances = {a: u for (a, c), u in books.balances.items() if c == index and a != CUSTODY_ACCOUNT}
        assert units == sum(balances.values()) > 0
