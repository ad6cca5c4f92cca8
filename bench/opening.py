"""What stands before any measured flow: pairs, traders with credentials, and money for all they will hold.

Account 2 is the operator that deposits, traders follow from 3. Fees are not zero, every account has a
credential that allows both currencies, and the window of client ids is the widest, so that an
order stays known by its client id however long it rests::

    currency 0 = base    a lot is one unit
    currency 1 = quote   a tick for a lot is one unit
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from bench.flows.commands import credential
from fxengine.codes import AccountFlag, CommandKind
from fxengine.records import COMMAND, INSTRUMENT, MONEY, Records

Integers = npt.NDArray[np.int64]

BASE: Final = 0
QUOTE: Final = 1
N_CURRENCIES: Final = 2
OPERATOR: Final = 2
FIRST_TRADER: Final = 3
WINDOW: Final = 1 << 20
MAKER_RATE: Final = 20
TAKER_RATE: Final = 50
"""Hundredths of a basis point, of what the party receives."""
UNITS_MAX: Final = 2**62
"""Bound of all deposits in one currency, well within the core's own of 2**63 - 1."""


def instruments(n: int = 1) -> Records:
    """Return ``n`` pairs of the same two currencies, with fees."""
    rows = np.zeros(n, INSTRUMENT)
    rows["base"], rows["quote"], rows["lot_units"], rows["tick_lot_units"] = BASE, QUOTE, 1, 1
    rows["maker_rate"], rows["taker_rate"] = MAKER_RATE, TAKER_RATE
    return rows


def opening(amounts_units: Integers) -> Records:
    """Return the commands that open an operator and traders, and fund the traders.

    ``amounts_units`` is ``(n_traders, 2)``: what each gets of base and of quote. Nothing is
    deposited where that is 0. ValueError when a currency's total would exceed UNITS_MAX.
    """
    if any(sum(column) > UNITS_MAX for column in amounts_units.T.tolist()):
        raise ValueError(f"the flow's orders hold more than {UNITS_MAX} units of a currency; scale its quantities down")
    permitted = (BASE, QUOTE)
    credentials = [credential(OPERATOR, "operator-1", permitted=permitted, flags=AccountFlag.OPERATOR, window=WINDOW)]
    credentials += [
        credential(FIRST_TRADER + n, f"trader-{n + 1}", permitted=permitted, window=WINDOW)
        for n in range(len(amounts_units))
    ]
    traders, currencies = np.nonzero(amounts_units)
    deposits = np.zeros(len(traders), MONEY)
    deposits["kind"], deposits["n_records"], deposits["account"] = CommandKind.DEPOSIT, 1, OPERATOR
    deposits["client_order_id"] = np.arange(1, len(traders) + 1)
    deposits["instrument"], deposits["beneficiary"] = currencies, FIRST_TRADER + traders
    deposits["amount_units"] = amounts_units[traders, currencies]
    return np.concatenate([np.frombuffer(b"".join(credentials), COMMAND), deposits.view(COMMAND)])


def funds(traders: Integers, sides_are_buys: npt.NDArray[np.bool_], price_ticks: Integers, lots: Integers) -> Integers:
    """Return ``(n_traders, 2)`` units that cover all these orders at once; one order per row.

    More than can ever be held, so that no order of the flow lacks funds whatever trades when.
    ValueError when a single order is beyond int64.
    """
    if len(lots) and (price_ticks.astype(float) * lots).max() > UNITS_MAX:
        raise ValueError(f"an order of the flow holds more than {UNITS_MAX} units; scale its quantities down")
    amounts = np.zeros((int(traders.max(initial=-1)) + 1, N_CURRENCIES), np.int64)
    units = np.where(sides_are_buys, price_ticks * lots, lots)
    np.add.at(amounts, (traders, np.where(sides_are_buys, QUOTE, BASE)), units)
    return amounts
