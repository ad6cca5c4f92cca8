"""A venue file is taken whole or refused by the name of the key that is wrong."""

import base64
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from fxengine.errors import AmountError, VenueError
from fxengine.money import format_scaled
from fxengine.records import INSTRUMENT
from fxengine.venue_file import load_venue, parse_venue

KEY = base64.urlsafe_b64encode(bytes(range(32))).decode().rstrip("=")

GOOD = f"""
[venue]
id = "test"
name = "A venue for tests"

[levels.payer]
code = 1

[levels.maker]
code = 2
client_id_window = 65_536

[[currencies]]
code = "EUR"
name = "euro"
decimals = 6

[[currencies]]
code = "USD"
name = "dollar"
decimals = 6

[[currencies]]
code = "JPY"
name = "yen"
decimals = 4

[[instruments]]
symbol = "EUR/USD"
tick = "0.00001"
lot = "0.1"
maker_fee = -20
taker_fee = 100

[[instruments]]
symbol = "USD/JPY"
tick = "0.005"
lot = "1.00"
maker_fee = 0
taker_fee = 100

[[issuers]]
iss = "sandbox"
keys = {{ k1 = "{KEY}" }}
levels = ["payer", "maker"]
jurisdictions = ["HK"]
"""

# what is written instead of what, the key that is named, a word of the problem; [1] is the last one of its kind
BROKEN = [
    ("[venue]", "[venue", "venue file", "is not TOML"),
    ("[venue]", "surplus = 1\n[venue]", "surplus", "is not known here"),
    ('[venue]\nid = "test"\nname = "A venue for tests"', "", "venue", "is missing"),
    ('id = "test"', "", "venue.id", "is missing"),
    ('id = "test"', "id = 7", "venue.id", "must be text in quotes, not 7"),
    ('name = "A venue', 'nick = "n"\nname = "A venue', "venue.nick", "is not known here; known are"),
    ('id = "test"', 'id = "test"\nmax_fills = 0', "venue.max_fills", "0 is not between 1 and 65536"),
    ('id = "test"', 'id = "test"\nmax_fills = true', "venue.max_fills", "must be a whole number"),
    ('id = "test"', 'id = "test"\nmax_fills = 256.0', "venue.max_fills", "must be a whole number"),
    ('id = "test"', 'id = "test"\nmax_orders = 2_147_483_648', "venue.max_orders", "is not between"),
    ('id = "test"', 'id = "test"\nsettlement_cycle_ms = 9', "venue.settlement_cycle_ms", "is not between"),
    (
        'id = "test"',
        'id = "test"\nswap_fee = 50',
        "venue.swap_fee",
        "EUR/USD pays makers a rebate out of the taker fee",
    ),
    (
        'id = "test"',
        'id = "test"\nsettlement_stale_s = 0',
        "venue.settlement_stale_s",
        "0 is not between 1 and 2592000",
    ),
    ('code = "USD"', 'code = "US"', "currencies[1].code", "is not 3 to 8 capital letters"),
    ('code = "USD"', 'code = "usd"', "currencies[1].code", "is not 3 to 8 capital letters"),
    ('code = "USD"', 'code = "EUR"', "currencies[1].code", "EUR is listed twice"),
    ('name = "dollar"', "", "currencies[1].name", "is missing"),
    ('name = "dollar"\ndecimals = 6', 'name = "dollar"', "currencies[1].decimals", "is missing"),
    ('name = "dollar"\ndecimals = 6', 'name = "dollar"\ndecimals = 9', "currencies[1].decimals", "not between 0 and 8"),
    ('name = "dollar"', 'name = "dollar"\nrate = 1', "currencies[1].rate", "is not known here"),
    ('symbol = "USD/JPY"', 'symbol = "USDJPY"', "instruments[1].symbol", "is not BASE/QUOTE"),
    ('symbol = "USD/JPY"', 'symbol = "USD/KRW"', "instruments[1].symbol", "is not BASE/QUOTE"),
    ('symbol = "USD/JPY"', 'symbol = "USD/USD"', "instruments[1].symbol", "is not BASE/QUOTE"),
    ('symbol = "USD/JPY"', 'symbol = "USD/EUR"', "instruments[1].symbol", "the pair of USD/EUR is listed twice"),
    ('tick = "0.005"', "tick = 0.005", "instruments[1].tick", "must be text in quotes, not 0.005"),
    ('tick = "0.005"', 'tick = "0"', "instruments[1].tick", "must be positive"),
    ('tick = "0.005"', 'tick = "-1"', "instruments[1].tick", "must be positive"),
    ('tick = "0.005"', 'tick = "5e-3"', "instruments[1].tick", "not a plain decimal number"),
    ('tick = "0.005"', 'tick = "0.0000000000001"', "instruments[1].tick", "has more than 12 decimals"),
    ('lot = "1.00"', 'lot = "0.0000001"', "instruments[1].lot", "has more than 6 decimals"),
    ('lot = "1.00"', 'lot = "0.01"', "instruments[1]", "tick 0.005 x lot 0.01 is not a whole number of JPY's units"),
    ('lot = "1.00"', 'lot = "1000000000"', "instruments[1]", "is too large; one lot could not be priced"),
    ('lot = "1.00"', "lot = 1", "instruments[1].lot", "must be text in quotes"),
    ('lot = "1.00"', 'lot = "1.00"\nmin = 1', "instruments[1].min", "is not known here"),
    ("maker_fee = -20", "maker_fee = -101", "instruments[0].maker_fee", "the rebate exceeds the taker fee"),
    ("maker_fee = -20", "maker_fee = 0.2", "instruments[0].maker_fee", "must be a whole number"),
    ("maker_fee = -20\ntaker_fee = 100", "maker_fee = 0\ntaker_fee = -1", "instruments[0].taker_fee", "only makers"),
    ("maker_fee = -20", "maker_fee = 100_001", "instruments[0].maker_fee", "is not between"),
    ("maker_fee = -20\ntaker_fee = 100", "maker_fee = -20", "instruments[0].taker_fee", "is missing"),
    ("code = 2", "code = 1", "levels.maker.code", "1 is used twice"),
    ("code = 2", "code = 256", "levels.maker.code", "is not between 1 and 255"),
    ("65_536", "65_535", "levels.maker.client_id_window", "65535 is not a power of two"),
    ("65_536", "8", "levels.maker.client_id_window", "8 is not between"),
    ("code = 2", "code = 2\nlimit = 1", "levels.maker.limit", "is not known here"),
    ("code = 2", "code = 2\ncommands_per_s = 0", "levels.maker.commands_per_s", "0 is not between"),
    ("code = 2", "code = 2\nburst = 999", "levels.maker.burst", "999 is not between 1000 and"),
    ("[levels.payer]", "[gateway]\nhistory_bytes = 1\n[levels.payer]", "gateway.history_bytes", "1 is not between"),
    ("[levels.payer]", "[gateway]\nspeed = 1\n[levels.payer]", "gateway.speed", "is not known here"),
    ("[levels.payer]", "gateway = 1\n[levels.payer]", "venue.gateway", "is not known here"),
    ("[levels.payer]", "[levels]\nguest = 3\n[levels.payer]", "levels.guest", "must be a table"),
    ('iss = "sandbox"', 'iss = ""', "issuers[0].iss", "must be 1 to 255 bytes"),
    ('iss = "sandbox"', f'iss = "{"é" * 128}"', "issuers[0].iss", "must be 1 to 255 bytes"),
    ('iss = "sandbox"', 'iss = "a\\u0000b"', "issuers[0].iss", "must be 1 to 255 bytes"),
    ('levels = ["payer", "maker"]', 'levels = ["broker"]', "issuers[0].levels", "'broker' is not one of"),
    ('levels = ["payer", "maker"]', "levels = [1]", "issuers[0].levels", "must be a list of text"),
    ('levels = ["payer", "maker"]', 'levels = "payer"', "issuers[0].levels", "must be a list"),
    ('jurisdictions = ["HK"]', "", "issuers[0].jurisdictions", "is missing"),
    ('jurisdictions = ["HK"]', 'jurisdictions = ["HK"]\noperator = 1', "issuers[0].operator", "must be true or false"),
    ('jurisdictions = ["HK"]', 'jurisdictions = ["HK"]\nurl = "x"', "issuers[0].url", "is not known here"),
    (f'{{ k1 = "{KEY}" }}', "{}", "issuers[0].keys", "needs at least one key"),
    (f'"{KEY}"', "7", "issuers[0].keys.k1", "must be a base64url Ed25519 public key"),
    (f'"{KEY}"', '"not base64url!"', "issuers[0].keys.k1", "is not base64url"),
    (f'"{KEY}"', '"AAAA"', "issuers[0].keys.k1", "has 32 bytes, not 3"),
]

VENUE = parse_venue(GOOD)
HEAD, CURRENCIES, INSTRUMENTS, ISSUERS = (GOOD.index(f"\n[{mark}") for mark in ("venue", "[curr", "[inst", "[iss"))

LISTS = [
    (GOOD[HEAD:CURRENCIES] + GOOD[INSTRUMENTS:], "currencies", "is missing"),
    (GOOD[HEAD:INSTRUMENTS] + GOOD[ISSUERS:], "instruments", "is missing"),
    (GOOD[HEAD:ISSUERS], "issuers", "is missing"),
    ("currencies = []\n" + GOOD[HEAD:CURRENCIES] + GOOD[INSTRUMENTS:], "currencies", "at least two"),
    ("instruments = []\n" + GOOD[HEAD:INSTRUMENTS] + GOOD[ISSUERS:], "instruments", "at least one"),
    ("issuers = []\n" + GOOD[HEAD:ISSUERS], "issuers", "nobody can log on"),
    ("currencies = [1, 2]\n" + GOOD[HEAD:CURRENCIES] + GOOD[INSTRUMENTS:], "currencies[0]", "must be a table"),
    ("levels = {}\n" + GOOD[HEAD : GOOD.index("\n[levels")] + GOOD[CURRENCIES:], "levels", "at least one KYC level"),
]


@pytest.mark.parametrize(("written", "instead", "key", "problem"), [(new, old, *rest) for old, new, *rest in BROKEN])
def test_what_is_wrong_is_named_by_its_key(written: str, instead: str, key: str, problem: str) -> None:
    assert GOOD.count(instead) >= 1
    with pytest.raises(VenueError) as caught:
        parse_venue(written.join(GOOD.rsplit(instead, 1)))
    assert caught.value.key == key
    assert str(caught.value).startswith(f"{key}: ")
    assert problem in str(caught.value)


@pytest.mark.parametrize(("text", "key", "problem"), LISTS)
def test_a_list_that_is_missing_or_empty_is_named(text: str, key: str, problem: str) -> None:
    with pytest.raises(VenueError, match=problem) as caught:
        parse_venue(text)
    assert caught.value.key == key


def test_an_issuer_listed_twice_is_refused() -> None:
    with pytest.raises(VenueError, match="sandbox is listed twice"):
        parse_venue(GOOD + GOOD[ISSUERS:])


def test_more_currencies_than_a_permission_mask_holds_are_refused() -> None:
    rows = "".join(f'\n[[currencies]]\ncode = "C{n:03}"\nname = "c"\ndecimals = 2\n' for n in range(254))
    with pytest.raises(VenueError, match="at most 256"):
        parse_venue(GOOD[:INSTRUMENTS] + rows + GOOD[INSTRUMENTS:])


def test_no_key_bytes_appear_when_an_issuer_is_printed() -> None:
    assert "\\x01" not in repr(parse_venue(GOOD).issuers)


def test_a_good_file_is_taken_with_its_defaults() -> None:
    venue = parse_venue(GOOD)
    assert (venue.id, venue.max_fills, venue.max_orders, venue.settlement_cycle_ms) == ("test", 256, 4_000_000, 1_000)
    assert (venue.pending_trades_max, venue.settlement_stale_s) == (250_000, None)
    assert [currency.index for currency in venue.currencies] == [0, 1, 2]
    assert venue.instrument["USD/JPY"].quote is venue.currency["JPY"]
    assert venue.levels["payer"].window == 1_024
    assert venue.issuers["sandbox"].keys == {"k1": bytes(range(32))}
    assert not venue.issuers["sandbox"].operator


def test_the_core_gets_the_instruments_as_records() -> None:
    venue = parse_venue(GOOD)
    rows = venue.instrument_records
    assert rows.dtype == INSTRUMENT
    assert rows[["base", "quote", "maker_rate", "taker_rate", "lot_units", "tick_lot_units"]].tolist() == [
        (0, 1, -20, 100, 100_000, 1),
        (1, 2, 0, 100, 1_000_000, 50),
    ]


def test_a_file_is_read_from_its_path(tmp_path: Path) -> None:
    path = tmp_path / "venue.toml"
    path.write_text(GOOD, encoding="utf-8")
    assert load_venue(path) == parse_venue(GOOD)
    with pytest.raises(VenueError, match="run 'fxengine init' to make one"):
        load_venue(tmp_path / "absent.toml")


def test_a_price_off_the_tick_or_a_quantity_off_the_lot_is_refused() -> None:
    pair = parse_venue(GOOD).instrument["USD/JPY"]
    assert (pair.ticks("157.250"), pair.lots("250000")) == (31_450, 250_000)
    assert (pair.price_text(31_450), pair.quantity_text(7)) == ("157.250", "7.00")
    with pytest.raises(AmountError, match=r"price 157.251 is not a multiple of 0.005"):
        pair.ticks("157.251")
    with pytest.raises(AmountError, match=r"quantity 0.5 is not a multiple of 1.00"):
        pair.lots("0.5")
    with pytest.raises(AmountError, match="is text"):
        pair.ticks(157.25)


@given(st.integers(1, 2**31 - 1), st.integers(1, 10**9))
def test_a_notional_is_exactly_price_times_quantity(price_ticks: int, quantity_lots: int) -> None:
    pair = VENUE.instrument["USD/JPY"]
    price, quantity = Fraction(pair.price_text(price_ticks)), Fraction(pair.quantity_text(quantity_lots))
    assert pair.notional_units(price_ticks, quantity_lots) == price * quantity * 10**pair.quote.decimals
    assert pair.ticks(pair.price_text(price_ticks)) == price_ticks
    assert pair.lots(pair.quantity_text(quantity_lots)) == quantity_lots


@given(st.integers(1, 10**6), st.integers(0, 12), st.integers(1, 10**6), st.integers(0, 8), st.integers(0, 8))
def test_a_pair_is_taken_only_if_one_tick_of_one_lot_is_whole(
    tick: int, tick_places: int, lot: int, lot_places: int, quote_decimals: int
) -> None:
    tick_text, lot_text = format_scaled(tick, tick_places), format_scaled(lot, lot_places)
    exact = Fraction(tick_text) * Fraction(lot_text) * 10**quote_decimals
    assume(exact < 2**32)
    text = GOOD.replace('"dollar"\ndecimals = 6', f'"dollar"\ndecimals = {quote_decimals}')
    text = text.replace('"euro"\ndecimals = 6', '"euro"\ndecimals = 8')
    pair = f'symbol = "EUR/USD"\ntick = "{tick_text}"\nlot = "{lot_text}"\nmaker_fee = 0\ntaker_fee = 0\n'
    text = f"{text[:INSTRUMENTS]}\n[[instruments]]\n{pair}{text[ISSUERS:]}"
    if exact.denominator == 1:
        assert parse_venue(text).instruments[0].tick_lot_units == exact
    else:
        with pytest.raises(VenueError, match="is not a whole number"):
            parse_venue(text)


def replacing(old: str, new: str) -> Callable[[str], str]:
    return lambda text: text.replace(old, new)


@pytest.mark.parametrize(
    "change",
    [
        replacing('id = "test"', 'id = "other"'),
        replacing('id = "test"', 'id = "test"\nmax_fills = 255'),
        replacing('id = "test"', 'id = "test"\nmax_orders = 1000'),
        replacing('"euro"\ndecimals = 6', '"euro"\ndecimals = 7'),
        replacing('"0.005"', '"0.010"'),
        replacing('"1.00"', '"2.00"'),
        replacing("-20", "-19"),
        replacing("JPY", "KRW"),
    ],
)
def test_what_decides_a_journals_meaning_changes_the_fingerprint(change: Callable[[str], str]) -> None:
    assert parse_venue(change(GOOD)).fingerprint != parse_venue(GOOD).fingerprint


@pytest.mark.parametrize(
    "change",
    [
        replacing("A venue for tests", "Renamed"),
        replacing('id = "test"', 'id = "test"\nsettlement_cycle_ms = 50'),
        replacing('id = "test"', 'id = "test"\nsettlement_stale_s = 50'),
        replacing('"HK"', '"SG"'),
        replacing("k1", "k2"),
    ],
)
def test_what_may_change_between_runs_leaves_the_fingerprint(change: Callable[[str], str]) -> None:
    assert parse_venue(change(GOOD)).fingerprint == parse_venue(GOOD).fingerprint


CUSTODIAN = f'''
[[custodians]]
iss = "bank"
keys = {{ bank-1 = "{KEY}" }}
currencies = ["EUR", "JPY"]
'''


def test_custodians_and_the_age_of_their_word_are_read() -> None:
    venue = parse_venue(f"{GOOD}{CUSTODIAN}\n[reserves]\nmax_age_s = 60")
    assert venue.attestation_max_age_s == 60
    assert venue.custodians["bank"].currencies == {"EUR", "JPY"}
    assert venue.custodians["bank"].keys == {"bank-1": bytes(range(32))}
    assert venue.fingerprint == parse_venue(GOOD).fingerprint, "reserves do not change what a journal means"


def test_a_venue_may_have_no_custodian_and_then_a_day_is_the_age() -> None:
    venue = parse_venue(GOOD)
    assert (venue.custodians, venue.attestation_max_age_s) == ({}, 86_400)


@pytest.mark.parametrize(
    ("wrong", "key"),
    [
        (CUSTODIAN.replace("JPY", "XXX"), "custodians[0].currencies"),
        (CUSTODIAN.replace('"EUR", "JPY"', ""), "custodians[0].currencies"),
        (CUSTODIAN.replace(KEY, "AAAA"), "custodians[0].keys.bank-1"),
        (CUSTODIAN.replace(KEY, "!!!!"), "custodians[0].keys.bank-1"),
        (CUSTODIAN.replace('"bank"', '""'), "custodians[0].iss"),
        (CUSTODIAN * 2, "custodians[1].iss"),
        (CUSTODIAN + 'levels = ["payer"]', "custodians[0].levels"),
        ("[reserves]\nmax_age_s = 0", "reserves.max_age_s"),
        ("[reserves]\nmax_age = 60", "reserves.max_age"),
    ],
)
def test_what_is_wrong_with_custodians_is_named_by_its_key(wrong: str, key: str) -> None:
    with pytest.raises(VenueError) as error:
        parse_venue(f"{GOOD}\n{wrong}")
    assert error.value.key == key


EUR_ISSUER = f'''
[[issuers]]
iss = "eur-issuer"
keys = {{ eur-1 = "{KEY}" }}
levels = ["payer"]
jurisdictions = ["DE"]
issues = ["EUR"]
'''


def test_the_issuer_of_a_currency_is_read_and_changes_no_journals_meaning() -> None:
    venue = parse_venue(GOOD + EUR_ISSUER)
    assert venue.issuers["eur-issuer"].issues == {"EUR"}
    assert venue.issuers["sandbox"].issues == frozenset()
    assert venue.fingerprint == parse_venue(GOOD).fingerprint


@pytest.mark.parametrize(
    ("wrong", "key"),
    [
        (EUR_ISSUER.replace('"EUR"', '"XXX"'), "issuers[1].issues"),
        (EUR_ISSUER.replace('["EUR"]', '"EUR"'), "issuers[1].issues"),
        (EUR_ISSUER + "operator = true", "issuers[1].issues"),
        (EUR_ISSUER + EUR_ISSUER.replace("eur-issuer", "other-issuer"), "issuers[2].issues"),
    ],
)
def test_what_is_wrong_with_the_issuer_of_a_currency_is_named_by_its_key(wrong: str, key: str) -> None:
    with pytest.raises(VenueError) as error:
        parse_venue(f"{GOOD}\n{wrong}")
    assert error.value.key == key
