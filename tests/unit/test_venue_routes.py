"""Paths that a venue names for its swaps: read whole, or refused by the key that is wrong; both cores get the same."""

import pytest

from fxengine._core import Core as CompiledCore
from fxengine.errors import VenueError
from fxengine.records import PATHS_MAX, ROUTE
from fxengine.reference import Core
from fxengine.venue_file import parse_venue
from tests.unit.test_venue_file import GOOD


def named(*paths: str) -> str:
    return GOOD + "".join(f"\n[[routes]]\npath = {path}\n" for path in paths)


def test_named_routes_are_read_and_become_records() -> None:
    venue = parse_venue(named('["EUR", "USD", "JPY"]', '["JPY", "USD"]'))
    assert [[c.code for c in route] for route in venue.routes] == [["EUR", "USD", "JPY"], ["JPY", "USD"]]
    assert venue.route_records.dtype == ROUTE
    assert venue.route_records["n_stops"].tolist() == [3, 2]
    assert venue.route_records["stops"].tolist() == [[0, 1, 2, 0], [2, 1, 0, 0]]


def test_a_venue_that_names_none_has_the_fingerprint_that_it_had() -> None:
    plain, with_routes = parse_venue(GOOD), parse_venue(named('["EUR", "USD", "JPY"]'))
    assert plain.routes == ()
    assert plain.fingerprint != with_routes.fingerprint, "a journal replays only under the same routes"
    assert len(plain.route_records.tobytes()) == 0


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ('["EUR"]', "2 to 4 currencies"),
        ('["EUR", "USD", "EUR"]', "no one twice"),
        ('["EUR", "USD", "JPY", "EUR", "USD"]', "2 to 4 currencies"),
        ('["EUR", "GBP"]', "'GBP' is not one of"),
        ('["EUR", "JPY"]', "no instrument of this file joins EUR and JPY"),
        ('"EUR"', "must be a list"),
    ],
)
def test_what_is_wrong_with_a_route_is_named_by_its_key(path: str, problem: str) -> None:
    with pytest.raises(VenueError, match=r"^routes\[1\]\.path") as refused:
        parse_venue(named('["EUR", "USD"]', path))
    assert problem in str(refused.value)


def test_a_route_listed_twice_and_an_unknown_key_are_refused() -> None:
    with pytest.raises(VenueError, match="listed twice"):
        parse_venue(named('["EUR", "USD"]', '["EUR", "USD"]'))
    with pytest.raises(VenueError, match=r"routes\[0\]\.via"):
        parse_venue(GOOD + '\n[[routes]]\npath = ["EUR", "USD"]\nvia = "USD"\n')


def test_a_pair_has_at_most_eight_named_paths() -> None:
    codes = [f"C{letter}X" for letter in "ABCDEFGHI"]
    currencies = "".join(f'\n[[currencies]]\ncode = "{c}"\nname = "{c}"\ndecimals = 6\n' for c in codes)
    pairs = "".join(
        f'\n[[instruments]]\nsymbol = "{c}/{end}"\ntick = "0.00001"\nlot = "0.1"\nmaker_fee = 0\ntaker_fee = 0\n'
        for c in codes for end in ("EUR", "USD")
    )  # fmt: skip
    routes = "".join(f'\n[[routes]]\npath = ["EUR", "{c}", "USD"]\n' for c in codes)
    with pytest.raises(VenueError, match=rf"routes\[{PATHS_MAX}\]\.path: more than {PATHS_MAX} paths"):
        parse_venue(GOOD + currencies + pairs + routes)


def test_a_swap_fee_takes_the_place_of_every_taker_fee_and_is_part_of_what_a_journal_means() -> None:
    plain = GOOD.replace("maker_fee = -20", "maker_fee = 0")
    with_fee = plain.replace('id = "test"', 'id = "test"\nswap_fee = 80')
    assert parse_venue(plain).swap_rate is None
    assert parse_venue(with_fee).swap_rate == 80
    assert parse_venue(with_fee.replace("swap_fee = 80", "swap_fee = 0")).swap_rate == 0
    prints = {parse_venue(text).fingerprint for text in (plain, with_fee, with_fee.replace("80", "79"))}
    assert len(prints) == 3, "a journal replays only under the same fee"
    for wrong, problem in (("-1", "-1 is not between"), ("100_001", "is not between"), ('"0.5"', "must be a whole")):
        with pytest.raises(VenueError, match=r"^venue\.swap_fee") as refused:
            parse_venue(with_fee.replace("swap_fee = 80", f"swap_fee = {wrong}"))
        assert problem in str(refused.value)


def test_the_compiled_core_refuses_a_swap_fee_that_no_rebate_could_be_paid_from() -> None:
    rows = parse_venue(GOOD).instrument_records
    with pytest.raises(ValueError, match=r"instruments\[0\]: with a swap fee"):
        CompiledCore(rows, n_currencies=3, swap_rate=50)
    rows["maker_rate"] = 0
    CompiledCore(rows, n_currencies=3, swap_rate=50).check()
    for rate in (-1, 1_000_000):
        with pytest.raises(ValueError, match=f"swap_rate is {rate}, not between 0 and 999999"):
            CompiledCore(rows, n_currencies=3, swap_rate=rate)


def test_the_compiled_core_refuses_routes_that_it_could_not_follow() -> None:
    venue = parse_venue(named('["EUR", "USD", "JPY"]'))
    for core_type in (Core, CompiledCore):
        core_type(venue.instrument_records, n_currencies=3, routes=venue.route_records).check()
    for stops, n_stops in (([0, 1, 0, 0], 3), ([0, 1, 2, 0], 1), ([0, 1, 2, 3], 5), ([0, 9, 1, 0], 3)):
        rows = venue.route_records.copy()
        rows[0]["n_stops"], rows[0]["stops"] = n_stops, stops
        with pytest.raises((ValueError, IndexError), match=r"routes\[0\]"):
            CompiledCore(venue.instrument_records, n_currencies=3, routes=rows)
