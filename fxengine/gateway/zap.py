"""The doorkeeper: which client keys may connect at all. It serves ZAP from the gateway's own cycle.

In a CURVE handshake the client proves that it holds the secret half of its key. libzmq then asks,
over ``inproc://zeromq.zap.01``, whether that key is welcome, and waits::

    client --- handshake ---> libzmq --- [1.0, id, domain, address, "", CURVE, key] ---> Doorkeeper
                                     <-- [1.0, id, 200, text, key in Z85, ""] ----------

What is answered as the user id stands on every message of that connection as ``User-Id``: libzmq
puts it there, and a client that claims one in its own handshake does not replace it. A request is
answered in microseconds, so a thread of its own (pyzmq's ``Authenticator`` runs an event loop in
one) would only add a second place that knows who may do what.

libzmq lets everybody in when nobody answers ZAP. So the doorkeeper is there before the sockets are
bound, and the gateway refuses messages without a ``User-Id`` all the same.

Source: RFC 27/ZAP; zmq_curve(7); zmq_msg_gets(3).
"""

import logging
from pathlib import Path
from typing import Final

import zmq
from zmq.utils import z85

from fxengine.errors import FxEngineError
from fxengine.transport import PUBLIC_SUFFIX, load_public

_ENDPOINT: Final = "inproc://zeromq.zap.01"
_VERSION: Final = b"1.0"
_REQUEST_FRAMES: Final = 7
_KEY_BYTES: Final = 32

_log = logging.getLogger(__name__)


class AllowedKeys:
    """The public keys in a folder's ``*.pub`` files, read again whenever the folder or a file changed.

    While the folder does not exist every key is allowed. A file that holds no key allows nobody and is
    named in the log once.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._seen: list[tuple[str, int, int]] | None = None
        self._keys: frozenset[str] = frozenset()
        self.refresh()

    def refresh(self) -> bool:
        """Look whether anything changed, read it if so, and say whether it did."""
        seen = self._listing()
        if seen == self._seen:
            return False
        self._seen = seen
        self._keys = frozenset(self._read(name) for name, *_ in seen or ()) - {""}
        return True

    def __contains__(self, key: object) -> bool:
        return self._seen is None or key in self._keys

    def _listing(self) -> list[tuple[str, int, int]] | None:
        """Return each file with its time and size; None where there is no folder."""
        if self._folder is None:
            return None
        found = []
        try:
            for path in sorted(self._folder.glob("*" + PUBLIC_SUFFIX)):
                facts = path.stat()
                found.append((path.name, facts.st_mtime_ns, facts.st_size))
            return found if found or self._folder.is_dir() else None
        except OSError as e:
            _log.error("%s cannot be read, so nobody new may connect: %s", self._folder, e.strerror)
            return []

    def _read(self, name: str) -> str:
        assert self._folder is not None
        try:
            return load_public(self._folder / name)
        except FxEngineError as e:
            _log.error("%s", e)
            return ""


class Doorkeeper:
    """Answers ZAP for every socket of one context. Make it before they are bound; close it after them."""

    def __init__(self, context: "zmq.Context[zmq.Socket[bytes]]", folder: Path | None) -> None:
        self.allowed = AllowedKeys(folder)
        self.socket = context.socket(zmq.REP)
        self.socket.linger = 0
        self.socket.bind(_ENDPOINT)

    def answer(self) -> None:
        """Answer every handshake that waits."""
        while True:
            try:
                request = self.socket.recv_multipart(zmq.DONTWAIT)
            except zmq.Again:
                return
            self.socket.send_multipart(self._verdict(request))

    def _verdict(self, request: list[bytes]) -> list[bytes]:
        number = request[1] if len(request) > 1 else b""
        key = ""
        if len(request) == _REQUEST_FRAMES and request[0] == _VERSION:
            _, _, _, _, _, mechanism, credential = request
            if mechanism == b"CURVE" and len(credential) == _KEY_BYTES:
                key = z85.encode(credential).decode("ascii")
        self.allowed.refresh()
        if not key or key not in self.allowed:
            return [_VERSION, number, b"400", b"this key may not connect", b"", b""]
        return [_VERSION, number, b"200", b"welcome", key.encode("ascii"), b""]

    def close(self) -> None:
        """Answer nobody any more."""
        self.socket.close()
