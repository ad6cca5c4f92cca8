"""The most that any router could get out of a venue's books: a linear program, solved by HiGHS.

Each level of each book that may be used is a variable, its lots; money is kept in each currency between::

    maximize    what the books into the currency received bring, after fees
    subject to  per currency between: brought - spent >= 0;  spent of the currency paid <= the amount
                0 <= lots of a level <= its quantity

and for an exact amount out the least that is paid. Lots are real numbers here and fees are not rounded, so
no plan in whole lots can be better: the oracle's answer is a bound. Which books may be used is the caller's:
those of the candidate paths tell how well the router splits, all of them what the choice of paths costs.

Source: J. Hall et al., HiGHS (https://highs.dev), through scipy.optimize.linprog.
"""

from collections.abc import Iterable
from fractions import Fraction
from itertools import pairwise, permutations
from math import prod

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_array

from bench.swap_venues import SwapVenue, kept
from fxengine.codes import Side, SwapMode
from fxengine.money import RATE_ONE
from fxengine.records import PATH_BOOKS_MAX, PATHS_MAX

Arc = tuple[int, Side]


def candidate_arcs(venue: SwapVenue) -> list[Arc]:
    """Return the books of the eight paths with the best rates at their tops; by other means than the router's own."""
    tops: dict[tuple[int, int], tuple[Fraction, Arc]] = {}
    for index, pair in enumerate(venue.pairs):
        for side in Side:
            level = next(iter(venue.books[index][Side.SELL if side is Side.BUY else Side.BUY]), None)
            if level is not None:
                rate = Fraction(level.price_ticks * pair.tick_lot_units, pair.lot_units)
                rate = (1 / rate if side is Side.BUY else rate) * (1 - Fraction(pair.taker_rate, RATE_ONE))
                ends = (pair.quote, pair.base) if side is Side.BUY else (pair.base, pair.quote)
                tops[ends] = rate, (index, side)
    between = [currency for currency in range(venue.n_currencies) if currency not in (venue.pay, venue.receive)]
    ranked = []
    for n in range(PATH_BOOKS_MAX):
        for middle in permutations(between, n):
            hops = list(pairwise((venue.pay, *middle, venue.receive)))
            if all(hop in tops for hop in hops):
                rate = prod((tops[hop][0] for hop in hops), start=Fraction(1))
                ranked.append((-rate, len(ranked), [tops[hop][1] for hop in hops]))
    best = sorted(ranked)[:PATHS_MAX]
    return list(dict.fromkeys(arc for _, _, arcs in best for arc in arcs))


def every_arc(venue: SwapVenue) -> list[Arc]:
    """Return each book in both directions."""
    return [(index, side) for index in range(len(venue.pairs)) for side in Side]


def best_possible_units(venue: SwapVenue, arcs: Iterable[Arc]) -> float | None:
    """Return the most received (EXACT_IN) or the least paid (EXACT_OUT); None where the amount is not there."""
    rows, columns, values, brought, spent = [], [], [], [], []
    upper: list[float] = []
    scale = float(venue.amount_units)
    for index, side in arcs:
        pair = venue.pairs[index]
        for level in venue.books[index][Side.SELL if side is Side.BUY else Side.BUY]:
            base, quote = pair.lot_units / scale, level.price_ticks * pair.tick_lot_units / scale
            (gives, cost), (gets, gain) = (
                ((pair.quote, quote), (pair.base, base))
                if side is Side.BUY
                else ((pair.base, base), (pair.quote, quote))
            )
            gain *= kept(pair)
            column = len(upper)
            upper.append(float(level.lots))
            rows += [gives, gets]
            columns += [column, column]
            values += [cost, -gain]
            brought.append((gain if gets == venue.receive else 0.0) - (cost if gives == venue.receive else 0.0))
            spent.append((cost if gives == venue.pay else 0.0) - (gain if gets == venue.pay else 0.0))
    if not upper:
        return None
    # One lot is a tiny part of the amount; scaling a variable to its whole level keeps the matrix near one.
    whole = np.array(upper)
    matrix = coo_array((np.array(values) * whole[columns], (rows, columns)), shape=(venue.n_currencies, len(upper)))
    bounds = np.zeros(venue.n_currencies)
    exact_in = venue.mode is SwapMode.EXACT_IN
    if exact_in:
        bounds[venue.pay], bounds[venue.receive] = 1.0, np.inf
        objective = -np.array(brought) * whole
    else:
        bounds[venue.pay], bounds[venue.receive] = np.inf, -1.0
        objective = np.array(spent) * whole
    kept_rows = np.isfinite(bounds)
    found = linprog(
        objective, A_ub=matrix.tocsr()[kept_rows], b_ub=bounds[kept_rows], bounds=(0, 1), method="highs-ds",
        options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
    )  # fmt: skip
    if found.status != 0:
        return None
    return abs(float(found.fun)) * scale
