"""Reports say exactly what the event records say, kind by kind."""

from typing import Any

import numpy as np
import pytest

from fxengine.codes import CommandKind, EventKind
from fxengine.gateway.reports import outcomes, read_events, report_rows
from fxengine.messages import (
    ExecutionReport,
    MoneyReport,
    OrderStatus,
    Reply,
    SwapLegReport,
    SwapPathReport,
    SwapReport,
)
from fxengine.records import (
    BUST_EVENT,
    CANCEL_EVENT,
    EVENT,
    EVENT_VIEWS,
    MONEY_EVENT,
    STATUS_EVENT,
    SWAP_EVENT,
    SWAP_LEG_EVENT,
    Records,
)
from fxengine.wire import decode_replies, encode_rows, frame_of
from tests.unit.gateway.core_flow import MAKER, OPERATOR, PAYER, CoreFlow, one_of_each, venue_in

TIME_NS = 1_234


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> Records:
    return np.concatenate(list(one_of_each(CoreFlow(venue_in(tmp_path_factory.mktemp("keys"))))))


def reports_of(events: Records, listening: set[int]) -> dict[int, list[Reply]]:
    rows = report_rows(read_events(events), events, TIME_NS, listening)
    return {account: decode_replies(frame_of([encode_rows(some)], len(some))) for account, some in rows.items()}


def expected(record: np.void) -> Reply:
    """The report of one event, read field by field from the record's own dtype."""
    kind = EventKind(int(record["kind"]))
    view = {name: record[name].tolist() for name in EVENT.names or ()}

    def named(dtype: np.dtype[np.void]) -> dict[str, Any]:
        row = np.array([record]).view(dtype)[0]
        return {name: row[name].tolist() for name in dtype.names or ()}

    if kind is EventKind.ORDER_STATUS:
        e = named(STATUS_EVENT)
        return OrderStatus(
            e["account_stream"], e["sequence"], e["side"], e["status"], e["reason"], e["order_id"],
            e["client_order_id"], e["instrument"], e["notional_units"], e["quantity_lots"],
            e["leaves_lots"], e["cum_lots"], e["original_sequence"], TIME_NS,
        )  # fmt: skip
    if kind is EventKind.SWAPPED:
        e = named(SWAP_EVENT)
        return SwapReport(
            e["account_stream"], e["sequence"], e["client_order_id"], e["instrument"], e["currency_out"], e["mode"],
            e["counterparty"], e["amount_in_units"], e["amount_out_units"], e["unfilled_units"], e["fills"],
            e["n_legs"], e["singles"], TIME_NS,
        )  # fmt: skip
    if kind is EventKind.SWAP_PATH:
        e = named(SWAP_EVENT)
        return SwapPathReport(
            e["account_stream"], e["sequence"], e["client_order_id"], tuple(e["path"][: e["n_legs"]]),
            e["amount_in_units"], e["amount_out_units"], e["unfilled_units"], e["fills"], TIME_NS,
        )  # fmt: skip
    if kind is EventKind.SWAP_LEG:
        e = named(SWAP_LEG_EVENT)
        return SwapLegReport(
            e["account_stream"], e["sequence"], e["client_order_id"], e["instrument"], e["side"], e["quantity_lots"],
            e["spent_units"], e["received_units"], e["fee_units"], e["change_units"], e["fills"], TIME_NS,
        )  # fmt: skip
    if EVENT_VIEWS.get(kind) is MONEY_EVENT:
        e = named(MONEY_EVENT)
        return MoneyReport(
            e["account_stream"], e["sequence"], e["kind"], e["client_order_id"], e["instrument"], e["amount_units"],
            e["counterparty"], TIME_NS, e["withdrawal"],
        )  # fmt: skip
    if kind is EventKind.BUSTED:
        e = named(BUST_EVENT)
        return ExecutionReport(
            e["account_stream"], e["sequence"], e["kind"], e["status"], e["reason"], 0, 0, e["instrument"], e["side"],
            e["price_ticks"], e["quantity_lots"], 0, 0, e["fee_units"], e["flags"], e["trade_number"], 0, TIME_NS,
        )  # fmt: skip
    ended = kind in (EventKind.CANCELED, EventKind.REJECTED)
    e = named(CANCEL_EVENT) if ended else view
    leaves_lots = 0 if ended else named(EVENT_VIEWS.get(kind, EVENT))["leaves_lots"]
    fill = kind is EventKind.FILL
    return ExecutionReport(
        e["account_stream"], e["sequence"], e["kind"], e["status"], e["reason"], e["order_id"], e["client_order_id"],
        e["instrument"], e["side"], e["price_ticks"], e["quantity_lots"], leaves_lots, e["cum_lots"],
        e["fee_units"] if fill else 0, e["flags"], e["instrument_stream"] if fill else 0,
        e["request_id"] if ended else 0, TIME_NS,
    )  # fmt: skip


def test_every_kind_of_event_is_reported_as_its_record_says(events: Records) -> None:
    assert set(events["kind"].tolist()) == set(EventKind)
    heard = reports_of(events, {MAKER, PAYER, OPERATOR})
    for account in (MAKER, PAYER, OPERATOR):
        assert heard[account] == [expected(event) for event in events[events["account"] == account]]


def test_an_accounts_reports_are_numbered_without_a_gap(events: Records) -> None:
    for reports in reports_of(events, {MAKER, PAYER, OPERATOR}).values():
        streams = [report.account_stream for report in reports]  # type: ignore[union-attr]
        assert streams == list(range(streams[0], streams[0] + len(streams)))


def test_nobody_hears_what_concerns_another_account(events: Records) -> None:
    heard = reports_of(events, {PAYER})
    assert set(heard) == {PAYER}
    assert len(heard[PAYER]) == (events["account"] == PAYER).sum()


def test_a_request_id_of_the_upper_half_keeps_its_sign(events: Records) -> None:
    event = np.zeros(1, CANCEL_EVENT)
    event["kind"], event["side"], event["account"] = EventKind.REJECTED, CommandKind.CANCEL, PAYER
    event["request_id"] = 2**64 - 1
    [report] = reports_of(event.view(EVENT), {PAYER})[PAYER]
    assert isinstance(report, ExecutionReport)
    assert report.request_id == 2**64 - 1


def test_an_empty_batch_has_no_reports() -> None:
    nothing = np.zeros(0, EVENT)
    assert report_rows(read_events(nothing), nothing, TIME_NS, {PAYER}) == {}


def test_the_outcome_of_a_logon_is_found_by_its_commands_sequence() -> None:
    events = np.zeros(4, EVENT)
    events["kind"] = [EventKind.CANCELED, EventKind.CREDENTIALED, EventKind.REJECTED, EventKind.REJECTED]
    events["sequence"] = [5, 5, 6, 7]
    assert [row[8] for row in outcomes(read_events(events), {5: None, 6: None})] == [5, 6]
