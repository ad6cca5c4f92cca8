"""The commitments that a venue has published: one file for a batch, signed once and never again.

::

    DIR/commitments/000000000012.jwt    the commitment to batch 12; public, to be put where everybody looks

A commitment is worth something because all see the same one. So a batch's is kept when it is first made,
and when it is asked for again the books must still say the same: where they do not, nothing is signed.
"""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

from fxengine.errors import FxEngineError
from fxengine.proof.commitment import TYPE, Commitment, open_commitment
from fxengine.proof.flaws import COMMITMENT_FLAWS
from fxengine.signed import NS_PER_SECOND, TokenFlaw

_SUFFIX = ".jwt"


class Signer(Protocol):
    """The operator's key, wherever it is kept."""

    def sign(self, claims: Mapping[str, object], *, typ: str) -> str:
        """Return the claims as a JWT of a type."""


class Published(NamedTuple):
    """A commitment that is published, and the file with its token."""

    commitment: Commitment
    file: Path


class Commitments:
    """The published commitments in a folder. ``keys``: issuer to key id to raw public key, of the operator."""

    def __init__(self, folder: Path, keys: Mapping[str, Mapping[str, bytes]]) -> None:
        self._folder = folder
        self._keys = keys

    def newest(self) -> int | None:
        """Return the newest batch that a commitment is published to. O(files)."""
        batches = [
            int(path.stem) for path in self._folder.glob(f"*{_SUFFIX}") if path.stem.isascii() and path.stem.isdigit()
        ]
        return max(batches, default=None)

    def publish(self, commitment: Commitment, signer: Signer, now_ns: int) -> Published:
        """Sign a commitment and keep it; return the one that is published already where it says the same.

        Raises :class:`FxEngineError` where another one is published to this batch.
        """
        path = self._folder / f"{commitment.batch:012d}{_SUFFIX}"
        if path.exists():
            return self._published(path, commitment)
        self._folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        partial = path.with_suffix(f".{secrets.token_hex(4)}.partial")
        try:
            with partial.open("x", encoding="ascii") as file:
                file.write(signer.sign({"iat": now_ns // NS_PER_SECOND, **commitment.claims()}, typ=TYPE) + "\n")
                file.flush()
                os.fsync(file.fileno())
            os.link(partial, path)  # unlike a rename it never takes another's place
        except FileExistsError:
            pass  # another process was quicker: what it published is what counts
        finally:
            partial.unlink(missing_ok=True)
        return self._published(path, commitment)

    def _published(self, path: Path, commitment: Commitment) -> Published:
        if self._read(path) != commitment:
            raise FxEngineError(
                f"{path} commits to batch {commitment.batch} otherwise than these books do: another ledger is meant, or"
                " the books or the secret in keys/ were changed; nothing was published"
            )
        return Published(commitment, path)

    def _read(self, path: Path) -> Commitment:
        found = open_commitment(path.read_text(encoding="ascii", errors="replace"), self._keys)
        if isinstance(found, TokenFlaw):
            raise FxEngineError(f"{path}: {COMMITMENT_FLAWS[found].value}")
        return found
