"""The doorkeeper: which keys it welcomes, and that it welcomes nobody by mistake."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq
from zmq.utils import z85

from fxengine.gateway.zap import AllowedKeys, Doorkeeper
from fxengine.transport import KeyPair, write_public


class Handshake:
    """What libzmq asks a doorkeeper, asked by hand."""

    def __init__(self, folder: Path | None) -> None:
        self.context = zmq.Context()
        self.doorkeeper = Doorkeeper(self.context, folder)
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.connect("inproc://zeromq.zap.01")

    def ask(self, *frames: bytes) -> list[bytes]:
        self.socket.send_multipart([b"", *frames])
        self.doorkeeper.answer()
        return self.socket.recv_multipart(zmq.DONTWAIT)[1:]

    def knock(self, public: str, *, mechanism: bytes = b"CURVE", version: bytes = b"1.0") -> list[bytes]:
        return self.ask(version, b"41", b"orders", b"192.0.2.7", b"", mechanism, z85.decode(public))

    def close(self) -> None:
        self.socket.close()
        self.doorkeeper.close()
        self.context.term()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "clients"


@pytest.fixture
def door(folder: Path) -> Iterator[Handshake]:
    opened = Handshake(folder)
    yield opened
    opened.close()


KEY = KeyPair.new().public
OTHER = KeyPair.new().public


def test_without_a_folder_every_key_is_welcome_and_becomes_the_user_id(door: Handshake) -> None:
    assert door.knock(KEY) == [b"1.0", b"41", b"200", b"welcome", KEY.encode(), b""]
    assert door.knock(OTHER)[2:5:2] == [b"200", OTHER.encode()]


def test_a_venue_without_a_list_at_all_welcomes_every_key() -> None:
    opened = Handshake(None)
    assert opened.knock(KEY)[2] == b"200"
    opened.close()


def test_with_a_folder_only_its_keys_are_welcome(door: Handshake, folder: Path) -> None:
    folder.mkdir()
    write_public(folder / "payer-1.pub", KEY)
    assert door.knock(KEY)[2] == b"200"
    assert door.knock(OTHER) == [b"1.0", b"41", b"400", b"this key may not connect", b"", b""]


@pytest.mark.parametrize("mechanism", [b"NULL", b"PLAIN", b"GSSAPI", b"curve", b""])
def test_only_curve_is_welcome(door: Handshake, mechanism: bytes) -> None:
    assert door.knock(KEY, mechanism=mechanism)[2:5:2] == [b"400", b""]


def test_what_is_not_a_request_is_refused_and_the_next_one_is_answered(door: Handshake) -> None:
    key = z85.decode(KEY)
    for frames in (
        [b"1.0"],
        [b"1.0", b"41"],
        [b"1.0", b"41", b"orders", b"192.0.2.7", b"", b"CURVE"],
        [b"1.0", b"41", b"orders", b"192.0.2.7", b"", b"CURVE", key[:-1]],
        [b"1.0", b"41", b"orders", b"192.0.2.7", b"", b"CURVE", key + b"x"],
        [b"1.0", b"41", b"orders", b"192.0.2.7", b"", b"CURVE", key, b"more"],
        [b"2.0", b"41", b"orders", b"192.0.2.7", b"", b"CURVE", key],
    ):
        answer = door.ask(*frames)
        assert answer[2:5:2] == [b"400", b""], frames
    assert door.knock(KEY)[2] == b"200"


def test_the_list_is_followed_while_the_venue_runs(door: Handshake, folder: Path) -> None:
    assert door.knock(OTHER)[2] == b"200"
    folder.mkdir()
    assert door.knock(OTHER)[2] == b"400", "an empty list lets nobody in"
    write_public(folder / "a.pub", OTHER)
    assert door.knock(OTHER)[2] == b"200"
    write_public(folder / "a.pub", KEY)
    assert door.knock(OTHER)[2] == b"400"
    (folder / "a.pub").unlink()
    assert door.knock(KEY)[2] == b"400", "taking the last key away does not open the door"
    folder.rmdir()
    assert door.knock(KEY)[2] == b"200"


def test_refresh_says_whether_anything_changed(folder: Path) -> None:
    allowed = AllowedKeys(folder)
    assert not allowed.refresh()
    folder.mkdir()
    assert allowed.refresh()
    assert not allowed.refresh()
    write_public(folder / "a.pub", KEY)
    assert allowed.refresh()
    assert KEY in allowed
    assert not allowed.refresh()


def test_a_file_that_holds_no_key_allows_nobody_and_is_named_once(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder.mkdir()
    (folder / "bad.pub").write_text("x" * 12)
    write_public(folder / "good.pub", KEY)
    with caplog.at_level(logging.ERROR):
        allowed = AllowedKeys(folder)
        allowed.refresh()
    assert [record for record in caplog.messages if "bad.pub" in record] == caplog.messages[:1]
    assert len(caplog.messages) == 1
    assert KEY in allowed
    assert "" not in allowed
    assert "x" * 12 not in allowed


def test_files_of_other_kinds_allow_nobody(folder: Path) -> None:
    folder.mkdir()
    for name in ("a.key", "a.pub.partial", "a.txt"):
        (folder / name).write_text(KEY)
    assert KEY not in AllowedKeys(folder)


def test_a_list_that_cannot_be_read_lets_nobody_in(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder.mkdir()
    (folder / "a.pub").symlink_to(folder / "nowhere")
    with caplog.at_level(logging.ERROR):
        assert KEY not in AllowedKeys(folder)
    assert "nobody new may connect" in caplog.text
