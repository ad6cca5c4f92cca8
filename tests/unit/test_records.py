"""The records' bytes are a format: sizes and offsets never move, and no byte is unaccounted for."""

import numpy as np
import pytest

from fxengine import records
from fxengine.codes import EventKind
from fxengine.records import (
    BUST,
    BUST_DETAIL,
    BUST_EVENT,
    CANCEL,
    CANCEL_EVENT,
    COMMAND,
    CONTROL,
    CREDENTIAL,
    CREDENTIAL_DETAIL,
    EVENT,
    EVENT_BYTES,
    EVENT_VIEWS,
    GUARD,
    INSTRUMENT,
    MONEY,
    MONEY_EVENT,
    NEW_ORDER,
    RECORD_BYTES,
    REDUCE_EVENT,
    REVOKE,
    ROUTE,
    SETTLED,
    STATUS_EVENT,
    SWAP,
    SWAP_EVENT,
    SWAP_LEG_EVENT,
    WITHDRAWAL,
    order_id,
    struct_of,
)

Dtype = np.dtype[np.void]

COMMANDS = {
    "NEW_ORDER": NEW_ORDER,
    "CANCEL": CANCEL,
    "SWAP": SWAP,
    "MONEY": MONEY,
    "GUARD": GUARD,
    "REVOKE": REVOKE,
    "SETTLED": SETTLED,
    "CONTROL": CONTROL,
    "BUST": BUST,
    "WITHDRAWAL": WITHDRAWAL,
    "CREDENTIAL": CREDENTIAL,
}
EVENTS = {
    "EVENT": EVENT,
    "CANCEL_EVENT": CANCEL_EVENT,
    "REDUCE_EVENT": REDUCE_EVENT,
    "STATUS_EVENT": STATUS_EVENT,
    "MONEY_EVENT": MONEY_EVENT,
    "SWAP_EVENT": SWAP_EVENT,
    "SWAP_LEG_EVENT": SWAP_LEG_EVENT,
    "BUST_EVENT": BUST_EVENT,
}
OTHERS = {
    "CREDENTIAL_DETAIL": CREDENTIAL_DETAIL,
    "BUST_DETAIL": BUST_DETAIL,
    "INSTRUMENT": INSTRUMENT,
    "ROUTE": ROUTE,
}
ALL = COMMANDS | EVENTS | OTHERS

# Field, offset in bytes, type: the format as it stands in journals that already exist.
LAYOUT = """
COMMAND_HEADER: kind 0 u1 | n_records 1 u1 | instrument 2 <u2 | account 4 <u4 | client_order_id 8 <u8 | time_ns 16 <i8
EVENT_HEADER: kind 0 u1 | side 1 u1 | reason 2 <u2 | instrument 4 <u2 | status 6 u1 | flags 7 u1 | account 8 <u4
    | counterparty 12 <u4 | sequence 16 <u8
STREAMS: account_stream 80 <u8 | instrument_stream 88 <u8

NEW_ORDER: COMMAND_HEADER | side 24 u1 | ord_type 25 u1 | time_in_force 26 u1 | exec_inst 27 u1
    | self_trade_prevention 28 u1 | reserved_0 29 V3 | price_ticks 32 <i8 | quantity_lots 40 <i8 | expire_ns 48 <i8
    | display_lots 56 <i8
CANCEL: COMMAND_HEADER | reserved_0 24 V8 | order_id 32 <u8 | orig_client_order_id 40 <u8 | reserved_1 48 V16
SWAP: COMMAND_HEADER | currency_out 24 <u2 | mode 26 u1 | flags 27 u1 | payee 28 <u4 | amount_units 32 <i8
    | bound_units 40 <i8 | deadline_ns 48 <i8 | worst_units 56 <i8
MONEY: COMMAND_HEADER | reserved_0 24 V4 | beneficiary 28 <u4 | amount_units 32 <i8 | external_id 40 V16
    | reserved_1 56 V8
SETTLED: COMMAND_HEADER | final_sequence 24 <u8 | reserved_0 32 V32
WITHDRAWAL: COMMAND_HEADER | action 24 u1 | reserved_0 25 V7 | withdrawal 32 <u8 | reserved_1 40 V24
BUST: COMMAND_HEADER | number 24 <u8 | price_ticks 32 <i8 | quantity_lots 40 <i8 | maker 48 <u4 | taker 52 <u4
    | maker_side 56 u1 | reserved_0 57 V7
BUST_DETAIL: maker_fee_units 0 <i8 | taker_fee_units 8 <i8 | reserved_0 16 V48
BUST_EVENT: EVENT_HEADER | trade_number 24 <u8 | client_order_id 32 <u8 | price_ticks 40 <i8 | quantity_lots 48 <i8
    | reserved_0 56 <i8 | reserved_1 64 <i8 | fee_units 72 <i8 | STREAMS
CONTROL: COMMAND_HEADER | scope 24 u1 | mode 25 u1 | reserved_0 26 V38
GUARD: COMMAND_HEADER | action 24 u1 | watching 25 u1 | reserved_0 26 V6 | timeout_ns 32 <i8 | reserved_1 40 V24
REVOKE: COMMAND_HEADER | action 24 u1 | reserved_0 25 V3 | target 28 <u4 | token_id 32 V16 | reserved_1 48 V16
CREDENTIAL: COMMAND_HEADER | flags 24 u1 | level 25 u1 | jurisdiction 26 S2 | window 28 <u4 | issued_at_ns 32 <i8
    | expires_ns 40 <i8 | identity 48 V16
CREDENTIAL_DETAIL: permitted 0 <u8x4 | token_id 32 V16 | trade_group 48 <u4 | reserved_0 52 V12

EVENT: EVENT_HEADER | order_id 24 <u8 | client_order_id 32 <u8 | price_ticks 40 <i8 | quantity_lots 48 <i8
    | leaves_lots 56 <i8 | cum_lots 64 <i8 | fee_units 72 <i8 | STREAMS
CANCEL_EVENT: EVENT_HEADER | order_id 24 <u8 | client_order_id 32 <u8 | price_ticks 40 <i8 | quantity_lots 48 <i8
    | displayed_lots 56 <i8 | cum_lots 64 <i8 | request_id 72 <u8 | STREAMS
REDUCE_EVENT: EVENT_HEADER | order_id 24 <u8 | client_order_id 32 <u8 | price_ticks 40 <i8 | quantity_lots 48 <i8
    | displayed_lots 56 <i8 | cum_lots 64 <i8 | leaves_lots 72 <i8 | STREAMS
STATUS_EVENT: EVENT_HEADER | order_id 24 <u8 | client_order_id 32 <u8 | notional_units 40 <i8 | quantity_lots 48 <i8
    | leaves_lots 56 <i8 | cum_lots 64 <i8 | original_sequence 72 <u8 | STREAMS
MONEY_EVENT: EVENT_HEADER | withdrawal 24 <u8 | client_order_id 32 <u8 | reserved_0 40 <i8 | amount_units 48 <i8
    | external_id 56 V16 | reserved_1 72 V8 | STREAMS
SWAP_EVENT: EVENT_HEADER | path 24 <u2x3 | n_legs 30 <u2 | client_order_id 32 <u8 | amount_in_units 40 <i8
    | amount_out_units 48 <i8 | unfilled_units 56 <i8 | fills 64 <i8 | singles 72 <i8 | account_stream 80 <u8
    | currency_out 88 <u2 | mode 90 u1 | reserved 91 V5
SWAP_LEG_EVENT: EVENT_HEADER | fills 24 <u8 | client_order_id 32 <u8 | spent_units 40 <i8 | received_units 48 <i8
    | change_units 56 <i8 | quantity_lots 64 <i8 | fee_units 72 <i8 | STREAMS
ROUTE: n_stops 0 <u2 | stops 2 <u2x4
INSTRUMENT: base 0 <u2 | quote 2 <u2 | maker_rate 4 <i4 | taker_rate 8 <i4 | reserved 12 <i4 | lot_units 16 <i8
    | tick_lot_units 24 <i8
"""


def layout_expected(name: str) -> str:
    rows = dict(line.split(": ", 1) for line in LAYOUT.replace("\n    | ", " | ").split("\n") if line)
    row = rows[name]
    for shared in ("COMMAND_HEADER", "EVENT_HEADER", "STREAMS"):
        row = row.replace(shared, rows[shared])
    return row


def layout_of(dtype: Dtype) -> str:
    rows = []
    for name in dtype.names or ():
        field, offset = (dtype.fields or {})[name][:2]
        kind = field.base.str.lstrip("|")
        rows.append(f"{name} {offset} {kind}{f'x{field.shape[0]}' if field.shape else ''}")
    return " | ".join(rows)


@pytest.mark.parametrize("name", ALL)
def test_the_layout_is_the_one_that_journals_hold(name: str) -> None:
    assert layout_of(ALL[name]) == layout_expected(name)


@pytest.mark.parametrize("name", ALL)
def test_fields_cover_the_record_without_gap_or_overlap(name: str) -> None:
    position = 0
    for field, offset in ((ALL[name].fields or {})[field][:2] for field in ALL[name].names or ()):
        assert offset == position
        position += field.itemsize
    assert position == ALL[name].itemsize


def test_records_have_their_fixed_sizes() -> None:
    assert RECORD_BYTES == 64
    assert EVENT_BYTES == 96
    assert {dtype.itemsize for dtype in (*COMMANDS.values(), COMMAND, CREDENTIAL_DETAIL)} == {RECORD_BYTES}
    assert {dtype.itemsize for dtype in EVENTS.values()} == {EVENT_BYTES}
    assert INSTRUMENT.itemsize == 32


@pytest.mark.parametrize("name", ALL)
def test_integers_are_little_endian_and_naturally_aligned(name: str) -> None:
    for field, offset in ((ALL[name].fields or {})[field][:2] for field in ALL[name].names or ()):
        if field.base.kind in "iu":
            assert offset % field.base.itemsize == 0
            assert field.base.byteorder in "<=|"


def test_event_kinds_with_another_body_have_a_view_and_the_rest_read_as_events() -> None:
    assert set(EVENT_VIEWS) <= set(EventKind)
    assert set(EventKind) - set(EVENT_VIEWS) == {
        EventKind.ACCEPTED,
        EventKind.REJECTED,
        EventKind.FILL,
        EventKind.RESTED,
        EventKind.CREDENTIALED,
        EventKind.TRIGGERED,
        EventKind.QUOTED,
        EventKind.GUARDED,
        EventKind.REVOKED,
        EventKind.CONTROLLED,
    }


@pytest.mark.parametrize("view", EVENT_VIEWS.values(), ids=str)
def test_every_view_finds_account_stream_and_sequence_where_event_has_them(view: Dtype) -> None:
    for name in ("kind", "account", "sequence", "client_order_id", "account_stream"):
        assert (view.fields or {})[name] == (EVENT.fields or {})[name]


@pytest.mark.parametrize("name", ALL)
def test_struct_reads_what_numpy_wrote(name: str, seed: int) -> None:
    dtype = ALL[name]
    row = np.frombuffer(np.random.default_rng(seed).bytes(dtype.itemsize), dtype)[0]
    expected: list[int | bytes] = []
    for field in dtype.names or ():
        if not field.startswith("reserved"):
            value = row[field].tolist()
            if isinstance(value, bytes):  # numpy drops trailing zeros of text, struct keeps them
                value = value.ljust(row[field].nbytes, b"\0")
            expected.extend(value if isinstance(value, list) else [value])
    assert struct_of(dtype).size == dtype.itemsize
    assert list(struct_of(dtype).unpack(row.tobytes())) == expected


def test_an_order_id_tells_its_slot_and_generation_apart() -> None:
    assert order_id(7, 3) == 3 << 32 | 7
    assert order_id(2**32 - 1, 1) < order_id(0, 2)
    assert len({order_id(slot, generation) for slot in range(20) for generation in range(20)}) == 400


def test_public_bounds_fit_the_fields_that_carry_them() -> None:
    assert records.PRICE_TICKS_MAX < 2**63
    assert records.QUANTITY_LOTS_MAX < 2**63
    mask_words = (CREDENTIAL_DETAIL.fields or {})["permitted"][0].shape[0]
    assert mask_words * 64 == records.CURRENCIES_MAX
