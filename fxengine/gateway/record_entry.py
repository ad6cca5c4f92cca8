"""Frames of command records: a client's commands in the core's own bytes, checked without reading them in Python.

``fxengine._core.admit`` copies what is good, with the session's account, and names what is not by its
place in the frame. A refusal tells the client which command it was, in the words of a message::

    frame      header | NEW_ORDER 7 | CANCEL 8 | CREDENTIAL | NEW_ORDER 9
    batch              NEW_ORDER 7    CANCEL 8                NEW_ORDER 9
    session    REJECT UNKNOWN_COMMAND, ref_type 0
"""

from typing import Final

from fxengine._core import admit
from fxengine.codes import CommandKind, RejectReason
from fxengine.gateway.session import Grant
from fxengine.messages import MessageType
from fxengine.records import RECORD_BYTES
from fxengine.wire import FRAME_HEADER_BYTES, REQUEST_BYTES_MAX

Refusal = tuple[RejectReason, int, int]
"""Why, and the type and client order id of what was refused, as a REJECT names them."""

_TYPE_OF_KIND: Final = {
    int(CommandKind.NEW_ORDER): MessageType.NEW_ORDER,
    int(CommandKind.CANCEL): MessageType.CANCEL,
    int(CommandKind.AMEND): MessageType.AMEND,
    int(CommandKind.MASS_CANCEL): MessageType.MASS_CANCEL,
    int(CommandKind.MASS_QUOTE): MessageType.MASS_QUOTE,
}
_RELIEF_KINDS: Final = bytes([CommandKind.CANCEL, CommandKind.MASS_CANCEL])
_CLIENT_ID_AT: Final = 8
_CLIENT_ID_BYTES: Final = 8


def n_records_of(frame: bytes) -> int:
    """Return how many records a frame has room for, at least 1: what it costs. O(1)."""
    return max(1, (len(frame) - FRAME_HEADER_BYTES) // RECORD_BYTES)


def only_cancels(frame: bytes) -> bool:
    """Say whether every record of a frame begins as a CANCEL or MASS_CANCEL does. O(records)."""
    return not frame[FRAME_HEADER_BYTES::RECORD_BYTES].translate(None, _RELIEF_KINDS)


def admit_frame(frame: bytes, grant: Grant) -> tuple[bytearray, int, list[Refusal]]:
    """Check a frame; return the commands that may go to the core, their number, and what was refused. O(records)."""
    if len(frame) > REQUEST_BYTES_MAX:
        return bytearray(), 0, [(RejectReason.FRAME_TOO_LARGE, 0, 0)]
    records, n_commands, refused = admit(frame, grant.account, grant.kinds, grant.lots_max)
    return records, n_commands, [(RejectReason(reason), *_reference(frame, place)) for place, reason in refused]


def _reference(frame: bytes, place: int) -> tuple[int, int]:
    if place < 0:
        return 0, 0
    at = FRAME_HEADER_BYTES + place * RECORD_BYTES
    client_id_at = at + _CLIENT_ID_AT
    client_id = int.from_bytes(frame[client_id_at : client_id_at + _CLIENT_ID_BYTES], "little")
    return int(_TYPE_OF_KIND.get(frame[at], 0)), client_id
