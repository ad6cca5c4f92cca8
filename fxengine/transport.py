"""Transport security: CURVE keys, the files that hold them, and which addresses may do without.

A line that other machines can reach carries tokens and orders, so it is encrypted and both ends
prove who they are, with CURVE: the client knows the venue's public key beforehand, the venue learns
the client's in the handshake and holds it against the key that the KYC token names (``cnf``)::

    tcp://127.0.0.1:5710   ipc://PATH      only this machine: plain, or CURVE where asked for
    anything else                          CURVE, at both ends, or no connection at all

There is no switch that turns this off. A secret key is a file that its owner alone can read (0600);
a file that others can read is refused, as ssh does. Public keys are 40 characters of Z85 and may be
shown to anybody.

Source: RFC 26/CurveZMQ, RFC 25/ZMTP-CURVE, RFC 32/Z85; zmq_curve(7).
"""

import ipaddress
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import zmq

from fxengine.errors import FxEngineError, VenueError
from fxengine.private_files import create_private, read_private

KEY_CHARACTERS: Final = 40
"""A CURVE key, 32 bytes, in Z85."""
SECRET_SUFFIX: Final = ".key"
PUBLIC_SUFFIX: Final = ".pub"

_TCP: Final = re.compile(r"tcp://(\[[0-9A-Fa-f:.]+\]|[^\[\]:;/@\s]+):([0-9]+|\*)")
_IPC: Final = "ipc://"
_ANY_HOST: Final = {"0.0.0.0": "127.0.0.1", "*": "127.0.0.1", "[::]": "[::1]"}
_Z85: Final = frozenset("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#")
_FILE_BYTES_MAX: Final = 4_096


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A CURVE key pair, both halves in Z85. Its ``repr`` shows the public half alone."""

    public: str
    secret: str = field(repr=False)

    @classmethod
    def new(cls) -> "KeyPair":
        """Draw a new pair."""
        public, secret = zmq.curve_keypair()
        return cls(public.decode("ascii"), secret.decode("ascii"))


@dataclass(frozen=True, slots=True)
class ServerCurve:
    """What a venue needs: its own pair, and the folder of client keys it lets in.

    While the folder ``allowed`` exists, only the keys in its ``*.pub`` files may connect; an empty one
    lets nobody in. While it does not, any client key may connect, and the token decides.
    """

    own: KeyPair
    allowed: Path | None = None

    def protect(self, socket: "zmq.Socket[bytes]") -> None:
        """Make a socket, not bound yet, take CURVE connections alone, and ask the ZAP handler about each."""
        socket.curve_server = True
        socket.curve_secretkey = self.own.secret.encode("ascii")


@dataclass(frozen=True, slots=True)
class ClientCurve:
    """What a client needs: the venue's public key, in Z85, and a pair of its own."""

    server: str
    own: KeyPair

    def __post_init__(self) -> None:
        checked_public_key(self.server)

    def protect(self, socket: "zmq.Socket[bytes]") -> None:
        """Make a socket, not connected yet, speak to the holder of the venue's secret key and nobody else."""
        socket.curve_serverkey = self.server.encode("ascii")
        socket.curve_publickey = self.own.public.encode("ascii")
        socket.curve_secretkey = self.own.secret.encode("ascii")


def checked_public_key(text: str) -> str:
    """Return a public key without the white space around it; :class:`FxEngineError` where it is none."""
    key = text.strip()
    if len(key) != KEY_CHARACTERS or not _Z85.issuperset(key):
        raise FxEngineError(f"a CURVE key is {KEY_CHARACTERS} characters of Z85, and this is not")
    return key


# -- files


def create_pair(path: Path) -> KeyPair:
    """Make a new pair; keep the secret half in ``path``, readable by its owner alone, the public one beside it.

    Raises :class:`FxEngineError` where it exists: a key is never overwritten.
    """
    pair = KeyPair.new()
    create_private(path, pair.secret.encode("ascii") + b"\n", "key")
    write_public(path.with_name(path.name.removesuffix(SECRET_SUFFIX) + PUBLIC_SUFFIX), pair.public)
    return pair


def load_pair(path: Path) -> KeyPair:
    """Read a pair that :func:`create_pair` made; the public half is computed from the secret one.

    Raises :class:`FxEngineError` for a file that is missing, that others can read, or that holds no
    key. The message never quotes the file.
    """
    secret = read_private(path, "secret key").strip()
    try:
        checked_public_key(secret.decode("ascii"))  # both halves have the same form
        public = zmq.curve_public(secret).decode("ascii")
    except (FxEngineError, ValueError, zmq.ZMQError):
        raise FxEngineError(f"{path}: holds no CURVE secret key") from None
    return KeyPair(public, secret.decode("ascii"))


def write_public(path: Path, public: str) -> None:
    """Put a public key into a file, whole or not at all."""
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(checked_public_key(public) + "\n", encoding="ascii")
    partial.replace(path)


def load_public(path: Path) -> str:
    """Read a public key; :class:`FxEngineError` where the file is missing or holds none."""
    try:
        with path.open("rb") as file:
            return checked_public_key(file.read(_FILE_BYTES_MAX).decode("ascii"))
    except OSError as e:
        raise FxEngineError(f"{path}: cannot be read ({e.strerror})") from e
    except (FxEngineError, ValueError):
        raise FxEngineError(f"{path}: holds no CURVE public key") from None


# -- addresses


def is_private(address: str) -> bool:
    """Say whether only this machine can reach an address: ``ipc://PATH``, or tcp on loopback.

    Raises :class:`VenueError` for what is neither ``ipc://PATH`` nor ``tcp://HOST:PORT``. A name other
    than ``localhost`` counts as reachable, whatever it resolves to today.
    """
    if address.startswith(_IPC) and len(address) > len(_IPC):
        return True
    host = _host(address)
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def require_private_or_curve(address: str, *, curve: bool) -> None:
    """Raise :class:`VenueError` for a plain line that other machines can reach: who reads it reads the token."""
    if not is_private(address) and not curve:
        raise VenueError(
            "address",
            f"{address} can be reached from other machines, and a plain line would show them every token; use CURVE"
            " keys, or tcp://127.0.0.1:PORT or ipc://PATH",
        )


def use_address_family(socket: "zmq.Socket[bytes]", address: str) -> None:
    """Let a socket use IPv6 where the address is one."""
    socket.ipv6 = "[" in address and not address.startswith(_IPC)


def nearest(address: str) -> str:
    """Return where this machine itself reaches what is bound to an address: "every interface" is none to connect to."""
    if address.startswith(_IPC):
        return address
    host = _host(address)
    return address.replace(host, _ANY_HOST.get(host, host), 1)


def _host(address: str) -> str:
    """Return the host of a tcp address as ZeroMQ will read it. ``tcp://SOURCE;HOST:PORT`` is refused."""
    parts = _TCP.fullmatch(address)
    if parts is None:
        raise VenueError("address", f"{address!r} is neither ipc://PATH nor tcp://HOST:PORT")
    return parts[1]
