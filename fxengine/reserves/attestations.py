"""The attestations that a venue keeps, one file each, for as long as anybody wants to look them up.

::

    DIR/attestations/HKD-0001793404800-01793404803917402113.jwt    currency, its iat (s), when it came (ns)

A file's name only says where to look first: what counts is what the token in it says, and it is verified
whenever it is read. One whose name says another currency or time than its token does not count, so that an old
word cannot be made the newest by a new name; nor does what is no file or cannot be read, for a venue that runs
must not end because of what lies in a folder. Nothing is ever overwritten.
"""

import os
from pathlib import Path
from typing import Final

from fxengine.reserves.attestation import BYTES_MAX, Attestation, AttestationFlaw, AttestationVerifier
from fxengine.signed import NS_PER_SECOND
from fxengine.venue import Venue
from fxengine.whole_files import write_whole

FOLDER_NAME: Final = "attestations"
"""Of the folder in a venue's directory."""
_SUFFIX: Final = ".jwt"


class Attestations:
    """The attestations in a folder. Nothing is read or made before it is asked for."""

    def __init__(self, folder: Path, venue: Venue) -> None:
        self._folder = folder
        self._venue = venue
        self._verifier = AttestationVerifier(venue)

    def take(self, token: str, now_ns: int) -> tuple[Attestation, Path] | AttestationFlaw:
        """Verify an attestation and keep it; taking the same one again changes nothing.

        Refused as :meth:`AttestationVerifier.verify` does, and where a newer one is kept: an old word must not come
        back. Of two that are dated the same second the one that came later counts.
        """
        token = token.strip()
        found = self._verifier.verify(token, now_ns)
        if isinstance(found, AttestationFlaw):
            return found
        stem = _stem(found)
        for path in self._folder.glob(f"{stem}-*{_SUFFIX}"):
            if _read(path) == token:
                return found, path
        for kept in self.newest(found.currency):
            if kept.custodian == found.custodian and kept.issued_at_ns > found.issued_at_ns:
                return AttestationFlaw.OUTDATED
        path = self._folder / f"{stem}-{now_ns:020d}{_SUFFIX}"
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(path, token + "\n")
        return found, path

    def files(self) -> frozenset[str]:
        """Return the names of what is kept: where they are the same, so is everything else. O(files)."""
        try:
            return frozenset(os.listdir(self._folder))
        except FileNotFoundError:
            return frozenset()

    def newest(self, currency: str) -> list[Attestation]:
        """Return the newest attestation of each custodian of a currency, fresh or not, that any signed.

        Files that are no attestation of a listed custodian are passed over. O(files until all are found).
        """
        wanted = {c.name for c in self._venue.custodians.values() if currency in c.currencies}
        found: list[Attestation] = []
        for path in sorted(self._folder.glob(f"{currency}-*{_SUFFIX}"), reverse=True):
            if not wanted:
                break
            attestation = self._verifier.open(_read(path))
            if isinstance(attestation, AttestationFlaw) or not path.name.startswith(f"{_stem(attestation)}-"):
                continue
            if attestation.custodian in wanted:
                wanted.remove(attestation.custodian)
                found.append(attestation)
        return found

    def all(self) -> list[Attestation]:
        """Return the newest attestations of every currency that has a custodian."""
        codes = sorted({code for custodian in self._venue.custodians.values() for code in custodian.currencies})
        return [attestation for code in codes for attestation in self.newest(code)]


def _stem(attestation: Attestation) -> str:
    return f"{attestation.currency}-{attestation.issued_at_ns // NS_PER_SECOND:013d}"


def _read(path: Path) -> str:
    """Return a file's token; nothing where there is no file that can be read."""
    if not path.is_file():  # a pipe would be waited for
        return ""
    try:
        with path.open("rb") as file:
            return file.read(BYTES_MAX + 2).decode("ascii", "replace").strip()
    except OSError:
        return ""
