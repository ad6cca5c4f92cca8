"""What ``fxengine._core.admit`` must say, in plain Python: the oracle of its test."""

import struct
from collections.abc import Sequence

from fxengine.codes import CommandKind, RejectReason
from fxengine.records import ALL_INSTRUMENTS, QUOTE_LEVEL, QUOTE_LEVELS_MAX, QUOTE_SET, RECORD_BYTES

HEADER = struct.Struct("<4sBB2sI52s")
MAGIC, VERSION, COMMANDS, RECORDS_MAX = b"\xc1FXR", 1, 1, 1000
UNCAPPED = 2**62
RECORD_COUNTS = {
    CommandKind.NEW_ORDER: range(1, 3),
    CommandKind.CANCEL: range(1, 2),
    CommandKind.AMEND: range(1, 2),
    CommandKind.MASS_CANCEL: range(1, 2),
    CommandKind.MASS_QUOTE: range(2, 256),
}
RESERVED = {
    CommandKind.NEW_ORDER: [slice(29, 32), slice(80, 128)],
    CommandKind.CANCEL: [slice(24, 32), slice(48, 64)],
    CommandKind.AMEND: [],
    CommandKind.MASS_CANCEL: [slice(25, 28), slice(28, 32), slice(32, 64)],
}
"""Bytes that must be zero; of a MASS_CANCEL its target too."""

Admitted = tuple[bytes, int, list[tuple[int, int]]]


def frame(records: bytes, **wrong: object) -> bytes:
    """Write a frame of command records, but for what is wrong with its header."""
    right = {
        "magic": MAGIC, "version": VERSION, "direction": COMMANDS, "reserved_0": bytes(2),
        "n_records": len(records) // RECORD_BYTES, "reserved_1": bytes(52),
    }  # fmt: skip
    return HEADER.pack(*(right | wrong).values()) + records


def expected(data: bytes, account: int, kinds: int, sizes: Sequence[int]) -> Admitted:
    """Say what of a frame is admitted."""
    reason = _frame_refusal(data)
    if reason:
        return b"", 0, [(-1, reason)]
    records, good, n_commands, refused, index = data[HEADER.size :], b"", 0, [], 0
    while index * RECORD_BYTES < len(records):
        n_records = records[index * RECORD_BYTES + 1]
        command = records[index * RECORD_BYTES : (index + n_records) * RECORD_BYTES]
        if not n_records or len(command) < n_records * RECORD_BYTES:
            refused.append((index, int(RejectReason.UNKNOWN_COMMAND)))
            break
        reason = _refusal(command, account, kinds, sizes)
        if reason:
            refused.append((index, int(reason)))
        else:
            n_commands += 1
            good += command[:4] + account.to_bytes(4, "little") + command[8:16] + bytes(8) + command[24:]
        index += n_records
    return good, n_commands, refused


def _frame_refusal(data: bytes) -> RejectReason:
    if len(data) < HEADER.size:
        return RejectReason.MALFORMED_FRAME
    magic, version, direction, reserved_0, n_records, reserved_1 = HEADER.unpack_from(data)
    if magic != MAGIC:
        return RejectReason.MALFORMED_FRAME
    if version != VERSION:
        return RejectReason.UNSUPPORTED_VERSION
    if direction != COMMANDS or any(reserved_0):
        return RejectReason.MALFORMED_FRAME
    if n_records > RECORDS_MAX:
        return RejectReason.TOO_MANY_MESSAGES
    whole = len(data) == HEADER.size + n_records * RECORD_BYTES
    return RejectReason.NONE if whole and not any(reserved_1) else RejectReason.MALFORMED_FRAME


def _refusal(command: bytes, account: int, kinds: int, sizes: Sequence[int]) -> RejectReason:
    kind, n_records, instrument, sender = struct.unpack_from("<BBHI", command)
    if kind not in RECORD_COUNTS or n_records not in RECORD_COUNTS[CommandKind(kind)]:
        return RejectReason.UNKNOWN_COMMAND
    if sender not in (0, account):
        return RejectReason.IDENTITY_MISMATCH
    if not kinds >> kind & 1:
        return RejectReason.NOT_IN_SCOPE
    if kind == CommandKind.MASS_QUOTE:
        return _quote_refusal(command, sizes)
    if any(any(command[part]) for part in RESERVED[CommandKind(kind)]):
        return RejectReason.UNKNOWN_COMMAND
    in_scope = True
    if kind == CommandKind.NEW_ORDER:
        in_scope = _fits(sizes, instrument, struct.unpack_from("<q", command, 40)[0])
    elif kind == CommandKind.AMEND:
        lots = struct.unpack_from("<q", command, 48)[0]
        in_scope = all(_fits(sizes, i, lots) for i in range(len(sizes)))
    elif kind == CommandKind.MASS_CANCEL:
        meant = range(len(sizes)) if instrument == ALL_INSTRUMENTS else [instrument]
        in_scope = all(_fits(sizes, i, 1) for i in meant)
    return RejectReason.NONE if in_scope else RejectReason.NOT_IN_SCOPE


def _quote_refusal(command: bytes, sizes: Sequence[int]) -> RejectReason:
    n_sets, at, in_scope = command[24], RECORD_BYTES, True
    if any(command[25:RECORD_BYTES]):
        return RejectReason.UNKNOWN_COMMAND
    for _ in range(n_sets):
        if at + QUOTE_SET.itemsize > len(command):
            return RejectReason.BAD_QUOTE_SET
        instrument, n_bids, n_offers = struct.unpack_from("<HBB", command, at)
        reserved = command[at + 4 : at + QUOTE_SET.itemsize]
        levels = command[at + QUOTE_SET.itemsize :][: (n_bids + n_offers) * QUOTE_LEVEL.itemsize]
        at += QUOTE_SET.itemsize + (n_bids + n_offers) * QUOTE_LEVEL.itemsize
        if max(n_bids, n_offers) > QUOTE_LEVELS_MAX or at > len(command):
            return RejectReason.BAD_QUOTE_SET
        if any(reserved):
            return RejectReason.UNKNOWN_COMMAND
        in_scope &= _fits(sizes, instrument, 1)
        in_scope &= all(_fits(sizes, instrument, lots) for _, lots in struct.iter_unpack("<qq", levels))
    if not n_sets:
        return RejectReason.BAD_QUOTE_SET
    if any(command[at:]):
        return RejectReason.UNKNOWN_COMMAND
    return RejectReason.NONE if in_scope else RejectReason.NOT_IN_SCOPE


def _fits(sizes: Sequence[int], instrument: int, lots: int) -> bool:
    size = sizes[instrument] if instrument < len(sizes) else UNCAPPED
    return size >= UNCAPPED or (size > 0 and lots <= size)
