"""The vocabulary is stable: distinct values, FIX's numbers, and advice for every reject reason."""

import re
from enum import Enum, IntEnum

import pytest

from fxengine import codes
from fxengine.codes import ExecInst, OrdStatus, OrdType, RejectReason, Side, TimeInForce

ENUMS = [kind for kind in vars(codes).values() if isinstance(kind, type) and issubclass(kind, Enum)]
ENUMS = [kind for kind in ENUMS if kind.__module__ == codes.__name__]
REASONS = [reason for reason in RejectReason if reason is not RejectReason.NONE]


def test_no_two_names_share_a_value() -> None:
    shared = [
        f"{kind.__name__}.{name}" for kind in ENUMS for name, value in kind.__members__.items() if value.name != name
    ]
    assert shared == []


def test_every_value_fits_the_records_field_that_carries_it() -> None:
    for kind in ENUMS:
        limit = 65_535 if kind is RejectReason else 255
        assert all(0 <= member.value <= limit for member in kind), kind


def test_the_numbers_are_those_of_fix() -> None:
    assert (Side.BUY, Side.SELL) == (1, 2)
    assert OrdType.LIMIT == 2
    assert (TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK) == (1, 3, 4)
    assert (OrdStatus.NEW, OrdStatus.PARTIALLY_FILLED, OrdStatus.FILLED) == (0, 1, 2)
    assert (OrdStatus.CANCELED, OrdStatus.REJECTED) == (4, 8)
    assert ExecInst.POST_ONLY == 1


def test_reject_reasons_ascend_in_their_documented_bands() -> None:
    values = [reason.value for reason in RejectReason]
    assert values == sorted(values)
    bands = re.findall(r"(\d)xx", RejectReason.__doc__ or "")
    assert sorted({str(value // 100) for value in values if value}) == bands


@pytest.mark.parametrize("reason", REASONS, ids=lambda reason: reason.name)
def test_a_reject_reasons_text_is_one_piece_of_advice(reason: RejectReason) -> None:
    assert re.fullmatch(r"[A-Z][^\n]{15,118}[.]", reason.text), reason.text


def test_no_two_reject_reasons_say_the_same() -> None:
    texts = [reason.text for reason in RejectReason]
    assert len(set(texts)) == len(texts)


def test_the_text_of_nothing_refused_promises_nothing() -> None:
    assert RejectReason.NONE.text == "Nothing was refused."


def test_clients_accounts_begin_after_the_venues_own() -> None:
    assert len({codes.FEES_ACCOUNT, codes.CUSTODY_ACCOUNT}) == 2
    assert max(codes.FEES_ACCOUNT, codes.CUSTODY_ACCOUNT) < codes.FIRST_CLIENT_ACCOUNT


def test_flags_are_single_bits() -> None:
    for kind in (codes.ExecInst, codes.EventFlag, codes.AccountFlag):
        assert all(member.value.bit_count() == 1 for member in kind)


def test_every_enum_is_an_integer_so_that_records_can_hold_it() -> None:
    assert all(issubclass(kind, int) for kind in ENUMS)
    assert any(issubclass(kind, IntEnum) for kind in ENUMS)
