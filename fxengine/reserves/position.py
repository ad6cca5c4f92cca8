"""Reserves against liabilities, per currency: which are covered, and which may only be redeemed.

======== ==========================================================================================
OK       what is freshly attested covers all that is owed
STALE    it does not, but would with attestations whose time is over: ask the custodian for a new one
UNDER    it does not, whichever attestations are counted: less is held than owed
MISSING  no custodian of the currency has attested anything, or none is listed
======== ==========================================================================================

Several custodians of one currency add up, each with its newest attestation. Nothing is rounded in the
venue's favour: a ratio is cut off, so that 99.999 % never reads as 100.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from fxengine.codes import CUSTODY_ACCOUNT, ControlMode
from fxengine.ledger.reading import Reader
from fxengine.money import format_scaled
from fxengine.reserves.attestation import Attestation
from fxengine.venue import Currency, Venue

_RATIO_DECIMALS: Final = 2
_OWED: Final = "SELECT c.code, b.amount_units FROM balances b JOIN currencies c USING (currency) WHERE b.account = ?"


class ReserveStatus(Enum):
    """How a currency's reserves stand. The value says what it means."""

    OK = "covered"
    STALE = "the attestation is too old: get a new one"
    UNDER = "less is held than owed"
    MISSING = "nothing was ever attested"


@dataclass(frozen=True, slots=True)
class Position:
    """One currency's reserves at one moment."""

    currency: Currency
    liabilities_units: int
    fresh_units: int
    """Attested, and fresh enough to count."""
    stale_units: int
    """Attested, but too old to count."""
    issued_at_ns: int | None
    """Time of the oldest attestation in these sums; None without any."""
    status: ReserveStatus

    @property
    def holdings_units(self) -> int:
        """All that custodians have said to hold, fresh or not."""
        return self.fresh_units + self.stale_units

    @property
    def ratio_text(self) -> str | None:
        """Holdings in percent of liabilities, cut off after two decimals; None where nothing is owed."""
        if not self.liabilities_units:
            return None
        ratio = self.holdings_units * 10 ** (2 + _RATIO_DECIMALS) // self.liabilities_units
        return format_scaled(ratio, _RATIO_DECIMALS)


def liabilities(reader: Reader) -> dict[str, int]:
    """Return what is owed in each currency, in units, by code: what custody mirrors. O(currencies)."""
    return {str(code): -int(str(units)) for code, units in reader.rows(_OWED, CUSTODY_ACCOUNT)}


def positions(
    venue: Venue, owed_units: Mapping[str, int], attestations: Iterable[Attestation], now_ns: int
) -> list[Position]:
    """Hold attestations against liabilities, for every currency of the venue in its order.

    ``attestations``: the newest of each custodian and currency, as ``Attestations.all`` returns them.
    """
    fresh: dict[str, int] = {}
    stale: dict[str, int] = {}
    oldest: dict[str, int] = {}
    for attestation in attestations:
        code = attestation.currency
        sums = fresh if attestation.is_fresh(now_ns, venue.attestation_max_age_s) else stale
        sums[code] = sums.get(code, 0) + attestation.amount_units
        oldest[code] = min(oldest.get(code, attestation.issued_at_ns), attestation.issued_at_ns)
    found = []
    for code, currency in venue.currency.items():
        owed, counts, past = owed_units.get(code, 0), fresh.get(code, 0), stale.get(code, 0)
        status = _status(owed, counts, past, is_attested=code in oldest, is_fresh=code in fresh)
        found.append(Position(currency, owed, counts, past, oldest.get(code), status))
    return found


def reserve_modes(venue: Venue, found: Iterable[Position]) -> dict[int, ControlMode]:
    """Return for each currency that has a custodian, by its index, the mode that its reserves call for.

    REDEEM_ONLY where they are not OK, else OPEN. A currency for which the venue file lists no custodian is not
    watched: it is left out. Whoever runs the venue asks this at each change of the reserves and as time goes by.
    """
    watched = {code for custodian in venue.custodians.values() for code in custodian.currencies}
    return {
        p.currency.index: ControlMode.OPEN if p.status is ReserveStatus.OK else ControlMode.REDEEM_ONLY
        for p in found
        if p.currency.code in watched
    }


def _status(owed: int, fresh: int, stale: int, *, is_attested: bool, is_fresh: bool) -> ReserveStatus:
    if not is_attested:
        return ReserveStatus.MISSING
    if is_fresh and fresh >= owed:
        return ReserveStatus.OK
    return ReserveStatus.STALE if fresh + stale >= owed else ReserveStatus.UNDER
