"""docs/protocol.md is what the field tables say, and its examples are the bytes on the wire."""

import re

import numpy as np

from fxengine._core import admit
from fxengine.codes import CommandKind, RejectReason
from fxengine.gateway.commands import RECORD_OF
from fxengine.messages import REPLIES, REQUESTS, TYPE_OF, Cancel, LevelUpdate, NewOrder, TradeUpdate
from fxengine.wire import decode_replies, decode_requests
from tests.unit.wire.protocol_tables import (
    BEGIN,
    DOCUMENT,
    END,
    EXAMPLES,
    REASONS,
    SESSION_REASONS,
    WIRE_REASONS,
    generated,
)


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


def test_the_frame_of_records_in_the_document_is_taken_as_the_messages_it_stands_for() -> None:
    text = DOCUMENT.read_text(encoding="utf-8").partition("### A frame of two commands")[2]
    frame = bytes.fromhex(text.partition("```text\n")[2].partition("```")[0])
    kinds = 1 << CommandKind.NEW_ORDER | 1 << CommandKind.CANCEL
    records, n_commands, refused = admit(frame, 7, kinds, np.full(1, 2**62))
    assert (n_commands, refused) == (2, [])
    as_messages = [RECORD_OF[type(message)](7, message) for message in (EXAMPLES[NewOrder], EXAMPLES[Cancel])]
    assert bytes(records) == b"".join(as_messages)


ELSEWHERE = {
    RejectReason.NONE,
    RejectReason.IDENTITY_MISMATCH,
    RejectReason.SESSION_SILENT,
    RejectReason.SLOW_READER,
    RejectReason.HISTORY_GONE,
    RejectReason.CLIENT_KEY_MISMATCH,
    RejectReason.UNFILLED_REMAINDER,
    RejectReason.SELF_TRADE_PREVENTED,
    RejectReason.ORDER_EXPIRED,
    RejectReason.MASS_CANCELED,
    RejectReason.QUOTE_REPLACED,
    RejectReason.DEAD_MAN_FIRED,
    RejectReason.DISCONNECTED,
}
"""What no single request is refused with: it ends an order or a session, or belongs to the connection."""


def test_every_reason_that_a_request_can_meet_is_named_and_the_rest_is_explained() -> None:
    named = WIRE_REASONS.union(SESSION_REASONS, *REASONS.values())
    assert named | ELSEWHERE == set(RejectReason)
    assert not named & ELSEWHERE
    prose = DOCUMENT.read_text(encoding="utf-8").partition(BEGIN)[0]
    for reason in (ELSEWHERE | SESSION_REASONS) - {RejectReason.NONE}:
        assert re.search(rf"{reason.name}\b", prose), reason
