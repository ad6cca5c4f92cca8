"""Logging on over a socket: who gets in, who does not, and what a session may do meanwhile."""

from pathlib import Path

import pytest

from fxengine.client import Client, Execution
from fxengine.codes import EventKind, RejectReason
from fxengine.errors import RequestRejected
from fxengine.messages import (
    BalancesRequest,
    Cancel,
    Deposit,
    ExecutionReport,
    Heartbeat,
    HeartbeatAck,
    LogonAck,
    Logout,
    LogoutAck,
    MessageType,
    Reject,
)
from tests.asking import limit_order, logon
from tests.integration.venue_thread import SECOND_NS, WAIT_S, RunningVenue, running_venue, until


@pytest.mark.parametrize("transport", ["ipc", "tcp"])
def test_a_good_token_opens_the_account_it_names(short_folder: Path, transport: str) -> None:
    with running_venue(short_folder, transport=transport) as venue:
        with venue.client("maker-1") as first, venue.client("payer-1") as second:
            assert (first.account, second.account) == (2, 3)
            assert first.balances() == {}
        with venue.client("maker-1") as again:
            assert again.account == 2
        assert venue.ready is not None
        assert venue.ready.order_address.startswith(f"{transport}://")


def test_the_acknowledgement_tells_what_a_client_needs_to_go_on(served: RunningVenue) -> None:
    connection = served.connection()
    ack = connection.log_on(served.token("maker-1", lifetime_s=60))
    assert ack._replace(expires_ns=0) == LogonAck(2, 0, 1024, 0, "fx-test", 1, 1)
    assert 0 <= served.clock() + 60 * SECOND_NS - ack.expires_ns < SECOND_NS
    connection.say(limit_order(5, price_ticks=1, quantity_lots=1))
    connection.hear()
    other = served.connection()
    assert other.log_on(served.token("maker-1")).client_id_highest == 5


def test_a_refused_token_says_why_and_opens_nothing(served: RunningVenue) -> None:
    served_token = served.token("maker-1")
    header, payload, signature = served_token.split(".")
    forged = f"{header}.{payload}.{signature[:-4]}AAAA"
    for token, reason in (("nonsense", RejectReason.TOKEN_MALFORMED), (forged, RejectReason.TOKEN_SIGNATURE)):
        with pytest.raises(RequestRejected) as refused:
            Client.connect(served.order_address, token, timeout_s=WAIT_S)
        assert refused.value.reason == reason
        assert token not in str(refused.value)
    served.clock.advance(3600)
    with pytest.raises(RequestRejected) as refused:
        Client.connect(served.order_address, served_token, timeout_s=WAIT_S)
    assert refused.value.reason == RejectReason.TOKEN_EXPIRED


def test_before_logon_only_a_heartbeat_is_answered(served: RunningVenue) -> None:
    connection = served.connection()
    connection.say(
        Heartbeat(7), BalancesRequest(8), limit_order(9, price_ticks=1, quantity_lots=1), Deposit(10, 2, 0, 1)
    )
    answers = connection.hear()
    assert answers[0] == HeartbeatAck(7)
    assert [(a.reason, a.ref_type, a.ref_id) for a in answers[1:] if isinstance(a, Reject)] == [
        (RejectReason.NOT_LOGGED_ON, MessageType.BALANCES_REQUEST, 8),
        (RejectReason.NOT_LOGGED_ON, MessageType.NEW_ORDER, 9),
        (RejectReason.NOT_LOGGED_ON, MessageType.DEPOSIT, 10),
    ]


def test_what_travels_behind_a_logon_in_its_frame_is_done_after_it(served: RunningVenue) -> None:
    connection = served.connection()
    connection.say(
        logon(served.token("maker-1")), limit_order(1, price_ticks=0, quantity_lots=1), Heartbeat(3), Logout()
    )
    heard = connection.hear_until(LogoutAck)
    kinds = [type(message) for message in heard]
    assert kinds.index(LogonAck) < kinds.index(HeartbeatAck) < kinds.index(LogoutAck)
    [report] = [message for message in heard if isinstance(message, ExecutionReport)]
    assert report.reason == RejectReason.PRICE_OUT_OF_RANGE
    assert kinds[-1] is LogoutAck, "what was sent before a LOGOUT is answered before it"


def test_what_travels_behind_a_refused_logon_is_refused_too(served: RunningVenue) -> None:
    connection = served.connection()
    connection.say(logon("nonsense"), limit_order(1, price_ticks=1, quantity_lots=1))
    reasons = [message.reason for message in connection.hear() if isinstance(message, Reject)]
    assert reasons == [RejectReason.TOKEN_MALFORMED, RejectReason.NOT_LOGGED_ON]


def test_after_logout_the_connection_may_log_on_again(served: RunningVenue) -> None:
    connection = served.connection()
    connection.log_on(served.token("maker-1"))
    connection.say(Logout(), BalancesRequest(1))
    heard = connection.hear_until(LogoutAck)
    [reject] = [message for message in heard if isinstance(message, Reject)]
    assert reject.reason == RejectReason.NOT_LOGGED_ON
    assert connection.log_on(served.token("payer-1")).account == 3


def test_a_session_may_be_renewed_but_not_change_hands(served: RunningVenue) -> None:
    with served.client("maker-1", lifetime_s=10) as client, served.client("maker-1", lifetime_s=10) as sibling:
        before = client.protocol.account.expires_ns
        assert client.logon(served.token("maker-1", lifetime_s=100)) == client.account
        assert client.protocol.account.expires_ns == before + 90 * SECOND_NS
        sibling.heartbeat()
        with pytest.raises(RequestRejected) as refused:
            client.logon(served.token("payer-1"))
        assert refused.value.reason == RejectReason.ALREADY_LOGGED_ON
        assert client.balances() == {}, "the session goes on as it was"
        served.clock.advance(50)
        assert sibling.balances() == {}, "the account's credential was renewed, whoever renewed it"
        assert sibling.protocol.account.n_missed == 0


def test_an_older_token_than_the_last_one_used_is_superseded(served: RunningVenue) -> None:
    old = served.token("maker-1")
    served.clock.advance(1)
    with served.client("maker-1") as client:
        for _ in range(2):
            with pytest.raises(RequestRejected) as refused:
                client.logon(old)
            assert refused.value.reason == RejectReason.CREDENTIAL_SUPERSEDED
        assert client.logon(served.token("maker-1")) == client.account


def test_after_the_tokens_end_orders_are_gone_and_only_cancels_reach_the_core(served: RunningVenue) -> None:
    with served.funded("maker-1", lifetime_s=10) as client:
        order = client.new_order("EUR/USD", "BUY", "1.0000", "10")
        served.clock.advance(11)
        until(lambda: not order.is_open, lambda: client.poll(0.05))
        assert order.reason is RejectReason.CREDENTIAL_EXPIRED
        for ask in (client.balances, lambda: client.new_order("EUR/USD", "BUY", "1.0000", "10")):
            with pytest.raises(RequestRejected) as refused:
                ask()
            assert refused.value.reason == RejectReason.CREDENTIAL_EXPIRED
        with pytest.raises(RequestRejected) as refused:
            client.cancel(order.client_order_id)
        assert refused.value.reason == RejectReason.ORDER_CLOSED
        client.logon(served.token("maker-1"))
        assert client.balances()["USD"].held_units == 0


def test_three_refused_logons_close_the_session_and_no_other(served: RunningVenue) -> None:
    with served.client("payer-1") as bystander:
        connection = served.connection()
        connection.say(*[logon("x")] * 5, logon(served.token("maker-1")), Logout(), Heartbeat(4))
        reasons = [message.reason for message in connection.hear() if isinstance(message, Reject)]
        assert reasons == [RejectReason.TOKEN_MALFORMED] * 3 + [RejectReason.NOT_LOGGED_ON] * 5
        bystander.heartbeat()
        assert served.connection().log_on(served.token("maker-1")).account == 3


def test_every_session_of_an_account_hears_its_reports(served: RunningVenue) -> None:
    with served.funded("maker-1") as first, served.client("maker-1") as second:
        order = first.new_order("EUR/USD", "SELL", "1.2000", "5")
        until(lambda: order.client_order_id in second.orders, lambda: second.poll(0.05))
        mirrored = second.orders[order.client_order_id]
        assert (mirrored.price, mirrored.quantity, mirrored.order_id) == ("1.2000", "5", order.order_id)
        second.cancel(mirrored)
        until(lambda: not order.is_open, lambda: first.poll(0.05))


def test_only_an_operator_moves_money_in_and_out(served: RunningVenue) -> None:
    with served.client("maker-1") as client, served.operator_client() as operator:
        for attempt in (
            lambda: client.deposit(client.account, "EUR", "1"),
            lambda: client.withdraw("EUR", "1", account=operator.account),
            lambda: client.withdrawal_paid(1),
            lambda: client.open_withdrawals(operator.account),
            lambda: client.account_number("https://kyc.example", "maker-1"),
        ):
            with pytest.raises(RequestRejected) as refused:
                attempt()
            assert refused.value.reason == RejectReason.NOT_AUTHORIZED
        account = operator.account_number("https://kyc.example", "maker-1")
        assert account == client.account
        assert operator.deposit(account, "EUR", "12.5").amount == "12.500000"
        asked = operator.withdraw("EUR", "2.5", account=account)
        assert (asked.amount, client.open_withdrawals()[0].number) == ("2.500000", asked.withdrawal)
        own = client.withdraw("EUR", "1")
        assert [w.number for w in operator.open_withdrawals()] == [asked.withdrawal, own.withdrawal]
        assert operator.withdrawal_returned(own.withdrawal).count == 1_000_000
        assert client.balances()["EUR"].available == "10.000000"
        kinds = [getattr(report, "kind", None) for report in client.poll()]
        held, returned = EventKind.WITHDRAWAL_HELD, EventKind.WITHDRAWAL_RETURNED
        assert kinds == [EventKind.DEPOSITED, held, held, returned]
        with pytest.raises(RequestRejected) as refused:
            operator.account_number("https://kyc.example", "nobody")
        assert refused.value.reason == RejectReason.UNKNOWN_ACCOUNT


def test_a_cancel_needs_no_client_id_of_its_own(served: RunningVenue) -> None:
    with served.funded("maker-1") as client:
        order = client.new_order("EUR/USD", "SELL", "1.2000", "5")
        raw = served.connection()
        raw.log_on(served.token("maker-1"))
        raw.say(Cancel(0, order.order_id, 0))
        [report] = [m for m in raw.hear() if isinstance(m, ExecutionReport)]
        assert (report.exec_type, report.order_id, report.request_id) == (EventKind.CANCELED, order.order_id, 0)


def test_a_renewed_session_hears_each_report_once(served: RunningVenue) -> None:
    with served.funded("maker-1") as client:
        for _ in range(3):
            client.logon(served.token("maker-1"))
        client.poll()
        order = client.new_order("EUR/USD", "BUY", "1.0000", "10")
        client.heartbeat()
        assert [report.message.order_id for report in client.poll() if isinstance(report, Execution)] == [
            order.order_id
        ]
