"""Requests become the records that say the same, field by field, and the core's admission takes them as they are."""

from hashlib import blake2b
from typing import Any

import numpy as np
import pytest

from fxengine._core import admit
from fxengine.codes import CommandKind, GuardAction, RevokeAction
from fxengine.gateway.commands import RECORD_OF, guard_record, settled_record
from fxengine.gateway.logons import token_hash
from fxengine.messages import (
    PAYMENTS,
    Amend,
    Bust,
    Cancel,
    Control,
    DeadMan,
    Deposit,
    EndWithdrawal,
    FeePayout,
    MassCancel,
    MassQuote,
    NewOrder,
    Request,
    Revoke,
    Swap,
    Withdraw,
)
from fxengine.messages.fields import QUOTE_SETS_MAX, QUOTE_VALUES_MAX
from fxengine.records import (
    AMEND,
    BUST,
    BUST_DETAIL,
    CANCEL,
    COMMAND,
    CONTROL,
    GUARD,
    MASS_CANCEL,
    MASS_QUOTE,
    MONEY,
    NEW_ORDER,
    ORDER_DETAIL,
    RECORD_BYTES,
    REVOKE,
    SETTLED,
    SWAP,
    WITHDRAWAL,
)
from fxengine.reference.quotes import QuoteSet, read_sets
from fxengine.wire import command_frame

ACCOUNT = 7
Kind = CommandKind
CASES: list[tuple[Request, CommandKind, np.dtype[np.void], dict[str, str]]] = [
    (NewOrder(2**64 - 1, 3, 1, 2, 6, 1, 4, -5, 2**62, 2**63 - 1, 9, 0, 0), Kind.NEW_ORDER, NEW_ORDER, {}),
    (Cancel(5, 2**33, 6), Kind.CANCEL, CANCEL, {}),
    (Amend(5, 2**33, 6, 7, 8, -1), Kind.AMEND, AMEND, {}),
    (MassCancel(5, 65_535, 2, 9), Kind.MASS_CANCEL, MASS_CANCEL, {}),
    (
        Swap(5, 1, 2, 2, 10**12, 10**13, 10**18, 9, 1, 10**13), Kind.SWAP, SWAP, {"currency_in": "instrument"},
    ),
    (Deposit(5, 9, 3, 10**12), Kind.DEPOSIT, MONEY, {"account": "beneficiary", "currency": "instrument"}),
    (Withdraw(5, 9, 3, 10**12), Kind.WITHDRAW, MONEY, {"account": "beneficiary", "currency": "instrument"}),
    (FeePayout(5, 9, 3, 10**12), Kind.FEE_PAYOUT, MONEY, {"account": "beneficiary", "currency": "instrument"}),
    (EndWithdrawal(5, 2, 2**40), Kind.WITHDRAWAL, WITHDRAWAL, {}),
    (Control(5, 2, 3, 7), Kind.CONTROL, CONTROL, {"currency": "instrument"}),
]  # fmt: skip


@pytest.mark.parametrize(("request_", "kind", "dtype", "names"), CASES, ids=lambda case: getattr(case, "name", ""))
def test_a_record_holds_each_field_under_its_name_and_the_sessions_account(
    request_: Request, kind: CommandKind, dtype: np.dtype[np.void], names: dict[str, str]
) -> None:
    [record] = np.frombuffer(RECORD_OF[type(request_)](ACCOUNT, request_), dtype)
    assert (record["kind"], record["n_records"], record["account"], record["time_ns"]) == (kind, 1, ACCOUNT, 0)
    for name, value in request_._asdict().items():
        if name == "external_reference":
            assert not value
            continue
        place = names.get(name, name)
        if place in (dtype.names or ()):
            assert record[place] == value, name
        else:
            assert value == 0, f"{name} has no place in the record"


@pytest.mark.parametrize(("stop", "least"), [(11, 0), (0, 12), (11, 12)])
def test_a_stop_price_or_a_minimum_takes_a_second_record(stop: int, least: int) -> None:
    records = RECORD_OF[NewOrder](ACCOUNT, NewOrder(5, 0, 1, 4, 1, 0, 0, 10, 20, 0, 0, stop, least))
    assert len(records) == 2 * RECORD_BYTES
    assert np.frombuffer(records[:RECORD_BYTES], COMMAND)["n_records"] == 2
    [detail] = np.frombuffer(records[RECORD_BYTES:], ORDER_DETAIL)
    assert (detail["stop_price_ticks"], detail["min_lots"]) == (stop, least)


FULL = tuple(range(1, QUOTE_VALUES_MAX + 1))


@pytest.mark.parametrize(
    "sets",
    [
        (),
        ((4, (), ()),),
        ((4, (9, 1, 8, 2), (10, 3)), (65_535, (), (-1, 2**62)), (0, (7, 7), ())),
        ((5, FULL, FULL),) * QUOTE_SETS_MAX,
    ],
    ids=["none", "one empty", "three", "as many as may be"],
)
def test_a_mass_quotes_sets_are_read_back_by_the_core_as_they_were_sent(sets: tuple[Any, ...]) -> None:
    records = RECORD_OF[MassQuote](ACCOUNT, MassQuote(5, sets))
    [head] = np.frombuffer(records[:RECORD_BYTES], MASS_QUOTE)
    assert (head["kind"], head["n_sets"], head["client_order_id"]) == (Kind.MASS_QUOTE, len(sets), 5)
    assert len(records) == int(head["n_records"]) * RECORD_BYTES
    assert head["n_records"] >= 2
    read: list[QuoteSet] = read_sets(records[RECORD_BYTES:], len(sets)) or []
    got = [(q.instrument, *(tuple(n for level in q.ladders[side] for n in level) for side in (1, 2))) for q in read]  # type: ignore[index]
    assert got == list(sets)


def test_what_is_built_from_messages_is_what_admission_takes_from_records() -> None:
    requests = [
        NewOrder(1, 0, 1, 2, 1, 0, 0, 5, 5, 0, 0, 0, 0), NewOrder(2, 0, 1, 4, 1, 0, 0, 5, 5, 0, 0, 6, 7),
        Cancel(3, 0, 1), Amend(4, 0, 1, 5, 5, -1), MassCancel(5, 65_535, 0, 0), MassQuote(6, ((0, (1, 1), ()),) * 9),
    ]  # fmt: skip
    records = b"".join(RECORD_OF[type(request)](ACCOUNT, request) for request in requests)
    admitted, n_commands, refused = admit(command_frame(records), ACCOUNT, 2**64 - 1, np.full(1, 2**62))
    assert (bytes(admitted), n_commands, refused) == (records, len(requests), [])


def test_a_dead_mans_timeout_is_in_nanoseconds_and_has_no_client_id() -> None:
    [guard] = np.frombuffer(RECORD_OF[DeadMan](ACCOUNT, DeadMan(1_500)), GUARD)
    assert (guard["kind"], guard["action"], guard["timeout_ns"]) == (Kind.GUARD, GuardAction.DEAD_MAN, 1_500_000_000)
    assert (guard["client_order_id"], guard["watching"], guard["account"]) == (0, 0, ACCOUNT)
    [watch] = np.frombuffer(guard_record(ACCOUNT, GuardAction.WATCH, watching=True), GUARD)
    assert (watch["action"], watch["watching"], watch["timeout_ns"]) == (GuardAction.WATCH, 1, 0)


def test_a_token_is_named_by_the_hash_that_its_credential_carries() -> None:
    [revoke] = np.frombuffer(RECORD_OF[Revoke](ACCOUNT, Revoke(5, RevokeAction.TOKEN, 0, "jti-1")), REVOKE)
    assert revoke["token_id"].tobytes() == token_hash("jti-1")
    [freeze] = np.frombuffer(RECORD_OF[Revoke](ACCOUNT, Revoke(5, RevokeAction.FREEZE, 9, "")), REVOKE)
    assert (freeze["target"], freeze["token_id"].tobytes()) == (9, bytes(16))


@pytest.mark.parametrize("reference", ["b", "x" * 64, "x" * 65, "ü" * 127])
def test_a_deposits_reference_stands_behind_it_and_its_hash_in_it(reference: str) -> None:
    records = RECORD_OF[Deposit](ACCOUNT, Deposit(5, 9, 3, 10**12, reference))
    [head] = np.frombuffer(records[:RECORD_BYTES], MONEY)
    assert len(records) == int(head["n_records"]) * RECORD_BYTES
    assert head["external_id"].tobytes() == blake2b(reference.encode(), digest_size=16).digest()
    assert records[RECORD_BYTES:].rstrip(b"\0").decode() == reference


def test_a_bust_says_the_trade_in_two_records() -> None:
    records = RECORD_OF[Bust](ACCOUNT, Bust(5, 3, 2**40, 9, 8, 2, 11, 12, -13, 14))
    [head] = np.frombuffer(records[:RECORD_BYTES], BUST)
    assert (head["kind"], head["n_records"], head["account"], head["client_order_id"]) == (Kind.BUST, 2, ACCOUNT, 5)
    names = ("instrument", "number", "maker", "taker", "maker_side", "price_ticks", "quantity_lots")
    assert tuple(head[name] for name in names) == (3, 2**40, 9, 8, 2, 11, 12)
    [fees] = np.frombuffer(records[RECORD_BYTES:], BUST_DETAIL)
    assert (fees["maker_fee_units"], fees["taker_fee_units"]) == (-13, 14)


def test_what_is_final_is_said_by_the_venue_itself() -> None:
    [settled] = np.frombuffer(settled_record(77), SETTLED)
    assert (settled["kind"], settled["account"], settled["client_order_id"]) == (Kind.SETTLED, 0, 0)
    assert (settled["final_sequence"], settled["n_records"]) == (77, 1)


def test_every_payment_is_a_command() -> None:
    assert set(PAYMENTS) <= set(RECORD_OF)
