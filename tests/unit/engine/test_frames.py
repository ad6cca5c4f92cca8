import zlib
from hashlib import sha256
from pathlib import Path

from fxengine.engine.frames import (
    FrameKind,
    decode_frame,
    decode_segment_header,
    encode_frame_header,
    encode_seal,
    encode_segment_header,
)
from tests.unit.engine.flow import time_commands


def test_a_frames_header_stands_in_bytes_as_the_format_document_says() -> None:
    payload, before = time_commands(3).tobytes(), bytes(range(32))
    header, chain = encode_frame_header(FrameKind.COMMANDS, payload, 2, 0x0102030405, 640, before)
    assert chain == sha256(before + payload).digest()
    covered = bytes.fromhex("0100 0000 03000000 02000000 0a000000 0504030201000000") + chain
    assert header == b"FXFR" + zlib.crc32(covered + payload).to_bytes(4, "little") + covered
    frame = decode_frame(b"12345678" + header + payload, 8, Path("segment"))
    assert frame is not None
    assert (frame.kind, frame.n_commands, frame.durable_offset) == (FrameKind.COMMANDS, 2, 640)
    assert (frame.first_sequence, frame.last_sequence) == (0x0102030405, 0x0102030406)
    assert frame.end_offset == 8 + 64 + 192


def test_a_seals_record_stands_in_bytes_as_the_format_document_says() -> None:
    raw = bytes(range(16))
    assert encode_seal(raw.hex(), 5, 6) == raw + b"\5" + bytes(7) + b"\6" + bytes(7 + 32)


def test_a_segments_header_stands_in_bytes_as_the_format_document_says() -> None:
    fingerprint = bytes(range(100, 132))
    covered = bytes(4) + fingerprint + bytes(16)
    header = encode_segment_header(fingerprint)
    assert header == b"FXJOURN1" + zlib.crc32(covered).to_bytes(4, "little") + covered
    assert decode_segment_header(header) == fingerprint
    assert decode_segment_header(header[:-1]) is None


def test_a_frame_of_a_kind_that_is_not_known_is_not_a_frame() -> None:
    payload = time_commands(1).tobytes()
    header, _ = encode_frame_header(7, payload, 1, 1, 64, bytes(32))  # type: ignore[arg-type]
    assert decode_frame(header + payload, 0, Path()) is None
