"""A token's scope takes from its session exactly what it leaves out."""

from pathlib import Path

import pytest

from fxengine.codes import CommandKind
from fxengine.gateway.scope import ACTION_OF, Action, InstrumentOf, Scope, admission, parse_scope
from fxengine.messages import Amend, Cancel, DeadMan, MassCancel, MassQuote, Swap
from fxengine.records import ALL_INSTRUMENTS, QUANTITY_LOTS_MAX
from fxengine.venue import Venue
from tests.asking import limit_order
from tests.unit.gateway.core_flow import venue_in

EUR, USD, JPY = 0, 1, 2
EUR_USD, USD_JPY, USD_HKD = 0, 1, 2
ANY = QUANTITY_LOTS_MAX


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Venue:
    return venue_in(tmp_path_factory.mktemp("keys"))


def nothing_open(_order_id: int, _client_order_id: int) -> int | None:
    return None


def open_in(instrument: int) -> InstrumentOf:
    return lambda order_id, client_order_id: {(9, 0): instrument}.get((order_id, client_order_id))


def swap(currency_in: int, currency_out: int, mode: int, amount_units: int) -> Swap:
    return Swap(1, currency_in, currency_out, mode, amount_units, 1, 0, 0)


def test_a_scope_says_in_the_venues_numbers_what_the_claim_says_in_words(venue: Venue) -> None:
    claim = {"actions": ["order", "read"], "instruments": ["EUR/USD", "BRL/USD"], "size": {"EUR": "25.5", "BRL": "1"}}
    scope = parse_scope(claim, venue)
    assert scope.actions == {Action.ORDER, Action.READ}
    assert scope.lots_max == (25, 0, 0), "a lot is one EUR; half a lot is none"
    assert scope.units_max[EUR] == 25_500_000
    assert scope.pairs == {frozenset((EUR, USD))}
    assert not scope.is_whole


def test_what_a_claim_does_not_mention_it_does_not_bound(venue: Venue) -> None:
    scope = parse_scope({}, venue)
    assert scope.actions == set(Action)
    assert scope.is_whole
    assert not scope.has_caps
    for message in (
        limit_order(1, quantity_lots=2**62),
        MassQuote(1, ((USD_JPY, (1, 2**62), ()),)),
        swap(USD, JPY, 1, 2**63 - 1),
        MassCancel(1, ALL_INSTRUMENTS, 0, 0),
        DeadMan(1),
        Amend(1, 9, 0, 1, 2**62, -1),
        Cancel(1, 9, 0),
        limit_order(1, instrument=999),
    ):
        assert scope.allows(message, nothing_open), message


@pytest.mark.parametrize(
    "claim",
    [
        None, [], "order", {"action": ["order"]}, {"actions": "order"}, {"actions": ["orders"]}, {"actions": [1]},
        {"actions": {}}, {"instruments": "EUR/USD"}, {"instruments": [1]}, {"instruments": None}, {"size": None},
        {"size": []}, {"size": {"EUR": 5}}, {"size": {"EUR": 5.0}}, {"size": {"EUR": "-1"}}, {"size": {"EUR": "1e3"}},
        {"size": {"EUR": "0.0000001"}}, {"size": {"EUR": ""}}, {"expires": 5},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_not_plainly_a_scope_is_none(venue: Venue, claim: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the caller asks for no more than that
        parse_scope(claim, venue)


IN, OUT = True, False
SCOPE = {"instruments": ["EUR/USD", "USD/JPY"], "size": {"EUR": "100", "JPY": "5"}}


@pytest.mark.parametrize(
    ("message", "allowed"),
    [
        (limit_order(1, quantity_lots=100), IN),
        (limit_order(1, quantity_lots=101), OUT),
        (limit_order(1, instrument=USD_JPY, quantity_lots=2**62), IN),
        (limit_order(1, instrument=USD_HKD, quantity_lots=1), OUT),
        (limit_order(1, instrument=USD_HKD, quantity_lots=-1), OUT),
        (limit_order(1, instrument=999), OUT),
        (MassQuote(1, ((EUR_USD, (7, 100, 6, 100), (8, 100)),)), IN),
        (MassQuote(1, ((EUR_USD, (7, 1, 6, 101), ()),)), OUT),
        (MassQuote(1, ((EUR_USD, (), (7, 1, 8, 101)),)), OUT),
        (MassQuote(1, ((EUR_USD, (), ()), (USD_JPY, (1, 10**9), ()))), IN),
        (MassQuote(1, ((EUR_USD, (), ()), (USD_HKD, (), ()))), OUT),
        (MassCancel(1, EUR_USD, 0, 0), IN),
        (MassCancel(1, USD_HKD, 0, 0), OUT),
        (MassCancel(1, ALL_INSTRUMENTS, 0, 0), OUT),
        (DeadMan(5_000), OUT),
        (swap(EUR, USD, 1, 100_000_000), IN),
        (swap(EUR, USD, 1, 100_000_001), OUT),
        (swap(USD, EUR, 1, 10**15), IN),
        (swap(USD, EUR, 2, 100_000_001), OUT),
        (swap(JPY, USD, 2, 10**15), IN),
        (swap(EUR, JPY, 1, 1), OUT),
        (swap(EUR, 999, 1, 1), OUT),
    ],
    ids=str,
)
def test_instruments_and_sizes_bound_what_a_session_sends(venue: Venue, message: object, allowed: bool) -> None:
    assert parse_scope(SCOPE, venue).allows(message, nothing_open) is allowed


@pytest.mark.parametrize(("instrument", "lots", "allowed"), [
    (EUR_USD, 100, IN), (EUR_USD, 101, OUT), (USD_JPY, 10**9, IN), (USD_HKD, 1, OUT),
])  # fmt: skip
def test_an_amend_or_cancel_is_bounded_by_the_instrument_of_the_order_it_names(
    venue: Venue, instrument: int, lots: int, allowed: bool
) -> None:
    scope = parse_scope(SCOPE, venue)
    assert scope.allows(Amend(1, 9, 0, 1, lots, -1), open_in(instrument)) is allowed
    assert scope.allows(Cancel(1, 9, 0), open_in(instrument)) is (instrument != USD_HKD)
    assert scope.allows(Amend(1, 8, 0, 1, lots, -1), open_in(instrument)), "what is not open is the core's to refuse"
    assert scope.allows(Cancel(1, 8, 0), open_in(instrument))


def test_a_size_alone_bounds_amends_and_leaves_cancels_alone(venue: Venue) -> None:
    scope = parse_scope({"size": {"EUR": "0"}}, venue)
    assert scope.is_whole
    assert not scope.allows(Amend(1, 9, 0, 1, 1, -1), open_in(EUR_USD))
    assert scope.allows(Cancel(1, 9, 0), open_in(EUR_USD))
    assert scope.allows(DeadMan(1), nothing_open)


def kinds_of(mask: int) -> set[CommandKind]:
    return {kind for kind in CommandKind if mask >> kind & 1}


K = CommandKind
ALL_KINDS = {K.NEW_ORDER, K.CANCEL, K.AMEND, K.MASS_CANCEL, K.MASS_QUOTE}


@pytest.mark.parametrize(("claim", "kinds", "lots_max"), [
    (None, ALL_KINDS, [ANY, ANY, ANY]),
    ({}, ALL_KINDS, [ANY, ANY, ANY]),
    ({"actions": ["order"]}, {K.NEW_ORDER, K.AMEND}, [ANY, ANY, ANY]),
    ({"actions": ["cancel", "swap"]}, {K.CANCEL, K.MASS_CANCEL}, [ANY, ANY, ANY]),
    ({"actions": ["quote", "read"]}, {K.MASS_QUOTE}, [ANY, ANY, ANY]),
    ({"actions": []}, set(), [ANY, ANY, ANY]),
    ({"size": {"EUR": "7"}}, ALL_KINDS, [7, ANY, ANY]),
    ({"instruments": ["USD/JPY"]}, ALL_KINDS - {K.CANCEL}, [0, ANY, 0]),
], ids=str)  # fmt: skip
def test_what_may_come_as_a_record_follows_from_the_scope(
    venue: Venue, claim: object, kinds: set[CommandKind], lots_max: list[int]
) -> None:
    scope: Scope | None = None if claim is None else parse_scope(claim, venue)
    mask, bounds = admission(venue, scope)
    assert kinds_of(mask) == kinds
    assert bounds.tolist() == lots_max


def test_each_action_is_some_message(tmp_path: Path) -> None:
    assert set(ACTION_OF.values()) == set(Action)
