"""Read a venue from its TOML file, and check all of it.

What is wrong is named by its key (``instruments[2].tick``), because the exactness of every later
number rests on this file: one tick times one lot must be a whole number of the quote currency's
units, so that a fill never rounds, and no rebate may exceed the taker fee that pays it.
"""

import tomllib
from collections.abc import Container
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

from fxengine.errors import AmountError, VenueError
from fxengine.money import INT64_MAX, RATE_ONE, parse_scaled
from fxengine.records import CURRENCIES_MAX, PATH_BOOKS_MAX, PATHS_MAX, PRICE_TICKS_MAX
from fxengine.signed import public_key_bytes
from fxengine.venue import BURST_MIN, Currency, Custodian, Instrument, Issuer, Level, Venue

DECIMALS_MAX = 8
PRICE_DECIMALS_MAX = 12
RATE_MAX = 1_000_000_000


def load_venue(path: Path) -> Venue:
    """Read and check a venue file; :class:`VenueError` names what is wrong."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as e:
        raise VenueError(str(path), f"cannot be read ({e.strerror}); run 'fxengine init' to make one") from e
    return parse_venue(text)


def parse_venue(text: str) -> Venue:
    """Check a venue description in TOML; :class:`VenueError` names the offending key."""
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as e:
        raise VenueError("venue file", f"is not TOML: {e}") from e
    return _Reader(tree).venue()


_TABLES = {"venue", "gateway", "levels", "issuers", "currencies", "instruments", "routes", "custodians", "reserves"}


_SETTLEMENT_KEYS = {"settlement_cycle_ms", "pending_trades_max", "settlement_stale_s"}
_VENUE_KEYS = {"id", "name", "max_fills", "max_orders", "swap_fee"} | _SETTLEMENT_KEYS


class _Reader:
    """Walks the TOML tree once; every look-up knows the key it is at."""

    def __init__(self, tree: dict[str, Any]) -> None:
        self.tree = tree

    def venue(self) -> Venue:
        top = self.tree
        _no_unknown("", top, _TABLES)
        v = _get(top, "", "venue", dict)
        _no_unknown("venue", v, _VENUE_KEYS)
        gateway = _get(top, "", "gateway", dict, {})
        _no_unknown("gateway", gateway, {"history_bytes"})
        reserves = _get(top, "", "reserves", dict, {})
        _no_unknown("reserves", reserves, {"max_age_s"})
        currencies = self._currencies()
        by_code = {c.code: c for c in currencies}
        instruments = self._instruments(by_code)
        levels = self._levels()
        return Venue(
            id=_get(v, "venue", "id", str),
            name=_get(v, "venue", "name", str),
            max_fills=_int(v, "venue", "max_fills", 1, 65_536, 256),
            max_orders=_int(v, "venue", "max_orders", 1, 2**31 - 1, 4_000_000),
            settlement_cycle_ms=_int(v, "venue", "settlement_cycle_ms", 10, 3_600_000, 1_000),
            pending_trades_max=_int(v, "venue", "pending_trades_max", 1_000, 10**9, 250_000),
            history_bytes=_int(gateway, "gateway", "history_bytes", 1 << 20, 1 << 40, 256 << 20),
            currencies=currencies,
            instruments=instruments,
            levels=levels,
            issuers=self._issuers(levels, by_code),
            custodians=self._custodians(by_code),
            attestation_max_age_s=_int(reserves, "reserves", "max_age_s", 1, 366 * 86_400, 86_400),
            routes=self._routes(by_code, instruments),
            swap_rate=_swap_rate(v, instruments),
            settlement_stale_s=(
                _int(v, "venue", "settlement_stale_s", 1, 30 * 86_400, None) if "settlement_stale_s" in v else None
            ),
        )

    def _currencies(self) -> tuple[Currency, ...]:
        found: dict[str, Currency] = {}
        for n, row in enumerate(_rows(self.tree, "currencies")):
            at = f"currencies[{n}]"
            _no_unknown(at, row, {"code", "name", "decimals"})
            code = _get(row, at, "code", str)
            if not (code.isascii() and code.isalnum() and code.isupper() and 3 <= len(code) <= 8):
                raise VenueError(f"{at}.code", f"{code!r} is not 3 to 8 capital letters or digits")
            if code in found:
                raise VenueError(f"{at}.code", f"{code} is listed twice")
            found[code] = Currency(
                n, code, _get(row, at, "name", str), _int(row, at, "decimals", 0, DECIMALS_MAX, None)
            )
        if len(found) < 2:
            raise VenueError("currencies", "a venue needs at least two")
        if len(found) > CURRENCIES_MAX:
            raise VenueError("currencies", f"a venue lists at most {CURRENCIES_MAX}")
        return tuple(found.values())

    def _instruments(self, currency: dict[str, Currency]) -> tuple[Instrument, ...]:
        found: dict[frozenset[str], Instrument] = {}
        for n, row in enumerate(_rows(self.tree, "instruments")):
            at = f"instruments[{n}]"
            _no_unknown(at, row, {"symbol", "tick", "lot", "maker_fee", "taker_fee"})
            instrument = self._instrument(n, at, row, currency)
            pair = frozenset((instrument.base.code, instrument.quote.code))
            if pair in found:
                raise VenueError(f"{at}.symbol", f"the pair of {instrument.symbol} is listed twice")
            found[pair] = instrument
        if not found:
            raise VenueError("instruments", "a venue needs at least one")
        if len(found) > 65_535:
            raise VenueError("instruments", "a venue lists at most 65535")
        return tuple(found.values())

    @staticmethod
    def _instrument(n: int, at: str, row: dict[str, Any], currency: dict[str, Currency]) -> Instrument:
        symbol = _get(row, at, "symbol", str)
        base, slash, quote = symbol.partition("/")
        if not slash or base not in currency or quote not in currency or base == quote:
            raise VenueError(f"{at}.symbol", f"{symbol!r} is not BASE/QUOTE of two listed currencies")
        b, q = currency[base], currency[quote]
        tick, lot = _get(row, at, "tick", str), _get(row, at, "lot", str)
        tick_scaled = _positive(f"{at}.tick", tick, PRICE_DECIMALS_MAX)
        lot_units = _positive(f"{at}.lot", lot, b.decimals)
        lot_scaled = _positive(f"{at}.lot", lot, DECIMALS_MAX)
        tick_lot, rest = divmod(tick_scaled * lot_scaled * 10**q.decimals, 10 ** (PRICE_DECIMALS_MAX + DECIMALS_MAX))
        if rest or not tick_lot:
            raise VenueError(
                at, f"{symbol}: tick {tick} x lot {lot} is not a whole number of {quote}'s units (10^-{q.decimals})"
            )
        if tick_lot > INT64_MAX // PRICE_TICKS_MAX:
            raise VenueError(at, f"{symbol}: tick {tick} x lot {lot} is too large; one lot could not be priced")
        maker = _rate(row, at, "maker_fee")
        taker = _rate(row, at, "taker_fee")
        if taker < 0:
            raise VenueError(f"{at}.taker_fee", "only makers may be paid a rebate")
        if -maker > taker:
            raise VenueError(f"{at}.maker_fee", f"{symbol}: the rebate exceeds the taker fee that pays it")
        return Instrument(n, symbol, b, q, tick, lot, maker, taker, lot_units, tick_lot)

    def _routes(
        self, currency: dict[str, Currency], instruments: tuple[Instrument, ...]
    ) -> tuple[tuple[Currency, ...], ...]:
        joined = {frozenset((i.base.code, i.quote.code)) for i in instruments}
        found: dict[tuple[str, ...], tuple[Currency, ...]] = {}
        for n, row in enumerate(_rows(self.tree, "routes", [])):
            at = f"routes[{n}]"
            _no_unknown(at, row, {"path"})
            path = tuple(_strings(row, at, "path"))
            if not 2 <= len(path) <= PATH_BOOKS_MAX + 1 or len(set(path)) < len(path):
                raise VenueError(f"{at}.path", f"must be 2 to {PATH_BOOKS_MAX + 1} currencies, no one twice")
            for code in path:
                if code not in currency:
                    raise VenueError(f"{at}.path", f"{code!r} is not one of this file's currencies")
            for one, other in pairwise(path):
                if frozenset((one, other)) not in joined:
                    raise VenueError(f"{at}.path", f"no instrument of this file joins {one} and {other}")
            if path in found:
                raise VenueError(f"{at}.path", f"{' -> '.join(path)} is listed twice")
            if sum((path[0], path[-1]) == (other[0], other[-1]) for other in found) == PATHS_MAX:
                raise VenueError(f"{at}.path", f"more than {PATHS_MAX} paths lead from {path[0]} to {path[-1]}")
            found[path] = tuple(currency[code] for code in path)
        return tuple(found.values())

    def _levels(self) -> dict[str, Level]:
        found: dict[str, Level] = {}
        for name, row in _get(self.tree, "", "levels", dict).items():
            at = f"levels.{name}"
            if not isinstance(row, dict):
                raise VenueError(at, "must be a table")
            _no_unknown(at, row, {"code", "client_id_window", "commands_per_s", "burst"})
            level = Level(
                name,
                code=_int(row, at, "code", 1, 255, None),
                window=_int(row, at, "client_id_window", 16, 1 << 20, 1_024),
                commands_per_s=_int(row, at, "commands_per_s", 1, RATE_MAX, 100_000),
                burst=_int(row, at, "burst", BURST_MIN, RATE_MAX, 200_000),
            )
            if level.window & (level.window - 1):
                raise VenueError(f"{at}.client_id_window", f"{level.window} is not a power of two")
            if level.code in {other.code for other in found.values()}:
                raise VenueError(f"{at}.code", f"{level.code} is used twice")
            found[name] = level
        if not found:
            raise VenueError("levels", "a venue needs at least one KYC level")
        return found

    def _issuers(self, levels: dict[str, Level], currency: dict[str, Currency]) -> dict[str, Issuer]:
        found: dict[str, Issuer] = {}
        issued: set[str] = set()
        for n, row in enumerate(_rows(self.tree, "issuers")):
            at = f"issuers[{n}]"
            _no_unknown(at, row, {"iss", "keys", "levels", "jurisdictions", "operator", "issues"})
            name = _signer(row, at, found)
            allowed = _strings(row, at, "levels")
            for level in allowed:
                if level not in levels:
                    raise VenueError(f"{at}.levels", f"{level!r} is not one of this file's levels")
            operator, issues = _get(row, at, "operator", bool, False), _codes(row, at, "issues", currency, [])
            if operator and issues:
                raise VenueError(f"{at}.issues", "operators issue nothing; list the issuer of a currency by itself")
            if twice := issued.intersection(issues):
                raise VenueError(f"{at}.issues", f"{min(twice)} has an issuer already")
            issued.update(issues)
            found[name] = Issuer(
                name=name,
                keys=_keys(row, at),
                levels=frozenset(allowed),
                jurisdictions=frozenset(_strings(row, at, "jurisdictions")),
                operator=operator,
                issues=frozenset(issues),
            )
        if not found:
            raise VenueError("issuers", "a venue needs at least one KYC issuer, or nobody can log on")
        return found

    def _custodians(self, currency: dict[str, Currency]) -> dict[str, Custodian]:
        found: dict[str, Custodian] = {}
        for n, row in enumerate(_rows(self.tree, "custodians", [])):
            at = f"custodians[{n}]"
            _no_unknown(at, row, {"iss", "keys", "currencies"})
            name = _signer(row, at, found)
            codes = _codes(row, at, "currencies", currency, None)
            if not codes:
                raise VenueError(f"{at}.currencies", "a custodian attests the reserves of at least one currency")
            found[name] = Custodian(name, _keys(row, at), frozenset(codes))
        return found


def _signer(row: dict[str, Any], at: str, known: Container[str]) -> str:
    """Return the name that a signer's tokens bear, different from all before it."""
    name = _get(row, at, "iss", str)
    if not name or len(name.encode()) > 255 or "\0" in name:
        raise VenueError(f"{at}.iss", "must be 1 to 255 bytes of text")
    if name in known:
        raise VenueError(f"{at}.iss", f"{name} is listed twice")
    return name


_T = TypeVar("_T")
_NAMES = {str: "text in quotes", int: "a whole number", bool: "true or false", dict: "a table", list: "a list"}


def _get(row: dict[str, Any], at: str, key: str, kind: type[_T], default: _T | None = None) -> _T:
    """Return a key's value in its type; without a default the key must be there."""
    where = f"{at}.{key}" if at else key
    if key not in row:
        if default is None:
            raise VenueError(where, "is missing")
        return default
    value = row[key]
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise VenueError(where, f"must be {_NAMES[kind]}, not {value!r}")
    return value


def _int(row: dict[str, Any], at: str, key: str, low: int, high: int, default: int | None) -> int:
    value = _get(row, at, key, int, default)
    if not low <= value <= high:
        raise VenueError(f"{at}.{key}", f"{value} is not between {low} and {high}")
    return value


def _rows(tree: dict[str, Any], key: str, default: list[Any] | None = None) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = _get(tree, "", key, list, default)
    for n, row in enumerate(rows):
        if not isinstance(row, dict):
            raise VenueError(f"{key}[{n}]", "must be a table")
    return rows


def _strings(row: dict[str, Any], at: str, key: str) -> list[str]:
    values: list[str] = _get(row, at, key, list)
    if not all(isinstance(v, str) for v in values):
        raise VenueError(f"{at}.{key}", "must be a list of text")
    return values


def _codes(row: dict[str, Any], at: str, key: str, listed: dict[str, Currency], default: list[str] | None) -> list[str]:
    """Return codes of listed currencies; without a default the key must be there."""
    codes = _strings(row, at, key) if key in row or default is None else default
    for code in codes:
        if code not in listed:
            raise VenueError(f"{at}.{key}", f"{code!r} is not one of this file's currencies")
    return codes


def _no_unknown(at: str, row: dict[str, Any], known: set[str]) -> None:
    for key in row:
        if key not in known:
            where = f"{at}.{key}" if at else key
            raise VenueError(where, f"is not known here; known are {', '.join(sorted(known))}")


def _rate(row: dict[str, Any], at: str, key: str) -> int:
    return _int(row, at, key, -RATE_ONE // 10, RATE_ONE // 10, None)


def _swap_rate(row: dict[str, Any], instruments: tuple[Instrument, ...]) -> int | None:
    """Return the fee of a swap's last leg; its other legs have no taker fee, so none could pay a rebate."""
    if "swap_fee" not in row:
        return None
    for instrument in instruments:
        if instrument.maker_rate < 0:
            raise VenueError(
                "venue.swap_fee",
                f"{instrument.symbol} pays makers a rebate out of the taker fee, which legs of a swap before the last"
                " would not have: leave out swap_fee, or set every maker_fee to 0 or more",
            )
    return _int(row, "venue", "swap_fee", 0, RATE_ONE // 10, None)


def _positive(where: str, text: str, decimals: int) -> int:
    try:
        value = parse_scaled(text, decimals)
    except AmountError as e:
        raise VenueError(where, str(e)) from e
    if value <= 0:
        raise VenueError(where, "must be positive")
    return value


def _keys(row: dict[str, Any], at: str) -> dict[str, bytes]:
    keys: dict[str, bytes] = {}
    for kid, text in _get(row, at, "keys", dict).items():
        where = f"{at}.keys.{kid}"
        if not isinstance(text, str):
            raise VenueError(where, "must be a base64url Ed25519 public key")
        try:
            keys[kid] = public_key_bytes(text)
        except ValueError as e:
            raise VenueError(where, str(e)) from None
    if not keys:
        raise VenueError(f"{at}.keys", "a signer needs at least one key")
    return keys
