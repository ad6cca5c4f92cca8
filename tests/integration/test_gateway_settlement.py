"""What was traded becomes FINAL in the ledger, and both sides are told which commands that covers."""

import pytest

from fxengine.client import SettlementNotice
from fxengine.codes import SettlementStatus
from fxengine.errors import VenueUnreachable
from tests.integration.venue_thread import RunningVenue


def test_finality_reaches_both_sides_of_a_trade_and_names_the_policy(served: RunningVenue) -> None:
    with served.funded("maker-1") as maker, served.funded("payer-1") as payer:
        maker.new_order("EUR/USD", "SELL", "1.1172", "1000")
        taken = payer.new_order("EUR/USD", "BUY", "1.1172", "400")
        maker.timeout_s = 0.05
        with pytest.raises(VenueUnreachable, match="settlement of command"):
            maker.wait_final(taken.sequence)  # the cycle has not ended: the clock stands still
        maker.timeout_s = payer.timeout_s
        served.clock.advance(1)
        for client in (maker, payer):
            notice = client.wait_final(taken.sequence)
            assert notice.status is SettlementStatus.FINAL
            assert notice.first_sequence <= taken.sequence <= notice.last_sequence
            assert notice.finality == "memory"
            assert client.wait_final(taken.sequence) == notice, "known by now"


def test_a_bystander_hears_nothing_of_a_batch_that_moved_none_of_its_money(served: RunningVenue) -> None:
    with served.funded("maker-1") as maker, served.funded("payer-1") as payer, served.client("bystander") as bystander:
        maker.new_order("EUR/USD", "SELL", "1.1172", "1000")
        taken = payer.new_order("EUR/USD", "BUY", "1.1172", "400")
        served.clock.advance(1)
        maker.wait_final(taken.sequence)
        bystander.heartbeat()
        assert not [report for report in bystander.poll() if isinstance(report, SettlementNotice)]


def test_batches_follow_one_another_without_a_gap(served: RunningVenue) -> None:
    with served.funded("maker-1") as maker, served.funded("payer-1") as payer:
        maker.new_order("EUR/USD", "SELL", "1.1172", "1000")
        notices: list[SettlementNotice] = []
        for _ in range(3):
            taken = payer.new_order("EUR/USD", "BUY", "1.1172", "10")
            served.clock.advance(1)
            notices.append(payer.wait_final(taken.sequence))
        assert [notice.batch_id for notice in notices] == [1, 2, 3]
        assert [n.first_sequence for n in notices[1:]] == [n.last_sequence + 1 for n in notices[:-1]]
