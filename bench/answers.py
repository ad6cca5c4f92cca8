"""Reading what a session heard: when each of its commands was first answered, and what was refused.

An answer names its command by client id: a cancel's in ``request_id``, any other's in
``client_order_id``. The echo has no ids; it answers frames in the order in which they were sent.
"""

from collections import Counter
from typing import Final

import msgpack
import numpy as np

from bench.echo import bodies_of
from bench.load import Line, Times
from fxengine.codes import EventKind, RejectReason
from fxengine.messages import MessageType
from fxengine.records import CANCEL_EVENT, EVENT
from fxengine.wire import FRAME_HEADER_BYTES, is_record_frame

TOO_LATE: Final = frozenset({RejectReason.UNKNOWN_ORDER, RejectReason.ORDER_CLOSED})
"""Refusals that belong to the flow: a cancel may find its order traded, or none at the very start."""
_NAMED_BY_REQUEST: Final = (EventKind.CANCELED, EventKind.REJECTED)
_NAMED: Final = frozenset(
    {EventKind.ACCEPTED, EventKind.REJECTED, EventKind.FILL, EventKind.CANCELED, EventKind.QUOTED}
)


class BenchFailed(Exception):
    """The load did not go as a load should, so that its figures would mean nothing."""


def echoed(line: Line, n: int, per_frame: int) -> Times:
    """Return when each of ``n`` commands came back from the echo."""
    counts = [bodies_of(reply) * per_frame for _, reply in line.heard]
    times = np.repeat(np.array([heard_ns for heard_ns, _ in line.heard], np.int64), counts)
    answered = np.zeros(n, np.int64)
    answered[: len(times)] = times[:n]
    return answered


def answered(line: Line, first_id: int, n: int) -> Times:
    """Return when each of the commands ``first_id ...`` was first answered; :class:`BenchFailed` for a refusal."""
    times, ids = [], []
    refused: Counter[str] = Counter()
    for heard_ns, frame in line.heard:
        named = _named_by_records(frame, refused) if is_record_frame(frame) else _named_by_messages(frame, refused)
        ids.append(named)
        times.append(np.full(len(named), heard_ns))
    if refused:
        raise BenchFailed(f"the venue refused what it should have taken: {dict(refused)}")
    first = np.full(n, np.iinfo(np.int64).max)
    if ids:
        places = np.concatenate(ids).astype(np.int64) - first_id
        ours = (places >= 0) & (places < n)
        np.minimum.at(first, places[ours], np.concatenate(times)[ours])
    first[first == np.iinfo(np.int64).max] = 0
    return first


def _named_by_messages(frame: bytes, refused: Counter[str]) -> Times:
    ids = []
    for message in msgpack.unpackb(frame, use_list=False, strict_map_key=True)[1:]:
        number = message[0]
        if number == MessageType.EXECUTION_REPORT:
            if message[3] == EventKind.REJECTED and message[5] not in TOO_LATE:
                refused[RejectReason(message[5]).name] += 1
            ids.append(message[17] or message[7])
        elif number == MessageType.REJECT:
            refused[RejectReason(message[1]).name] += 1
    return np.array(ids, np.int64)


def _named_by_records(frame: bytes, refused: Counter[str]) -> Times:
    events = np.frombuffer(frame, EVENT, offset=FRAME_HEADER_BYTES)
    rejected = events["reason"][(events["kind"] == EventKind.REJECTED) & ~np.isin(events["reason"], list(TOO_LATE))]
    refused.update(RejectReason(reason).name for reason in rejected.tolist())
    by_request = np.isin(events["kind"], _NAMED_BY_REQUEST)
    requests = events.view(CANCEL_EVENT)["request_id"]
    ids = np.where(by_request & (requests > 0), requests, events["client_order_id"])
    return ids[np.isin(events["kind"], list(_NAMED))].astype(np.int64)
