"""A table of reports says what the same reports say one by one."""

from random import Random

import msgpack
import numpy as np
import pytest

from fxengine.codes import EventKind
from fxengine.records import EVENT, Records
from fxengine.wire import is_tabular, read_events, report_row, report_table

TOLD_OTHERWISE = {
    EventKind.ORDER_STATUS, EventKind.SWAPPED, EventKind.SWAP_LEG, EventKind.SWAP_PATH, EventKind.RECEIVED,
    EventKind.DEPOSITED, EventKind.WITHDRAWN,
    EventKind.DONE, EventKind.WITHDRAWAL_HELD, EventKind.WITHDRAWAL_RETURNED,
    EventKind.BUSTED,
}  # fmt: skip


def any_events(kind: EventKind, seed: int, n: int = 50) -> Records:
    """Events of one kind whose every byte is drawn."""
    events = np.frombuffer(Random(f"{kind}/{seed}").randbytes(n * EVENT.itemsize), EVENT).copy()
    events["kind"] = kind
    return events


@pytest.mark.parametrize("kind", sorted(set(EventKind) - TOLD_OTHERWISE))
def test_each_row_decodes_to_the_report_of_its_event(kind: EventKind, seed: int) -> None:
    events = any_events(kind, seed)
    assert is_tabular(events).all()
    table = report_table(events, 1_790_000_000_000_000_000)
    for place, row in enumerate(read_events(events)):
        told = msgpack.unpackb(table[place].tobytes(), use_list=False)
        assert told == report_row(row, place, events, 1_790_000_000_000_000_000)


@pytest.mark.parametrize("kind", sorted(TOLD_OTHERWISE))
def test_what_no_execution_report_tells_is_not_for_the_table(kind: EventKind, seed: int) -> None:
    assert not is_tabular(any_events(kind, seed)).any()


def test_no_events_make_no_rows() -> None:
    assert report_table(np.zeros(0, EVENT), 0).tobytes() == b""
