"""An account spends its burst and then its rate, and hears to the nanosecond when the same would pass."""

import random
from dataclasses import replace
from pathlib import Path

from fxengine.gateway.limits import RELIEF_FACTOR, Allowance, Allowances, Bucket, routing_cost
from fxengine.sandbox import create_key
from fxengine.venue import BURST_MIN, Level
from tests.integration.venue_thread import SECOND_NS, START_NS, make_venue


def test_a_burst_passes_at_once_and_then_one_for_each_time_it_takes_to_fill() -> None:
    bucket = Bucket(per_s=10, burst=5)
    assert [bucket.spend(1, START_NS) for _ in range(5)] == [0] * 5
    assert bucket.spend(1, START_NS) == SECOND_NS // 10
    assert bucket.spend(3, START_NS) == 3 * SECOND_NS // 10
    assert bucket.spend(1, START_NS + SECOND_NS // 10 - 1) == 1
    assert bucket.spend(1, START_NS + SECOND_NS // 10) == 0
    assert bucket.spend(1, START_NS + SECOND_NS // 10) == SECOND_NS // 10


def test_a_pause_fills_the_bucket_and_no_more_than_that() -> None:
    for pause_s in (0.9, 0.5, 3_600):
        later = START_NS + round(pause_s * SECOND_NS)
        full = Bucket(per_s=10, burst=5)
        assert full.spend(5, START_NS) == 0
        assert full.spend(5, later) == 0
        assert full.spend(1, later) > 0


def test_whatever_it_is_asked_it_never_gives_more_than_burst_and_rate_and_its_hint_is_exact(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(50):
        per_s, burst = rng.choice((1, 3, 7, 999, 10**6, 10**9)), rng.randint(1, 2_000)
        bucket, now_ns, spent = Bucket(per_s, burst), START_NS, 0
        for _ in range(200):
            now_ns += rng.choice((0, 1, rng.randint(0, SECOND_NS)))
            cost = rng.randint(1, burst)
            retry_ns = bucket.spend(cost, now_ns)
            if not retry_ns:
                spent += cost
                assert spent * SECOND_NS <= burst * SECOND_NS + (now_ns - START_NS) * per_s
            else:
                assert bucket.spend(cost, now_ns + retry_ns - 1) == 1, "a nanosecond sooner is too soon"
                if rng.random() < 0.5:
                    now_ns += retry_ns
                    assert bucket.spend(cost, now_ns) == 0
                    spent += cost


def test_a_clock_that_goes_back_costs_no_more_than_one_bucket() -> None:
    bucket = Bucket(per_s=10, burst=5)
    bucket.spend(5, START_NS)
    earlier = START_NS - 86_400 * SECOND_NS
    assert bucket.spend(1, earlier) == SECOND_NS // 10
    assert bucket.spend(1, earlier + SECOND_NS // 10) == 0


def test_what_makes_safer_has_a_bucket_of_its_own_and_a_larger_one() -> None:
    allowance = Allowance(per_s=10, burst=5)
    assert allowance.commands.spend(5, START_NS) == 0
    assert allowance.commands.spend(1, START_NS) > 0
    assert allowance.relief.spend(5 * RELIEF_FACTOR, START_NS) == 0
    assert allowance.relief.spend(1, START_NS) == SECOND_NS // (10 * RELIEF_FACTOR)


def test_an_account_keeps_what_it_has_left_from_session_to_session_and_a_new_level_starts_anew() -> None:
    payer, maker = (Level(name, code, 16, 1_000 * code, 2_000) for code, name in enumerate(("payer", "maker"), 1))
    allowances = Allowances()
    first = allowances.of(2, payer)
    assert allowances.of(2, payer) is first
    assert allowances.of(3, payer) is not first
    assert allowances.of(2, maker) is not first


def test_what_is_routed_costs_what_it_may_come_to_and_fits_into_every_burst(tmp_path: Path) -> None:
    venue = make_venue(
        create_key(tmp_path, "https://kyc.example", "k"), create_key(tmp_path, "https://ops.example", "o")
    )
    for max_fills, n_currencies, cost in ((1, 2, 1), (256, 10, 9), (256, 20, 10), (4_096, 255, 1 + 128 + 162)):
        wide = replace(venue, max_fills=max_fills, currencies=(venue.currencies[0],) * n_currencies)
        assert routing_cost(wide) == cost
    assert routing_cost(replace(venue, max_fills=65_536)) == BURST_MIN
