"""Snapshot files: a core's state at one place of the journal, so that a start need not replay what came before.

A snapshot is a shortcut and nothing else: whatever it says, the journal says too. So one that cannot be
used is skipped, and an older one or the whole journal takes its place::

    journal      1 .............. 5012 ............ 9120 .... 9300
    snapshots                     5012.fxs          9120.fxs
    start                                           `- restore, then replay 9121 to 9300

A file is a 128-byte header, the accounts' names, and the core's snapshot (docs/journal.md has the table).
It is written beside its name, synced and renamed, so that a name always stands for a whole file; the newest
two are kept.

Source: rename(2), fsync(2); XXH3, which finds accidents and guards against nobody.
"""

import logging
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import xxhash

from fxengine.codes import FIRST_CLIENT_ACCOUNT
from fxengine.engine.directory import Directory
from fxengine.engine.disk import Disk
from fxengine.engine.frames import Place
from fxengine.engine.matching import MatchingCore
from fxengine.errors import JournalError, SnapshotDamaged

SNAPSHOTS_NAME: Final = "snapshots"
"""The folder of a venue's data directory in which its snapshots lie."""
SNAPSHOT_SUFFIX: Final = ".fxs"
KEPT: Final = 2
_UNFINISHED_SUFFIX: Final = ".unfinished"
_MAGIC: Final = b"FXSNAPS1"
_HEAD: Final = struct.Struct("<8s16s32s32s32sQ")
"""magic, checksum, fingerprint, chain, released chain, sequence"""
_PLACE: Final = struct.Struct("<QQQQ")
"""segment, offset, bytes of names, bytes of the core's snapshot"""
_HEADER_BYTES: Final = _HEAD.size + _PLACE.size
_CHECKED_FROM: Final = 24
_LENGTHS: Final = struct.Struct("<HH")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What one file holds. Its checksum held when it was read."""

    fingerprint: bytes
    place: Place
    holders: tuple[tuple[str, str], ...]
    """(issuer, subject) of every client's account, in order of number."""
    core: bytes
    """What ``core.snapshot()`` returned."""

    def restore(self, core: MatchingCore, directory: Directory) -> None:
        """Put a new core and its directory where they were. Raises :class:`SnapshotDamaged`; both are new then still.

        ``core`` must have applied nothing. O(snapshot).
        """
        try:
            directory.load(self.holders)
            core.restore(self.core)
        except ValueError as e:
            directory.load(())
            raise SnapshotDamaged(str(e)) from e
        if (core.sequence, core.n_accounts) != (self.place.sequence, FIRST_CLIENT_ACCOUNT + len(self.holders)):
            raise JournalError(
                f"the snapshot after command {self.place.sequence} was put together of parts that do not belong"
                " together; remove it, and start again"
            )


class Snapshots:
    """The snapshots of one venue in ``directory``, which is made with the first."""

    def __init__(self, directory: Path, fingerprint: bytes, *, disk: Disk | None = None) -> None:
        self.directory = directory
        self._fingerprint = fingerprint
        self._disk = disk or Disk()

    def newest_first(self) -> Iterator[Snapshot]:
        """Yield every snapshot of this venue that is whole; each other is skipped with a warning that names it."""
        for path in self._newest_first():
            try:
                snapshot = read_snapshot(path)
                if snapshot.fingerprint != self._fingerprint:
                    raise SnapshotDamaged("it is another venue's, or was taken under other rules")
            except (OSError, SnapshotDamaged) as e:
                skip(path, e)
                continue
            yield snapshot

    def path_of(self, place: Place) -> Path:
        """Return the name of the snapshot at a place."""
        return self.directory / f"{place.sequence:020d}{SNAPSHOT_SUFFIX}"

    def write(self, place: Place, core: MatchingCore, directory: Directory) -> Path:
        """Write the snapshot of a core that stands at ``place``, durably, and forget all but the newest two.

        What is in the journal up to there must be durable. Raises OSError where it cannot be written; then
        those that were there still are.
        """
        holders = directory.holders
        assert core.n_accounts == FIRST_CLIENT_ACCOUNT + len(holders), (core.n_accounts, len(holders))
        content = _encode(Snapshot(self._fingerprint, place, holders, core.snapshot()))
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self.path_of(place)
        self._remove_abandoned()
        unfinished = self.directory / f"{os.getpid()}{_UNFINISHED_SUFFIX}"
        try:
            fd = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                offset = 0
                for part in content:
                    self._disk.write(fd, part, offset)
                    offset += len(part)
                self._disk.sync(fd)
            finally:
                os.close(fd)
            os.rename(unfinished, path)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise
        self._disk.sync_directory(self.directory)
        for old in self._newest_first()[KEPT:]:
            old.unlink(missing_ok=True)
        return path

    def _newest_first(self) -> list[Path]:
        return sorted(self.directory.glob(f"*{SNAPSHOT_SUFFIX}"), reverse=True)

    def _remove_abandoned(self) -> None:
        """Remove what processes left that were killed while they wrote."""
        for path in self.directory.glob(f"*{_UNFINISHED_SUFFIX}"):
            try:
                os.kill(int(path.stem), 0)
            except (ProcessLookupError, ValueError):
                path.unlink(missing_ok=True)
            except PermissionError:
                continue


def skip(path: Path, why: Exception) -> None:
    """Warn that a snapshot is not used."""
    _log.warning("snapshot %s is not used: %s. An older one, or the whole journal, takes its place", path, why)


def read_snapshot(path: Path) -> Snapshot:
    """Read one file. Raises :class:`SnapshotDamaged` where it is not whole, OSError where it cannot be read."""
    content = memoryview(path.read_bytes())
    if len(content) < _HEADER_BYTES or bytes(content[:8]) != _MAGIC:
        raise SnapshotDamaged("it is no snapshot of this version, or its beginning is damaged")
    if xxhash.xxh3_128_digest(content[_CHECKED_FROM:]) != bytes(content[8:_CHECKED_FROM]):
        raise SnapshotDamaged("its checksum differs")
    _, _, fingerprint, chain, released_chain, sequence = _HEAD.unpack_from(content)
    segment, offset, names_bytes, core_bytes = _PLACE.unpack_from(content, _HEAD.size)
    names_end = _HEADER_BYTES + names_bytes
    if names_end + core_bytes != len(content):
        raise SnapshotDamaged("its parts do not add up")
    place = Place(sequence, chain, released_chain, segment, offset)
    holders = tuple(_decode_names(content[_HEADER_BYTES:names_end]))
    return Snapshot(fingerprint, place, holders, bytes(content[names_end:]))


def _encode(snapshot: Snapshot) -> tuple[bytes, bytes]:
    """Return a file's bytes: all before the core's snapshot, and that."""
    place, names = snapshot.place, b"".join(_encode_names(snapshot.holders))
    covered = _HEAD.pack(
        _MAGIC, bytes(16), snapshot.fingerprint, place.chain, place.released_chain, place.sequence
    )[_CHECKED_FROM:]  # fmt: skip
    covered += _PLACE.pack(place.segment, place.offset, len(names), len(snapshot.core)) + names
    checksum = xxhash.xxh3_128(covered)
    checksum.update(snapshot.core)
    return _MAGIC + checksum.digest() + covered, snapshot.core


def _encode_names(holders: tuple[tuple[str, str], ...]) -> Iterator[bytes]:
    for issuer, subject in holders:
        parts = issuer.encode(), subject.encode()
        yield _LENGTHS.pack(*map(len, parts)) + b"".join(parts)


def _decode_names(content: memoryview) -> Iterator[tuple[str, str]]:
    at = 0
    try:
        while at < len(content):
            issuer_bytes, subject_bytes = _LENGTHS.unpack_from(content, at)
            between = at + _LENGTHS.size + issuer_bytes
            end = between + subject_bytes
            if end > len(content):
                raise ValueError("a name ends too late")
            yield str(content[between - issuer_bytes : between], "utf-8"), str(content[between:end], "utf-8")
            at = end
    except (ValueError, struct.error) as e:
        raise SnapshotDamaged(f"its names do not decode: {e}") from e
