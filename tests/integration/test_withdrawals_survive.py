"""Money that waits to be paid outlives a killed venue: held once, FINAL again after the start, paid once."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from fxengine.client import Client
from fxengine.codes import RejectReason
from fxengine.errors import RequestRejected
from fxengine.home import Home
from tests.integration.served_venue import ServedVenue, answer
from tests.integration.venue_thread import until

WAIT_S = 20.0
ROUNDS = 4


def operator_of(venue: ServedVenue) -> Client:
    return Client.connect(venue.home.endpoints().orders, venue.home.operator_token(), timeout_s=WAIT_S)


def wait_until_final(client: Client, number: int) -> None:
    """Wait until a withdrawal may be paid."""
    until(
        lambda: next(w.is_final for w in client.open_withdrawals() if w.number == number),
        lambda: client.poll(0.05),
    )


def test_a_withdrawal_outlives_killed_venues_and_is_paid_once(tmp_path: Path) -> None:
    home = Home.create(tmp_path / "venue")
    paid: dict[int, int] = {}
    with ServedVenue(home) as venue:
        with venue.log_on("payer-1") as payer, operator_of(venue) as operator:
            account = payer.account
            operator.deposit(account, "HKD", "1000", reference="bank-1/1")
        for _ in range(ROUNDS):
            with venue.log_on("payer-1") as payer:
                asked = payer.withdraw("HKD", "100")
            venue.kill()
            venue.start()
            with operator_of(venue) as operator:
                assert [w.number for w in operator.open_withdrawals()] == [asked.withdrawal]
                wait_until_final(operator, asked.withdrawal)
                done = operator.withdrawal_paid(asked.withdrawal)
                paid[asked.withdrawal] = done.client_order_id
            venue.kill()
            venue.start()
            with operator_of(venue) as operator:
                again = operator.withdrawal_paid(asked.withdrawal, client_order_id=paid[asked.withdrawal])
                assert (again.count, again.sequence) == (100_000_000, done.sequence)
                with pytest.raises(RequestRejected) as twice:
                    operator.withdrawal_paid(asked.withdrawal)
                assert twice.value.reason == RejectReason.UNKNOWN_WITHDRAWAL
                with pytest.raises(RequestRejected) as known:
                    operator.deposit(account, "HKD", "1000", reference="bank-1/1")
                assert known.value.reason == RejectReason.DEPOSIT_KNOWN
        with venue.log_on("payer-1") as payer:
            assert payer.balances()["HKD"].available == f"{1000 - 100 * ROUNDS}.000000"
        venue.stop()
    found = answer("verify", str(home.directory))
    assert found["ok"], found["problems"]
    with closing(sqlite3.connect(home.directory / "ledger.sqlite")) as ledger:
        rows = ledger.execute("SELECT withdrawal, amount_units, state FROM withdrawals ORDER BY withdrawal").fetchall()
        assert ledger.execute("SELECT count(*) FROM deposits").fetchone() == (1,)
    assert rows == [(number, 100_000_000, "PAID") for number in paid]
