"""The compiled core sees the same bytes and the same codes as the rest of the package."""

import re
from enum import IntEnum
from pathlib import Path

import numpy as np
import pytest

from fxengine import codes, records
from fxengine._core import Core, record_layouts
from fxengine.reference.timers import TRIGGERS_MAX
from tests.unit.core.trading_floor import instruments

DICTIONARY = (Path(__file__).parents[3] / "fxengine" / "_core.pxd").read_text(encoding="utf-8")
LAYOUTS = record_layouts()
PREFIXES = ("COMMAND_", "EVENT_", "FLAG_")


def fields(dtype: np.dtype[np.void]) -> dict[str, tuple[int, int]]:
    """Offset and size of each field that is not reserved."""
    assert dtype.fields is not None
    return {name: (at[1], at[0].itemsize) for name, at in dtype.fields.items() if not name.startswith("reserved")}


def enumeration(name: str) -> dict[str, int]:
    """The members that the data dictionary gives an enumeration, without the prefix of their kind."""
    block = re.search(rf"^cdef enum {name}:\n((?:    .*\n)+)", DICTIONARY, re.MULTILINE)
    assert block is not None, name
    found = re.findall(r"^    (\w+) = (\w+)", block[1], re.MULTILINE)
    return {next((n.removeprefix(p) for p in PREFIXES if n.startswith(p)), n): int(value) for n, value in found}


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_field_of_a_record_stands_where_the_dtype_has_it(name: str) -> None:
    dtype: np.dtype[np.void] = getattr(records, name)
    assert LAYOUTS[name] == (dtype.itemsize, fields(dtype))


def test_no_record_is_left_out() -> None:
    dtypes = {name for name, value in vars(records).items() if isinstance(value, np.dtype)}
    assert set(LAYOUTS) == dtypes - {"COMMAND"}, "COMMAND is NEW_ORDER by another name"


def test_the_events_array_has_the_event_dtype() -> None:
    assert Core(instruments(), n_currencies=2).events.dtype == records.EVENT


@pytest.mark.parametrize(
    "name",
    [
        "Side",
        "OrdType",
        "TimeInForce",
        "ExecInst",
        "SelfTradePrevention",
        "OrdStatus",
        "SwapMode",
        "CommandKind",
        "EventKind",
    ],
)
def test_enumerations_have_the_same_members(name: str) -> None:
    enum: type[IntEnum] = getattr(codes, name)
    assert enumeration(name) == {m.name: m.value for m in enum if m.name != "NONE"}


@pytest.mark.parametrize("name", ["EventFlag", "AccountFlag"])
def test_flags_have_the_same_bits(name: str) -> None:
    enum: type[IntEnum] = getattr(codes, name)
    assert enumeration(name) == {m.name: m.value for m in enum if m.value}


def test_reject_reasons_of_the_core_have_the_numbers_of_the_venue() -> None:
    known = {m.name: m.value for m in codes.RejectReason}
    mine = enumeration("RejectReason")
    assert len(mine) > 30
    assert mine == {name: known[name] for name in mine}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FEES_ACCOUNT", codes.FEES_ACCOUNT),
        ("CUSTODY_ACCOUNT", codes.CUSTODY_ACCOUNT),
        ("FIRST_CLIENT_ACCOUNT", codes.FIRST_CLIENT_ACCOUNT),
        ("CURRENCIES_MAX", records.CURRENCIES_MAX),
        ("PRICE_TICKS_MAX", records.PRICE_TICKS_MAX),
        ("ALL_INSTRUMENTS", records.ALL_INSTRUMENTS),
        ("QUOTE_LEVELS_MAX", records.QUOTE_LEVELS_MAX),
        ("TRIGGERS_MAX", TRIGGERS_MAX),
    ],
)
def test_bounds_are_those_of_the_package(name: str, value: int) -> None:
    found = re.search(rf"^    {name} = (\w+)", DICTIONARY, re.MULTILINE)
    assert found is not None
    assert int(found[1], 0) == value
