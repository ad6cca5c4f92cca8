"""Snapshots of a venue as its operator runs it: served, killed, asked for beside it, closed, and audited."""

from pathlib import Path

from fxengine.client import Client
from fxengine.codes import Side
from fxengine.home import Home
from tests.integration.served_venue import ServedVenue, answer


def levels(client: Client) -> tuple[int, list[tuple[int, int]], list[tuple[int, int]]]:
    """The displayed book, and the number of the last market data in it."""
    book = client.book("EUR/USD", 100)
    return book.stream, book.levels_ticks(Side.BUY), book.levels_ticks(Side.SELL)


def trade(maker: Client, payer: Client, n_orders: int) -> None:
    """Leave a book of orders behind, a few of them traded."""
    for place in range(n_orders):
        maker.new_order("EUR/USD", Side.SELL, f"{1.2 + place / 1000:.4f}", "100")
        maker.new_order("EUR/USD", Side.BUY, f"{1.1 - place / 1000:.4f}", "100")
    payer.new_order("EUR/USD", Side.BUY, "1.2", "40")


def test_a_venue_starts_from_its_newest_snapshot_and_is_what_its_journal_says(tmp_path: Path) -> None:
    home = Home.create(tmp_path / "venue")
    directory = str(home.directory)
    with ServedVenue(home) as served:
        assert served.ready["from_snapshot"] == 0
        with served.log_on("maker-1") as maker, served.log_on("payer-1", "payer") as payer:
            served.deposit(maker, EUR="1000000", USD="1000000")
            served.deposit(payer, EUR="1000000", USD="1000000")
            trade(maker, payer, 5)
            beside = answer("snapshot", directory)
            assert beside["exit_code"] == 0, beside
            book = levels(maker)
            served.kill()
    ledger = home.directory / "ledger.sqlite"
    with ServedVenue(home) as served:
        began = served.ready
        assert began["from_snapshot"] in (0, beside["commands"]), "0: the ledger had not settled so far"
        assert began["commands"] >= beside["commands"]
        with served.log_on("maker-1") as maker, served.log_on("payer-1", "payer") as payer:
            assert levels(maker) == book
            assert min(map(len, book[1:])) >= 4
            trade(maker, payer, 2)
            book = levels(maker)
        served.stop()
    assert ledger.exists()
    with ServedVenue(home) as served:
        assert served.ready["from_snapshot"] == served.ready["commands"] > began["commands"]
        with served.log_on("maker-1") as maker:
            assert levels(maker) == book
        served.stop()
    found = answer("verify", directory)
    assert found["ok"], found
    assert answer("snapshot", directory)["commands"] == found["commands"]
    for path in (home.directory / "snapshots").glob("*.fxs"):
        path.write_bytes(path.read_bytes()[:-1])
    assert not answer("verify", directory)["ok"]
    with ServedVenue(home) as served:
        assert served.ready["from_snapshot"] == 0
        assert served.ready["commands"] == found["commands"]
        assert served.ready["state_hash"] == found["state_hash"]


def test_there_is_no_snapshot_of_a_venue_that_never_ran(tmp_path: Path) -> None:
    home = Home.create(tmp_path / "venue")
    refused = answer("snapshot", str(home.directory))
    assert refused["exit_code"] == 1
    assert "no journal here" in refused["error"]["text"]
