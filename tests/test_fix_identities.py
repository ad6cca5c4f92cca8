"""The checker of report streams: it lets pass what FIX allows, and notices each thing that FIX does not."""

import pytest

from fxengine.codes import EventKind as K
from fxengine.codes import OrdStatus as S
from fxengine.messages import ExecutionReport
from tests.fix_identities import ReportStream, Violation

ORDER = 2**32 + 1


def report(number: int, kind: K, status: S, lots: int, leaves: int, cum: int, order_id: int = ORDER) -> ExecutionReport:
    return ExecutionReport(
        account_stream=number, sequence=number, exec_type=int(kind), status=int(status), reason=0, order_id=order_id,
        client_order_id=1, instrument=0, side=1, price_ticks=100, quantity_lots=lots, leaves_lots=leaves, cum_lots=cum,
        fee_units=0, flags=0, trade_number=0, request_id=0, time_ns=0,
    )  # fmt: skip


ACCEPTED = report(1, K.ACCEPTED, S.NEW, 10, 10, 0)
FILLED_4 = report(2, K.FILL, S.PARTIALLY_FILLED, 4, 6, 4)


@pytest.mark.parametrize(
    "life",
    [
        [ACCEPTED, report(2, K.FILL, S.FILLED, 10, 0, 10)],
        [ACCEPTED, FILLED_4, report(3, K.CANCELED, S.CANCELED, 6, 0, 4)],
        [ACCEPTED, FILLED_4, report(3, K.CANCELED, S.EXPIRED, 6, 0, 4)],
        [ACCEPTED, FILLED_4, report(3, K.RESTED, S.PARTIALLY_FILLED, 2, 6, 4), report(4, K.FILL, S.FILLED, 6, 0, 10)],
        [ACCEPTED, report(2, K.REDUCED, S.NEW, 3, 7, 0), report(3, K.FILL, S.FILLED, 7, 0, 7)],
        [ACCEPTED, FILLED_4, report(3, K.REPLACED, S.PARTIALLY_FILLED, 20, 16, 4)],
        [ACCEPTED, report(2, K.REDUCED, S.NEW, 3, 7, 0), report(3, K.REPLACED, S.NEW, 5, 5, 0)],
        [ACCEPTED, ACCEPTED, FILLED_4, ACCEPTED],
    ],
)
def test_what_fix_allows_passes(life: list[ExecutionReport]) -> None:
    stream = ReportStream(is_whole=True)
    for each in life:
        stream.hear(each)


@pytest.mark.parametrize(
    "life",
    [
        [report(1, K.FILL, S.FILLED, 10, 0, 10)],
        [ACCEPTED, report(3, K.FILL, S.PARTIALLY_FILLED, 4, 6, 4)],
        [ACCEPTED, report(2, K.ACCEPTED, S.NEW, 10, 10, 0)],
        [ACCEPTED, report(2, K.FILL, S.PARTIALLY_FILLED, 4, 5, 4)],
        [ACCEPTED, report(2, K.FILL, S.PARTIALLY_FILLED, 4, 6, 5)],
        [ACCEPTED, report(2, K.FILL, S.NEW, 4, 6, 4)],
        [ACCEPTED, report(2, K.FILL, S.FILLED, 4, 6, 4)],
        [ACCEPTED, report(2, K.FILL, S.FILLED, 11, -1, 11)],
        [ACCEPTED, report(2, K.CANCELED, S.CANCELED, 9, 0, 0)],
        [ACCEPTED, report(2, K.CANCELED, S.NEW, 10, 0, 0)],
        [ACCEPTED, report(2, K.CANCELED, S.CANCELED, 10, 0, 0), report(3, K.FILL, S.FILLED, 0, 0, 0)],
        [ACCEPTED, FILLED_4, report(3, K.REPLACED, S.PARTIALLY_FILLED, 20, 20, 4)],
        [ACCEPTED, FILLED_4, report(3, K.RESTED, S.PARTIALLY_FILLED, 6, 6, 3)],
        [ACCEPTED, FILLED_4, report(2, K.FILL, S.PARTIALLY_FILLED, 5, 5, 5)],
        [report(1, K.ACCEPTED, S.NEW, 10, 9, 1)],
    ],
)
def test_what_fix_does_not_allow_is_noticed(life: list[ExecutionReport]) -> None:
    stream = ReportStream(is_whole=True)
    for each in life[:-1]:
        stream.hear(each)
    with pytest.raises(Violation):
        stream.hear(life[-1])


def test_a_stream_joined_late_takes_up_orders_as_it_hears_of_them() -> None:
    stream = ReportStream(is_whole=False)
    stream.hear(report(7, K.FILL, S.PARTIALLY_FILLED, 4, 6, 4))
    stream.hear(report(8, K.FILL, S.PARTIALLY_FILLED, 1, 5, 5))
    with pytest.raises(Violation):
        stream.hear(report(9, K.FILL, S.PARTIALLY_FILLED, 1, 5, 6))


def test_a_stream_with_a_gap_begins_anew() -> None:
    stream = ReportStream(is_whole=False)
    stream.hear(ACCEPTED)
    stream.hear(report(5, K.FILL, S.PARTIALLY_FILLED, 1, 2, 7))
