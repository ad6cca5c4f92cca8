"""Reserves: what custodians sign that they hold, against what the ledger says is owed."""

from fxengine.reserves.attestation import Attestation, AttestationFlaw, AttestationVerifier
from fxengine.reserves.attestations import Attestations
from fxengine.reserves.position import Position, ReserveStatus, liabilities, positions, reserve_modes
from fxengine.reserves.watch import ReserveWatch

__all__ = [
    "Attestation",
    "AttestationFlaw",
    "AttestationVerifier",
    "Attestations",
    "Position",
    "ReserveStatus",
    "ReserveWatch",
    "liabilities",
    "positions",
    "reserve_modes",
]
