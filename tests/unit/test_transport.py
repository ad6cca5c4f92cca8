"""Which addresses may do without CURVE, and key files that only their owner can read."""

import os
from pathlib import Path

import pytest
import zmq

from fxengine.errors import FxEngineError, VenueError
from fxengine.transport import (
    ClientCurve,
    KeyPair,
    checked_public_key,
    create_pair,
    is_private,
    load_pair,
    load_public,
    nearest,
    require_private_or_curve,
    write_public,
)

PRIVATE = [
    "ipc:///run/fx/o",
    "ipc://o",
    "tcp://127.0.0.1:5555",
    "tcp://127.9.8.7:*",
    "tcp://[::1]:5555",
    "tcp://localhost:1",
]
REACHABLE = [
    "tcp://*:5555",
    "tcp://0.0.0.0:5555",
    "tcp://[::]:5555",
    "tcp://192.0.2.7:5555",
    "tcp://eth0:5555",
    "tcp://127.0.0.1.example:5555",
    "tcp://localhost.example:1",
    "tcp://127.1:1",
]
NEITHER = [
    "tcp://",
    "tcp://127.0.0.1",
    "tcp://127.0.0.1:0;192.0.2.7:5555",  # ZeroMQ: from the first address, to the second
    "tcp://127.0.0.1@192.0.2.7:5555",
    "ipc://",
    "udp://127.0.0.1:5555",
    "pgm://127.0.0.1:5555",
    "ws://127.0.0.1:80",
    "",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_ipc_and_loopback_may_do_without_curve(address: str) -> None:
    assert is_private(address)
    require_private_or_curve(address, curve=False)
    require_private_or_curve(address, curve=True)


@pytest.mark.parametrize("address", REACHABLE)
def test_what_other_machines_reach_needs_curve_and_the_error_says_so(address: str) -> None:
    assert not is_private(address)
    with pytest.raises(VenueError, match="CURVE"):
        require_private_or_curve(address, curve=False)
    require_private_or_curve(address, curve=True)


@pytest.mark.parametrize("curve", [False, True])
@pytest.mark.parametrize("address", NEITHER)
def test_every_other_address_is_refused_with_curve_too(address: str, *, curve: bool) -> None:
    with pytest.raises(VenueError, match="neither"):
        require_private_or_curve(address, curve=curve)


@pytest.mark.parametrize(
    ("bound", "reached"),
    [
        ("tcp://0.0.0.0:5710", "tcp://127.0.0.1:5710"),
        ("tcp://[::]:5710", "tcp://[::1]:5710"),
        ("tcp://192.0.2.7:5710", "tcp://192.0.2.7:5710"),
        ("ipc://0.0.0.0:1", "ipc://0.0.0.0:1"),
    ],
)
def test_every_interface_is_reached_through_loopback(bound: str, reached: str) -> None:
    assert nearest(bound) == reached


def test_a_pair_that_was_made_is_read_again_and_only_its_owner_can(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "maker.1.key"
    old_mask = os.umask(0)
    try:
        made = create_pair(path)
    finally:
        os.umask(old_mask)
    assert load_pair(path) == made
    assert load_public(path.with_name("maker.1.pub")) == made.public
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert zmq.curve_public(made.secret.encode()).decode() == made.public


def test_a_pair_is_never_overwritten(tmp_path: Path) -> None:
    made = create_pair(tmp_path / "a.key")
    with pytest.raises(FxEngineError, match="never overwritten"):
        create_pair(tmp_path / "a.key")
    assert load_pair(tmp_path / "a.key") == made


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_secret_key_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    create_pair(tmp_path / "a.key")
    (tmp_path / "a.key").chmod(mode)
    with pytest.raises(FxEngineError, match="others can read"):
        load_pair(tmp_path / "a.key")


@pytest.mark.parametrize("content", [b"", b"short", b"\xff" * 40, b"'" * 40, b"x" * 41, b"\0" * 40])
def test_a_file_that_holds_no_key_is_refused_and_not_quoted(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.key"
    path.write_bytes(content)
    path.chmod(0o600)
    for load in (load_pair, load_public):
        with pytest.raises(FxEngineError, match="holds no CURVE") as refused:
            load(path)
        assert not content or content.decode("latin-1") not in str(refused.value)


def test_a_key_that_is_not_there_is_named(tmp_path: Path) -> None:
    for load in (load_pair, load_public):
        with pytest.raises(FxEngineError, match="nobody"):
            load(tmp_path / "nobody.key")


def test_a_secret_shows_in_no_representation() -> None:
    pair = KeyPair.new()
    curve = ClientCurve(KeyPair.new().public, pair)
    for text in (repr(pair), str(pair), repr(curve)):
        assert pair.public in text
        assert pair.secret not in text


def test_a_public_key_is_checked_where_it_comes_in(tmp_path: Path) -> None:
    public = KeyPair.new().public
    assert checked_public_key(f" {public}\n") == public
    write_public(tmp_path / "a.pub", public)
    assert load_public(tmp_path / "a.pub") == public
    for wrong in ("", public[:-1], public + "x", public[:-1] + "'", public[:-1] + "é"):
        with pytest.raises(FxEngineError, match="Z85"):
            checked_public_key(wrong)
        with pytest.raises(FxEngineError, match="Z85"):
            ClientCurve(wrong, KeyPair.new())
