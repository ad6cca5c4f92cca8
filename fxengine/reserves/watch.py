"""Watching the reserves of a venue that runs: which currencies its custodians' words do not cover now.

What is owed moves with every deposit, an attestation's time runs out by itself, and a new one comes as a
file whenever it comes. So all three are asked again each time, and the files only when there are others.
"""

from collections.abc import Callable

from fxengine.codes import ControlMode
from fxengine.reserves.attestation import Attestation
from fxengine.reserves.attestations import Attestations
from fxengine.reserves.position import Position, positions, reserve_modes
from fxengine.venue import Venue


class ReserveWatch:
    """``owed_units(currency)`` returns what is owed of a currency now, in units, by the currency's index."""

    def __init__(self, venue: Venue, attestations: Attestations, owed_units: Callable[[int], int]) -> None:
        self._venue = venue
        self._attestations = attestations
        self._owed_units = owed_units
        self._files: frozenset[str] | None = None
        self._newest: list[Attestation] = []

    def uncovered(self, now_ns: int) -> list[int]:
        """Return the currencies that are to be redeem-only now, by index. O(currencies + files)."""
        if not self._venue.custodians:
            return []
        modes = reserve_modes(self._venue, self._positions(now_ns))
        return [currency for currency, mode in modes.items() if mode is ControlMode.REDEEM_ONLY]

    def room_units(self, currency: int, now_ns: int) -> int | None:
        """Return how much more of a currency the fresh attestations would cover now; None where nobody attests it."""
        code = self._venue.currencies[currency].code if currency < len(self._venue.currencies) else ""
        if not any(code in custodian.currencies for custodian in self._venue.custodians.values()):
            return None
        position = self._positions(now_ns)[currency]
        return position.fresh_units - position.liabilities_units

    def _positions(self, now_ns: int) -> list[Position]:
        files = self._attestations.files()
        if files != self._files:
            self._files, self._newest = files, self._attestations.all()
        owed = {currency.code: self._owed_units(currency.index) for currency in self._venue.currencies}
        return positions(self._venue, owed, self._newest, now_ns)
