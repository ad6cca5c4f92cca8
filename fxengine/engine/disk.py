"""What the journal asks of the operating system, in one place, so that a test can refuse any of it.

Durability here means: after :meth:`Disk.sync` has returned, a power cut does not take the bytes
back. Two habits follow. A file's bytes are only half of it, its name is the other half, so a new
file's directory is synced too. And when a sync fails, the kernel may already have dropped the
pages it could not write and call the next sync a success; so a failed sync is never repeated.

Source: fsync(2), fdatasync(2), flock(2); Rebello et al., "Can Applications Recover from fsync
Failures?", USENIX ATC 2020.
"""

import fcntl
import os
from enum import StrEnum
from pathlib import Path
from typing import Final

from fxengine.errors import JournalError

_LOCK_NAME: Final = "lock"


class Durability(StrEnum):
    """What an acknowledgement promises to have survived.

    ``fsync``: a power cut. ``os``: the end of this process, however it ends; a power cut may take
    the newest commands back. ``none``: nothing, there is no file at all; for benchmarks.
    """

    FSYNC = "fsync"
    OS = "os"
    NONE = "none"


class Disk:
    """The real disk. Tests derive from it to fill it up, break it, hold it back or cut its power."""

    def write(self, fd: int, content: bytes, offset: int) -> None:
        """Write all of ``content`` at ``offset``; OSError when it cannot."""
        done = os.pwrite(fd, content, offset)
        while done < len(content):
            done += os.pwrite(fd, memoryview(content)[done:], offset + done)

    def sync(self, fd: int) -> None:
        """Return when everything written to the file before the call is durable; OSError otherwise."""
        if hasattr(os, "fdatasync"):
            os.fdatasync(fd)
        else:
            os.fsync(fd)

    def sync_file(self, path: Path) -> None:
        """Make durable what any process has written to a file so far."""
        fd = os.open(path, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def sync_directory(self, directory: Path) -> None:
        """Make the names in a directory durable."""
        fd = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def lock_directory(directory: Path) -> int:
    """Take the directory for this process alone; return the descriptor that holds the lock.

    The kernel lets go of it when the process ends, however it ends. Raises :class:`JournalError`
    where another engine, in this process or elsewhere, holds it. Source: flock(2).
    """
    fd = os.open(directory / _LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as e:
        holder = os.pread(fd, 32, 0).decode(errors="replace").strip() or "unknown"
        os.close(fd)
        raise JournalError(
            f"{directory}: another engine (process {holder}) writes this journal; "
            "stop it first, or give this venue a data directory of its own"
        ) from e
    os.ftruncate(fd, 0)
    os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
    return fd
