"""Every refusal that docs/protocol.md names for a request is provoked over a socket, by its own cause."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import jwt
import pytest

from fxengine.codes import RejectReason as R
from fxengine.messages import (
    TYPE_OF,
    AccountRequest,
    BalancesRequest,
    BookRequest,
    Cancel,
    Deposit,
    Heartbeat,
    Logout,
    MessageType,
    NewOrder,
    Reject,
    Request,
    Swap,
    SwapQuoteRequest,
    VenueRequest,
    Withdraw,
)
from tests.asking import limit_order, logon
from tests.integration import refusal_scenes, treasury_scene
from tests.integration.venue_thread import CURRENCIES, START_NS, Connection, RunningVenue, running_venue
from tests.unit.wire.protocol_tables import REASONS

EUR, USD, JPY, HKD = range(4)
MAX = 2**63 - 1
Seen = set[tuple[MessageType, R]]


@dataclass
class Desk:
    """A venue, its operator, and client connections that are logged on."""

    venue: RunningVenue
    operator: Connection
    seen: Seen = field(default_factory=set)
    operator_id: int = 0

    def log_on(
        self, subject: str, *, lifetime_s: int = 3600, currencies: tuple[str, ...] = CURRENCIES
    ) -> tuple[Connection, int]:
        connection = self.venue.connection()
        ack = connection.log_on(self.venue.token(subject, lifetime_s=lifetime_s, currencies=currencies))
        return connection, ack.account

    def fund(self, account: int, units: int = 10**12) -> None:
        for currency in (EUR, USD, JPY, HKD):
            self.operator_id += 1
            self.operator.say(Deposit(self.operator_id, account, currency, units))
            self.operator.hear()

    def refused(self, connection: Connection, request: Request, reason: R) -> None:
        """Send a request and see it refused for this reason, and for no other."""
        connection.say(request)
        refusal = connection.refusal()
        assert refusal.reason == reason, (request, R(refusal.reason), reason)
        if isinstance(refusal, Reject):
            assert refusal.ref_type == TYPE_OF[type(request)]
            assert refusal.text == reason.text
        self.seen.add((TYPE_OF[type(request)], reason))


QUOTE = SwapQuoteRequest(1, USD, EUR, 1, 10**8, 1, 0, 0, 0)


def order(number: int, **changes: int) -> NewOrder:
    return limit_order(number, **({"quantity_lots": 1} | changes))


def swap(number: int, **changes: int) -> Swap:
    fields = {
        "currency_in": USD,
        "currency_out": EUR,
        "mode": 1,
        "amount_units": 10**8,
        "bound_units": 1,
        "deadline_ns": 0,
        "payee": 0,
    }
    return Swap(number, **(fields | changes))


def play(scene: str, folder: Path) -> Seen:
    """Play one scene at a venue of its own and return what it provoked."""
    listed = treasury_scene.listed_treasury(folder) if scene == "treasury" else ""
    with running_venue(folder, listed=listed) as venue:
        operator = venue.connection()
        operator.log_on(venue.token("operator-1", key=venue.operator, lifetime_s=10**6))
        desk = Desk(venue, operator)
        SCENES[scene](desk)
    return desk.seen


def before_logon(desk: Desk) -> None:
    requests = [order(1), Cancel(1, 0, 1), swap(1), BalancesRequest(1), VenueRequest(1), BookRequest(1, 0, 1)]
    requests.append(QUOTE)
    requests += [AccountRequest(1, "i", "s"), Deposit(1, 2, 0, 1), Withdraw(1, 2, 0, 1)]
    for request in requests:
        desk.refused(desk.venue.connection(), request, R.NOT_LOGGED_ON)
    closed = desk.venue.connection()
    for _ in range(3):
        desk.refused(closed, logon("x"), R.TOKEN_MALFORMED)
    for request in (logon("x"), Logout(), Heartbeat(1)):
        desk.refused(closed, request, R.NOT_LOGGED_ON)


def logons(desk: Desk) -> None:
    venue = desk.venue
    now_s = venue.clock() // 10**9

    def token(**changes: object) -> str:
        claims = {
            "iss": venue.kyc.issuer, "sub": "s", "aud": "fx-test", "jti": "j",
            "iat": now_s, "nbf": now_s, "exp": now_s + 9,
            "level": "retail", "jurisdiction": "HK", "currencies": [],
        }  # fmt: skip
        return jwt.PyJWS().encode(
            json.dumps(claims | changes).encode(), venue.kyc._private, algorithm="EdDSA", headers={"kid": venue.kyc.kid}
        )

    header = "eyJhbGciOiJub25lIn0"
    good = token()
    flipped = good[:-5] + ("A" if good[-5] != "A" else "B") + good[-4:]
    for text, reason in (
        (f"{header}.e30.", R.TOKEN_ALGORITHM),
        (flipped, R.TOKEN_SIGNATURE),
        (token(exp=now_s, iat=now_s - 5), R.TOKEN_EXPIRED),
        (token(nbf=now_s + 5), R.TOKEN_NOT_YET_VALID),
        (token(sub=""), R.TOKEN_CLAIM),
        (token(iss="https://other.example"), R.UNKNOWN_ISSUER),
        (token(aud="other"), R.WRONG_AUDIENCE),
        (token(level="platinum"), R.LEVEL_NOT_ALLOWED),
        (token(jurisdiction="US"), R.JURISDICTION_NOT_ALLOWED),
    ):
        desk.refused(venue.connection(), logon(text), reason)
    old = venue.token("renewer")
    venue.clock.advance(1)
    renewer, _ = desk.log_on("renewer")
    desk.refused(renewer, logon(old), R.CREDENTIAL_SUPERSEDED)
    desk.refused(renewer, logon(venue.token("other")), R.ALREADY_LOGGED_ON)


def expired(desk: Desk) -> None:
    client, _ = desk.log_on("short-lived", lifetime_s=5)
    operator = desk.venue.connection()
    operator.log_on(desk.venue.token("operator-2", key=desk.venue.operator, lifetime_s=5))
    desk.venue.clock.advance(6)
    for connection in (client, operator):
        [notice] = connection.hear()
        assert isinstance(notice, Reject)
        assert (notice.reason, notice.ref_type) == (R.CREDENTIAL_EXPIRED, 0), "it is told unasked, once"
    for request in (order(1), swap(2), BalancesRequest(1), VenueRequest(1), BookRequest(1, 0, 1), QUOTE):
        desk.refused(client, request, R.CREDENTIAL_EXPIRED)
    desk.refused(operator, AccountRequest(1, "i", "s"), R.CREDENTIAL_EXPIRED)
    desk.refused(operator, Deposit(1, 2, 0, 1), R.NOT_AUTHORIZED)
    desk.refused(operator, Withdraw(2, 2, 0, 1), R.CREDENTIAL_EXPIRED)
    desk.refused(client, Withdraw(3, 0, EUR, 1), R.CREDENTIAL_EXPIRED)


def client_ids(desk: Desk) -> None:
    client, account = desk.log_on("numbers")
    desk.fund(account)
    window = 1024
    desk.refused(client, order(0), R.CLIENT_ID_MISSING)
    desk.refused(client, swap(0), R.CLIENT_ID_MISSING)
    client.say(order(5))
    client.hear()
    for request in (order(5, price_ticks=1), swap(5), Cancel(5, 0, 5)):
        desk.refused(client, request, R.CLIENT_ID_REUSED)
    for request in (order(6 + window), swap(6 + window), Cancel(6 + window, 0, 5)):
        desk.refused(client, request, R.CLIENT_ID_TOO_HIGH)
    client.say(order(5 + window, price_ticks=2))
    client.hear()
    for request in (order(5), swap(5), Cancel(5, 0, 5)):
        desk.refused(client, request, R.CLIENT_ID_TOO_OLD)
    operator = desk.venue.connection()
    operator.log_on(desk.venue.token("operator-3", key=desk.venue.operator))
    for kind in (Deposit, Withdraw):
        desk.refused(operator, kind(0, account, 0, 1), R.CLIENT_ID_MISSING)
    operator.say(Deposit(5, account, EUR, 1))
    operator.hear()
    for kind in (Deposit, Withdraw):
        desk.refused(operator, kind(5, account, 0, 2), R.CLIENT_ID_REUSED)
        desk.refused(operator, kind(6 + window, account, 0, 1), R.CLIENT_ID_TOO_HIGH)
    operator.say(Deposit(5 + window, account, EUR, 1))
    operator.hear()
    for kind in (Deposit, Withdraw):
        desk.refused(operator, kind(5, account, 0, 1), R.CLIENT_ID_TOO_OLD)


def orders(desk: Desk) -> None:
    maker, maker_account = desk.log_on("maker-1")
    desk.fund(maker_account)
    for number in range(1, 11):
        maker.say(order(number, side=2, price_ticks=11_000))
        maker.hear()
    narrow, _ = desk.log_on("narrow", currencies=("EUR",))
    desk.refused(narrow, order(1), R.CURRENCY_NOT_PERMITTED)
    client, account = desk.log_on("payer-1")
    desk.refused(client, order(1), R.INSUFFICIENT_FUNDS)
    desk.fund(account)
    for number, (changes, reason) in enumerate(
        [
            ({"instrument": 3}, R.UNKNOWN_INSTRUMENT),
            ({"side": 0}, R.BAD_SIDE),
            ({"side": 255}, R.BAD_SIDE),
            ({"ord_type": 9}, R.UNSUPPORTED_ORD_TYPE),
            ({"ord_type": 3}, R.BAD_STOP_PRICE),
            ({"time_in_force": 6}, R.EXPIRE_TIME_PASSED),
            ({"time_in_force": 2}, R.UNSUPPORTED_TIME_IN_FORCE),
            ({"exec_inst": 2}, R.BAD_EXEC_INST),
            ({"exec_inst": 1, "time_in_force": 3}, R.BAD_EXEC_INST),
            ({"price_ticks": 0}, R.PRICE_OUT_OF_RANGE),
            ({"price_ticks": -1}, R.PRICE_OUT_OF_RANGE),
            ({"price_ticks": 2**31}, R.PRICE_OUT_OF_RANGE),
            ({"quantity_lots": 0}, R.QUANTITY_OUT_OF_RANGE),
            ({"quantity_lots": MAX}, R.QUANTITY_OUT_OF_RANGE),
            ({"quantity_lots": 2**62, "price_ticks": 2**31 - 1}, R.NOTIONAL_TOO_LARGE),
            ({"price_ticks": 11_000, "exec_inst": 1}, R.WOULD_CROSS),
            ({"price_ticks": 11_000, "quantity_lots": 11, "time_in_force": 4}, R.TOO_MANY_FILLS),
            ({"price_ticks": 10_999, "quantity_lots": 2, "time_in_force": 4}, R.FOK_NOT_FILLABLE),
        ],
        start=2,
    ):
        desk.refused(client, order(number, **changes), reason)
    desk.refused(client, Cancel(30, 0, 29), R.UNKNOWN_ORDER)
    desk.refused(client, Cancel(31, 77, 0), R.UNKNOWN_ORDER)
    desk.refused(client, Cancel(32, 0, 2), R.ORDER_CLOSED)
    for number in range(40, 40 + 54):
        client.say(order(number))
        client.hear()
    desk.refused(client, order(99), R.CAPACITY)
    desk.refused(client, BookRequest(1, 3, 1), R.UNKNOWN_INSTRUMENT)


def swaps(desk: Desk) -> None:
    maker, maker_account = desk.log_on("maker-1")
    desk.fund(maker_account)
    maker.say(order(1, side=2, price_ticks=11_000, quantity_lots=100))
    maker.hear()
    client, account = desk.log_on("payer-1")
    desk.refused(client, swap(1), R.INSUFFICIENT_FUNDS)
    desk.fund(account)
    _, euros_only = desk.log_on("euros", currencies=("EUR",))
    _, yen_only = desk.log_on("yen", currencies=("JPY",))
    pathless, pathless_account = desk.log_on("pathless", currencies=("EUR", "JPY"))
    for number, (changes, reason) in enumerate(
        [
            ({"currency_in": 4}, R.UNKNOWN_CURRENCY),
            ({"currency_out": 65_535}, R.UNKNOWN_CURRENCY),
            ({"currency_in": EUR}, R.SAME_CURRENCY),
            ({"mode": 0}, R.BAD_SWAP_MODE),
            ({"flags": 2}, R.BAD_SWAP_FLAGS),
            ({"worst_units": -1}, R.AMOUNT_OUT_OF_RANGE),
            ({"worst_units": 10**9}, R.WORST_PRICE_EXCEEDED),
            ({"amount_units": 0}, R.AMOUNT_OUT_OF_RANGE),
            ({"bound_units": 0}, R.AMOUNT_OUT_OF_RANGE),
            ({"bound_units": -1}, R.AMOUNT_OUT_OF_RANGE),
            ({"deadline_ns": START_NS}, R.DEADLINE_PASSED),
            ({"deadline_ns": -1}, R.DEADLINE_PASSED),
            ({"payee": 99}, R.UNKNOWN_ACCOUNT),
            ({"payee": 1}, R.UNKNOWN_ACCOUNT),
            ({"payee": yen_only}, R.PAYEE_NOT_PERMITTED),
            ({"amount_units": 10**11, "bound_units": 1}, R.INSUFFICIENT_LIQUIDITY),
            ({"bound_units": 10**9}, R.BOUND_EXCEEDED),
            ({"payee": euros_only, "bound_units": MAX}, R.BOUND_EXCEEDED),
        ],
        start=2,
    ):
        desk.refused(client, swap(number, **changes), reason)
    for number in range(2, 12):
        maker.say(order(number, side=2, price_ticks=10_900))
        maker.hear()
    desk.refused(client, swap(30), R.TOO_MANY_FILLS)
    stranger, _ = desk.log_on("stranger", currencies=("USD",))
    desk.refused(stranger, swap(1), R.CURRENCY_NOT_PERMITTED)
    desk.operator_id += 1
    desk.operator.say(Deposit(desk.operator_id, pathless_account, JPY, 10**12))
    desk.operator.hear()
    desk.refused(pathless, swap(1, currency_in=JPY), R.NO_PATH)


def money(desk: Desk) -> None:
    client, account = desk.log_on("payer-1")
    _, other = desk.log_on("payer-2")
    for request in (Deposit(1, account, 0, 1), Withdraw(1, other, 0, 1), AccountRequest(1, "i", "s")):
        desk.refused(client, request, R.NOT_AUTHORIZED)
    desk.refused(desk.operator, AccountRequest(1, "nobody", "nobody"), R.UNKNOWN_ACCOUNT)
    _, yen_only = desk.log_on("yen", currencies=("JPY",))

    def next_id() -> int:
        desk.operator_id += 1
        return desk.operator_id

    for kind in (Deposit, Withdraw):
        for beneficiary in (1, 99):
            desk.refused(desk.operator, kind(next_id(), beneficiary, EUR, 1), R.UNKNOWN_ACCOUNT)
        desk.refused(desk.operator, kind(next_id(), account, 4, 1), R.UNKNOWN_CURRENCY)
        for amount in (0, -1, -MAX):
            desk.refused(desk.operator, kind(next_id(), account, EUR, amount), R.AMOUNT_OUT_OF_RANGE)
    desk.refused(desk.operator, Deposit(next_id(), yen_only, EUR, 1), R.CURRENCY_NOT_PERMITTED)
    desk.refused(desk.operator, Withdraw(next_id(), account, EUR, 1), R.INSUFFICIENT_FUNDS)
    desk.operator.say(Deposit(next_id(), account, EUR, MAX, "bank-1/1"))
    desk.operator.hear()
    desk.refused(desk.operator, Deposit(next_id(), account, EUR, 1), R.CURRENCY_TOTAL_EXCEEDED)
    desk.refused(desk.operator, Deposit(next_id(), other, USD, 1, "bank-1/1"), R.DEPOSIT_KNOWN)


SCENES: dict[str, Callable[[Desk], None]] = {
    scene.__name__: scene
    for scene in (
        before_logon,
        logons,
        expired,
        client_ids,
        orders,
        swaps,
        money,
        treasury_scene.treasury,
        *refusal_scenes.SCENES,
    )
}


DOCUMENTED = {(number, reason) for number, reasons in REASONS.items() for reason in reasons}


@pytest.mark.parametrize("scene", SCENES)
def test_each_cause_is_refused_with_its_own_code_and_the_code_is_documented(short_folder: Path, scene: str) -> None:
    seen = play(scene, short_folder)
    assert seen
    assert seen <= DOCUMENTED, seen - DOCUMENTED


def test_every_documented_refusal_is_provoked_by_one_of_the_scenes(short_folder: Path) -> None:
    seen = {case for scene in SCENES for case in play(scene, short_folder / scene)}
    assert seen == DOCUMENTED, DOCUMENTED - seen
