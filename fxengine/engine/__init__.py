"""The engine room: one writer orders commands, makes them durable, applies them and tells of them.

Read in this order: ``frames`` (the journal's bytes), ``reader`` (what is torn and what is damaged),
``journal`` (grouped syncing) and ``segments`` (its files), ``sequencer`` (frames and stamps),
``directory`` (who an account is), ``snapshot`` and ``replica`` (a state, and how it is led along),
``engine`` (all of it together). ``disk`` and ``matching`` are its edges. See docs/journal.md.
"""

from fxengine.engine.directory import Directory, credential_command, identity
from fxengine.engine.disk import Disk, Durability
from fxengine.engine.engine import ANYWHERE, JOURNAL_NAME, Engine, Observer, Released
from fxengine.engine.frames import Frame, FrameKind, Place
from fxengine.engine.journal import Journal
from fxengine.engine.matching import CoreType, MatchingCore
from fxengine.engine.reader import FrameReader, JournalEnd, read_frames
from fxengine.engine.replica import take_snapshot
from fxengine.engine.snapshot import SNAPSHOTS_NAME, Snapshot, Snapshots, read_snapshot

__all__ = [
    "ANYWHERE",
    "JOURNAL_NAME",
    "SNAPSHOTS_NAME",
    "CoreType",
    "Directory",
    "Disk",
    "Durability",
    "Engine",
    "Frame",
    "FrameKind",
    "FrameReader",
    "Journal",
    "JournalEnd",
    "MatchingCore",
    "Observer",
    "Place",
    "Released",
    "Snapshot",
    "Snapshots",
    "credential_command",
    "identity",
    "read_frames",
    "read_snapshot",
    "take_snapshot",
]
