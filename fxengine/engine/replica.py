"""A core and the directory of its accounts: all that a journal's frames lead to, and how each is applied.

The engine leads one along while it writes the journal and when it starts; a follower leads one along a
journal that another process writes, to take a snapshot of it.
"""

from pathlib import Path

import numpy as np

from fxengine.codes import CommandKind
from fxengine.engine.directory import Directory
from fxengine.engine.disk import Disk
from fxengine.engine.frames import Frame, FrameKind, Place
from fxengine.engine.matching import CoreType, compiled_core
from fxengine.engine.reader import frame_before, read_frames
from fxengine.engine.sequencer import Sequencer
from fxengine.engine.snapshot import Snapshots, skip
from fxengine.errors import JournalDamaged, JournalError, SnapshotDamaged
from fxengine.records import COMMAND, EVENT, RECORD_BYTES, Records
from fxengine.venue import Venue


class Replica:
    """A venue's state by replay. Commands stand in ``sequencer.buffer`` when they are applied."""

    def __init__(self, venue: Venue, sequencer: Sequencer, core_type: CoreType | None = None) -> None:
        self.core = venue.core(core_type or compiled_core())
        self.directory = Directory()
        self._sequencer = sequencer
        self.core.bind(sequencer.buffer)

    def restore(self, snapshots: Snapshots, journal: Path, through: int) -> Place | None:
        """Begin from the newest usable snapshot at or before command ``through``; return its place.

        Usable is one that is whole and that the journal still passes through. None where there is none:
        then the journal is to be read from its first command. O(snapshot).
        """
        for snapshot in snapshots.newest_first():
            place = snapshot.place
            if place.sequence > through:
                continue
            try:
                if frame_before(journal, place) is None:
                    raise SnapshotDamaged("the journal does not pass through its place")
                snapshot.restore(self.core, self.directory)
            except SnapshotDamaged as e:
                skip(snapshots.path_of(place), e)
                continue
            return place
        return None

    def apply(self, payload: bytes, n_commands: int) -> tuple[Records, Records]:
        """Apply the frame that stands in the buffer; return its commands and events, copies of both."""
        n_events = self.core.apply(0, len(payload) // RECORD_BYTES)
        commands = np.frombuffer(payload, COMMAND)
        events = np.frombuffer(self.core.events[:n_events].tobytes(), EVENT)
        if commands["kind"][0] == CommandKind.CREDENTIAL and n_commands == 1 < len(commands):
            self.directory.follow(commands, events)
        return commands, events

    def follow(self, frame: Frame) -> tuple[Records, Records] | None:
        """Apply a frame that was read back; a SEAL has nothing to apply, and must name this very state."""
        if frame.kind is FrameKind.SEAL:
            if frame.state_hash != self.core.state_hash():
                raise JournalDamaged(
                    f"{frame.path}, offset {frame.offset}: after command {frame.last_sequence} the state was "
                    f"{frame.state_hash}, and replaying gives {self.core.state_hash()}. The journal, or the core "
                    "that reads it, is not the one that wrote it; nothing was changed"
                )
            return None
        self._sequencer.reload(frame.payload)
        return self.apply(frame.payload, frame.n_commands)


def take_snapshot(
    venue: Venue, journal: Path, snapshots: Snapshots, *, core_type: CoreType | None = None, disk: Disk | None = None
) -> tuple[Path, Place]:
    """Read a journal to its end and write the snapshot of where it led; return the file and the place.

    The journal may be closed, or be written by an engine meanwhile: nothing is locked or changed, and what
    that engine has not yet written whole is left out. Begins from the newest snapshot there is.
    Raises :class:`JournalError` where there is no journal or nothing in it, :class:`JournalDamaged`, and OSError.
    O(journal behind the newest snapshot).
    """
    replica = Replica(venue, Sequencer(lambda: 0), core_type)
    begun = replica.restore(snapshots, journal, through=2**64)
    reader = read_frames(journal, venue.fingerprint, after=begun, live=True)
    for frame in reader:
        replica.follow(frame)
    place = reader.end.place
    if place is None or reader.end.path is None or not place.sequence:
        raise JournalError(f"{journal}: there is no command in this journal yet, and so nothing to take a snapshot of")
    path = snapshots.path_of(place)
    if begun is not None and begun.sequence == place.sequence:
        return path, begun
    (disk or Disk()).sync_file(reader.end.path)  # a snapshot is never ahead of what the disk has
    return snapshots.write(place, replica.core, replica.directory), place
