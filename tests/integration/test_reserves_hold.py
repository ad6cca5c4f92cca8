"""A currency whose reserves do not cover what is owed can only be left, and is open again when they do."""

from pathlib import Path

from fxengine.client import Client
from fxengine.codes import RejectReason
from fxengine.errors import RequestRejected
from fxengine.home import Home
from tests.integration.served_venue import ServedVenue
from tests.integration.typed import typed
from tests.integration.venue_thread import until


def refusal(client: Client) -> str:
    """Enter an order and take it back; return why it was refused, or nothing."""
    try:
        order = client.new_order("USD/HKD", "BUY", "5", "10")
    except RequestRejected as e:
        return e.reason.name
    client.cancel(order.client_order_id)
    return ""


def test_a_running_venue_holds_a_currency_to_its_reserves(tmp_path: Path) -> None:
    directory = tmp_path / "venue"
    assert typed("init", directory)["exit_code"] == 0
    with ServedVenue(Home(directory)) as served, served.log_on("maker-1") as maker:
        assert typed("deposit", "maker-1", "HKD", "1000000", "--venue", directory)["exit_code"] == 0
        assert refusal(maker) == ""
        assert typed("attest", "HKD", "999999.99", "--venue", directory)["exit_code"] == 0
        until(lambda: refusal(maker) == "CURRENCY_REDEEM_ONLY", lambda: None)
        more = typed("deposit", "maker-1", "HKD", "1", "--venue", directory)
        assert more["error"]["code"] == RejectReason.CURRENCY_REDEEM_ONLY
        assert typed("withdraw", "HKD", "1", "--as", "maker-1", "--venue", directory)["exit_code"] == 0
        (directory / "attestations" / "HKD-9999999999999-1.jwt").mkdir()  # no file, and no reason to end a venue
        assert typed("attest", "HKD", "1000000", "--venue", directory)["exit_code"] == 0
        until(lambda: refusal(maker) == "", lambda: None)
