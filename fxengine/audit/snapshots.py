"""Snapshots, held against the replay: each must be the state that the journal leads to at its place.

A start trusts a snapshot for what stands before it, so this is where that trust is earned. The file is
read from docs/journal.md and with none of the engine's code, and compared with the reference core when
the replay has come to the command that it names.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import xxhash

_HEAD: Final = struct.Struct("<8s16s32s32s32sQQQQQ")
_MAGIC: Final = b"FXSNAPS1"
_COVERED_FROM: Final = 24  # behind magic and checksum
_CORE_HEAD: Final = struct.Struct("<8s16sIIII")  # magic, checksum, version, currencies, instruments
_CORE_HEAD_BYTES: Final = 64
_INSTRUMENT_BYTES: Final = 32
_LENGTHS: Final = struct.Struct("<HH")


class ReplayedCore(Protocol):
    """What is asked of the core that the audit goes by."""

    def state_bytes(self) -> bytes:
        """Return its canonical state."""


@dataclass(frozen=True)
class _Claim:
    """What a snapshot says of its place."""

    path: Path
    chain: bytes
    released_chain: bytes
    sequence: int
    names: bytes
    state: bytes


class SnapshotAudit:
    """The snapshots in ``directory``, read at once, so that a running venue may write others meanwhile.

    Show it the replay after each frame of commands, then the chain values that the journal has.
    """

    def __init__(self, directory: Path, fingerprint: bytes) -> None:
        self.problems: list[str] = []
        self._fingerprint = fingerprint
        self._waiting: dict[int, _Claim] = {}
        for path in sorted(directory.glob("*.fxs")):
            claim = self._read(path)
            if claim is not None:
                self._waiting[claim.sequence] = claim
        self.chains = frozenset(claim.chain for claim in self._waiting.values())
        """The chain values that the journal must have."""

    def compare(
        self, sequence: int, chain: bytes, core: ReplayedCore, names: Callable[[], dict[int, tuple[str, str]]]
    ) -> None:
        """Compare the snapshot that was taken after this command, if there is one. O(state) then, else O(1)."""
        claim = self._waiting.pop(sequence, None)
        if claim is None:
            return
        if claim.released_chain != chain:
            self._problem(claim.path, "it names another journal hash than the journal has there")
        if claim.state != core.state_bytes():
            self._problem(claim.path, f"it is not the state that the journal leads to after command {sequence}")
        if claim.names != _written(names()):
            self._problem(claim.path, "its accounts have other names than those that logged on")

    def finish(self, passed: set[bytes], last_sequence: int) -> None:
        """Say which snapshots have no place in the journal. ``passed``: those of ``chains`` that it has."""
        for claim in self._waiting.values():
            self._problem(claim.path, f"no frame of the journal, which ends with command {last_sequence}, ends there")
        missing = self.chains - passed - {claim.chain for claim in self._waiting.values()}
        if missing:
            self.problems.append("snapshots: one was taken at a place that the journal does not have")

    def _read(self, path: Path) -> _Claim | None:
        try:
            content = path.read_bytes()
        except OSError as e:
            self._problem(path, f"it cannot be read ({e.strerror})")
            return None
        if len(content) < _HEAD.size or content[:8] != _MAGIC:
            self._problem(path, "it is no snapshot, or its beginning is damaged")
            return None
        _, checksum, fingerprint, chain, released, sequence, _, _, names_bytes, core_bytes = _HEAD.unpack_from(content)
        core_at = _HEAD.size + names_bytes
        state = _state_of(content[core_at:])
        if checksum != xxhash.xxh3_128_digest(content[_COVERED_FROM:]) or core_at + core_bytes != len(content):
            self._problem(path, "it is damaged: its checksum differs")
        elif fingerprint != self._fingerprint:
            self._problem(path, "it is another venue's")
        elif path.stem != f"{sequence:020d}":
            self._problem(path, f"it bears another name than that of command {sequence}, after which it was taken")
        elif state is None:
            self._problem(path, "what it holds is no core's snapshot")
        else:
            return _Claim(path, chain, released, sequence, content[_HEAD.size : core_at], state)
        return None

    def _problem(self, path: Path, what: str) -> None:
        self.problems.append(f"snapshots: {path.name}: {what}")


def _state_of(core: bytes) -> bytes | None:
    """Return the canonical state within a core's snapshot; its checksum is covered by the file's."""
    if len(core) < _CORE_HEAD_BYTES or core[:8] != b"FXCORSNP":
        return None
    n_instruments = _CORE_HEAD.unpack_from(core)[4]
    return core[_CORE_HEAD_BYTES + _INSTRUMENT_BYTES * n_instruments :]


def _written(names: dict[int, tuple[str, str]]) -> bytes:
    texts = [(issuer.encode(), subject.encode()) for _, (issuer, subject) in sorted(names.items())]
    return b"".join(_LENGTHS.pack(len(one), len(two)) + one + two for one, two in texts)
