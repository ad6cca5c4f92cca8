"""docs/protocol.md is what the field tables say, and its examples are the bytes on the wire."""

import re

from fxengine.codes import RejectReason
from fxengine.messages import REPLIES, REQUESTS, TYPE_OF, LevelUpdate, TradeUpdate
from fxengine.wire import decode_replies, decode_requests
from tests.unit.wire.protocol_tables import BEGIN, DOCUMENT, END, EXAMPLES, REASONS, WIRE_REASONS, generated


def test_the_documents_tables_are_those_that_validation_uses() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    inside = text.partition(BEGIN)[2].partition(END)[0].strip()
    assert inside == generated(), "run: python -m tests.unit.wire.protocol_tables"


def test_every_message_has_a_section_and_an_example_that_decodes_to_it() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    for number, message in (REQUESTS | REPLIES).items():
        section = text.partition(f"### {number.name} {int(number)}\n")[2].partition("\n### ")[0]
        example = section.partition("```text\n")[2].partition("```")[0].partition("\n")[2]
        decoded = (decode_requests if number in REQUESTS else decode_replies)(bytes.fromhex(example))
        assert decoded == [EXAMPLES[message]]
    assert set(EXAMPLES) == {*TYPE_OF, LevelUpdate, TradeUpdate}


NOT_ON_THE_WIRE_YET = {
    RejectReason.BAD_DISPLAY_QTY,
    RejectReason.BAD_MIN_QTY,
    RejectReason.MIN_QTY_NOT_FILLABLE,
    RejectReason.BAD_SELF_TRADE_PREVENTION,
    RejectReason.SELF_TRADE_PREVENTED,
    RejectReason.CUM_QTY_MISMATCH,
    RejectReason.ORDER_EXPIRED,
    RejectReason.MASS_CANCELED,
    RejectReason.QUOTE_REPLACED,
    RejectReason.BAD_QUOTE_SET,
    RejectReason.NOT_AMENDABLE,
}
"""Refusals and endings of what the core does and no message asks for."""


def test_every_reason_that_a_request_can_meet_is_named_and_the_rest_is_explained() -> None:
    named = WIRE_REASONS.union(*REASONS.values())
    elsewhere = {
        RejectReason.NONE,
        RejectReason.UNKNOWN_COMMAND,  # records that no gateway makes
        RejectReason.IDENTITY_MISMATCH,  # a connection that names itself
        RejectReason.UNFILLED_REMAINDER,  # why an order was cancelled
        *NOT_ON_THE_WIRE_YET,
    }
    assert named | elsewhere == set(RejectReason)
    text = DOCUMENT.read_text(encoding="utf-8")
    for reason in elsewhere - {RejectReason.NONE}:
        assert re.search(rf"{reason.name}\b", text.partition(BEGIN)[0]), reason
