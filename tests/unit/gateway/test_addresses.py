"""Only this machine reaches the venue: without encryption no other address is bound."""

import pytest

from fxengine.errors import VenueError
from fxengine.gateway.server import require_private


@pytest.mark.parametrize(
    "address",
    [
        "ipc:///run/fx/o",
        "ipc://o",
        "tcp://127.0.0.1:5555",
        "tcp://127.9.8.7:*",
        "tcp://[::1]:5555",
        "tcp://localhost:1",
    ],
)
def test_ipc_and_loopback_may_be_bound(address: str) -> None:
    require_private(address)


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("tcp://*:5555", "CURVE"),
        ("tcp://0.0.0.0:5555", "CURVE"),
        ("tcp://[::]:5555", "CURVE"),
        ("tcp://192.0.2.7:5555", "CURVE"),
        ("tcp://eth0:5555", "CURVE"),
        ("tcp://127.0.0.1.example:5555", "CURVE"),
        ("tcp://localhost.example:1", "CURVE"),
        ("tcp://", "CURVE"),
        ("ipc://", "neither"),
        ("udp://127.0.0.1:5555", "neither"),
        ("pgm://127.0.0.1:5555", "neither"),
        ("ws://127.0.0.1:80", "neither"),
        ("", "neither"),
    ],
)
def test_every_other_address_is_refused_and_says_why(address: str, problem: str) -> None:
    with pytest.raises(VenueError, match=problem):
        require_private(address)
