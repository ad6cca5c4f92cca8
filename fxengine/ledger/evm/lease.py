"""The lease: of all processes on this machine one posts for a deployment, and it is said who.

A lock on a file ends with the process, however that ends. Two machines cannot see each other's; there the vault
is the guard, which takes each batch once and only behind the last.
"""

import fcntl
import os
from pathlib import Path

from fxengine.errors import LedgerError


class Lease:
    """The lock on a deployment's directory, held until :meth:`end`. Raises :class:`LedgerError` where it is taken."""

    def __init__(self, path: Path) -> None:
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as e:
            raise LedgerError(f"{path} cannot be made: {e.strerror}") from e
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(self._fd, 32).decode("ascii", "replace").strip()
            os.close(self._fd)
            raise LedgerError(
                f"another process posts to this vault already (process {holder or 'unknown'}, which holds {path}):"
                " one venue, one poster; stop that one first [LEASE_TAKEN]"
            ) from None
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    def end(self) -> None:
        """Let another process have it. Idempotent."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
