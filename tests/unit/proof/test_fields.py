"""A proof file is read one way or refused by the name of the field; what it holds is never quoted."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fxengine.proof.fields import Fields, FieldsError
from fxengine.proof.liability import LiabilityProof
from fxengine.proof.trade import TradeProof
from tests.unit.proof.test_sum_tree import AMOUNTS, proof_of

GOOD: dict[str, Any] = json.loads(proof_of(AMOUNTS, 2).to_json())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("format", "fxengine liability proof 2"),
        ("format", None),
        ("venue", 5),
        ("venue", "v" * 256),
        ("venue", "\ud800"),
        ("decimals", 9),
        ("decimals", True),
        ("decimals", 2.0),
        ("batch", -1),
        ("batch", 2**63),
        ("account", 2**32),
        ("head", "00" * 31),
        ("head", "AB" * 32),
        ("head", "zz" * 32),
        ("salt", bytes(32).hex() + "0"),
        ("amount_units", 40),
        ("amount_units", "-40"),
        ("amount_units", "040"),
        ("amount_units", "40.0"),
        ("amount_units", "٤٠"),
        ("amount_units", str(2**63)),
        ("total_units", ""),
        ("path", {}),
        ("path", GOOD["path"][:1] * 33),
        ("path", [5]),
        ("path", [{"side": "up", "amount_units": "5", "digest": "00" * 32}]),
        ("path", [{"side": "left", "amount_units": "-5", "digest": "00" * 32}]),
        ("path", [{"side": "left", "amount_units": "5", "digest": "00"}]),
        ("root", ["00" * 32]),
    ],
)
def test_a_field_that_is_not_as_it_must_be_is_refused(name: str, value: object) -> None:
    with pytest.raises(FieldsError, match=name if name != "path" else "path|side|digest|amount"):
        LiabilityProof.from_json(json.dumps(GOOD | {name: value}))


@pytest.mark.parametrize("name", sorted(GOOD))
def test_a_field_that_is_missing_is_named(name: str) -> None:
    with pytest.raises(FieldsError, match=name):
        LiabilityProof.from_json(json.dumps({key: value for key, value in GOOD.items() if key != name}))


@pytest.mark.parametrize(
    "text", ["", "[]", "null", "{", '{"a": 1, "a": 1}', "[" * 100_000, '{"format": NaN}', "x" * 2**21]
)
def test_what_is_no_json_object_is_refused(text: str) -> None:
    for read in (LiabilityProof.from_json, TradeProof.from_json):
        with pytest.raises(FieldsError):
            read(text)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda s: st.lists(s) | st.dictionaries(st.text(), s)
    )
)
def test_nothing_that_json_can_say_escapes_as_another_error(value: object) -> None:
    fields = Fields({"x": value})
    for read in (fields.text, fields.number, fields.decimal, fields.digest, fields.table, fields.texts):
        with suppress(FieldsError):
            read("x")
