"""Two sessions of one account that choose the same client order id at once: one command each, or an error."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fxengine.client import Client
from fxengine.codes import RejectReason
from fxengine.errors import AmountError, RequestRejected
from fxengine.home import Home
from tests.integration.served_venue import ServedVenue, answer
from tests.integration.venue_thread import RunningVenue


def test_two_operators_with_one_id_never_both_claim_one_deposit(served: RunningVenue) -> None:
    client = served.client("payer-1")
    with served.operator_client() as one, served.operator_client() as other:
        calls = [(who, who.protocol.deposit(client.account, "USD", "100")) for who in (one, other)]
        for who, _ in calls:
            who.poll()
        outcomes = [_outcome(who, call) for who, call in calls]
        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["MoneyMovement", "RequestRejected"]
        (refused,) = [outcome for outcome in outcomes if isinstance(outcome, RequestRejected)]
        assert refused.reason == RejectReason.CLIENT_ID_REUSED
        assert client.balances()["USD"].available == "100.000000"
        loser = one if outcomes[0] is refused else other
        loser.deposit(client.account, "USD", "100")
    assert client.balances()["USD"].available == "200.000000"
    client.close()


def test_two_swaps_of_one_payer_with_one_id_pay_once(served: RunningVenue) -> None:
    maker = served.funded("maker-1")
    maker.new_order("EUR/USD", "SELL", "1.1000", "5000")
    one, other = served.funded("payer-1"), served.client("payer-1")
    other.poll()
    calls = [(who, who.protocol.swap("USD", "EUR", exact_out="100", max_in="120")) for who in (one, other)]
    for who, _ in calls:
        who.poll()
    outcomes = [_outcome(who, call) for who, call in calls]
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["RequestRejected", "SwapReceipt"]
    # 101 lots less the fee of 0.0101: 100 delivered, the rest of a lot is change.
    assert one.balances()["EUR"].available == "1000100.989900"
    for client in (maker, one, other):
        client.close()


def _outcome(client: Client, call: object) -> object:
    try:
        return client.wait(call)  # type: ignore[arg-type]
    except RequestRejected as refusal:
        return refusal


def test_the_same_id_given_twice_on_purpose_is_answered_twice_and_done_once(served: RunningVenue) -> None:
    client = served.client("payer-1")
    with served.operator_client() as operator:
        first = operator.deposit(client.account, "USD", "100", client_order_id=7)
        again = operator.deposit(client.account, "USD", "100", client_order_id=7)
    assert first.sequence == again.sequence
    assert client.balances()["USD"].available == "100.000000"
    client.close()


@pytest.mark.parametrize("client_order_id", [0, -1, 2**64])
def test_an_id_that_no_record_can_hold_is_refused_before_it_is_sent(served: RunningVenue, client_order_id: int) -> None:
    client = served.client("payer-1")
    with pytest.raises(AmountError, match="client order id"):
        client.swap("USD", "EUR", exact_out="1", max_in="2", client_order_id=client_order_id)
    client.close()


def test_withdrawals_typed_at_the_same_moment_are_each_done(tmp_path: Path) -> None:
    home = Home.create(tmp_path / "venue")
    with ServedVenue(home) as venue:
        with venue.log_on("payer-1") as payer:
            venue.deposit(payer, HKD="1000")
        command = ("withdraw", "HKD", "100", "--for", "payer-1", "--venue", str(home.directory))
        with ThreadPoolExecutor(3) as pool:
            said = list(pool.map(lambda _: answer(*command), range(3)))
        assert [line["exit_code"] for line in said] == [0, 0, 0], said
        assert len({line["sequence"] for line in said}) == 3
        with venue.log_on("payer-1") as payer:
            assert payer.balances()["HKD"].available == "700.000000"
        venue.stop()


def test_a_second_serve_of_one_directory_leaves_the_first_reachable(tmp_path: Path) -> None:
    home = Home.create(tmp_path / "venue")
    with ServedVenue(home) as venue:
        addresses = ("--orders", "tcp://127.0.0.1:*", "--market-data", "tcp://127.0.0.1:*")
        refused = answer("serve", str(home.directory), *addresses)
        assert refused["exit_code"] == 1
        assert "another engine" in refused["error"]["text"]
        assert home.endpoints().orders == venue.ready["orders"]
        venue.stop()
    assert not home.endpoints_file.exists()
