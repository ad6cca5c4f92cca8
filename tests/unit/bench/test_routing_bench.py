"""The router against a linear program over generated venues, and what ``bench.routing`` prints."""

import json
import statistics
from itertools import islice

import pytest

from bench.routing import distance, main
from bench.swap_oracle import best_possible_units, candidate_arcs, every_arc
from bench.swap_venues import PAYER, SwapVenue, venues
from fxengine._core import Core
from fxengine.codes import RejectReason, SwapMode
from fxengine.reference import Core as ReferenceCore

N_VENUES = 300
NO_SUCH_THING = {RejectReason.NO_PATH, RejectReason.INSUFFICIENT_LIQUIDITY}


@pytest.fixture(scope="module")
def generated(seed: int) -> list[SwapVenue]:
    return list(islice(venues(seed), N_VENUES))


def test_no_plan_is_better_than_the_bound_and_most_reach_it(generated: list[SwapVenue]) -> None:
    lacking = []
    for venue in generated:
        reason, paid, delivered, *_ = venue.core(Core).swap_quote(venue.command)
        bound = best_possible_units(venue, every_arc(venue))
        if reason:
            assert reason in NO_SUCH_THING
            continue
        assert bound is not None
        ours, best = (delivered, bound) if venue.mode is SwapMode.EXACT_IN else (bound, paid)
        assert ours <= best * (1 + 1e-9), "the oracle's bound is no bound"
        found = distance(venue)
        assert found is not None
        lacking.append(found.over_candidates_bp)
    assert len(lacking) > N_VENUES // 2
    assert statistics.median(lacking) < 0.01, "basis points"
    assert statistics.quantiles(lacking, n=20)[-1] < 0.1, "basis points, at the 95th percentile"


def test_what_is_not_there_for_the_oracle_is_not_there_for_the_core(generated: list[SwapVenue]) -> None:
    n_short = 0
    for venue in generated:
        if venue.mode is SwapMode.EXACT_OUT and best_possible_units(venue, candidate_arcs(venue)) is None:
            assert venue.core(Core).swap_quote(venue.command)[0] in NO_SUCH_THING
            n_short += 1
    assert n_short, "no venue was ever short"


def test_both_cores_plan_the_same_and_splitting_pays(generated: list[SwapVenue]) -> None:
    n_split = 0
    for venue in generated[:60]:
        quote = venue.core(Core).swap_quote(venue.command)
        assert quote == tuple(venue.core(ReferenceCore).swap_quote(venue.command))
        _, paid, delivered, _, _, legs, singles = quote
        if singles:
            _, single_paid, single_delivered, *_ = singles[0]
            assert (delivered, -paid) >= (single_delivered, -single_paid)
            n_split += len(legs) > 3
    assert n_split >= 5


def test_what_is_quoted_is_done(generated: list[SwapVenue]) -> None:
    for venue in generated[:40]:
        core = venue.core(Core)
        quote = core.swap_quote(venue.command)
        before = [core.balance(PAYER, currency)[0] for currency in range(venue.n_currencies)]
        venue.play(core)
        moved = [core.balance(PAYER, c)[0] - before[c] for c in range(venue.n_currencies)]
        assert moved[venue.pay] == -quote[1]
        assert moved[venue.receive] >= quote[2]
        assert min(moved[c] for c in range(venue.n_currencies) if c != venue.pay) >= 0
        core.check()


def test_the_command_prints_its_figures(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.routing.pin", lambda: "not pinned")
    assert main(["--venues", "20", "--only", "distance", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    rows = {row["basis points"]: row for row in said["figures"]["distance"]}
    assert rows["to the optimum over the candidates' books"]["swaps"] == 20
    with pytest.raises(SystemExit):
        main(["--venues", "1"])
