"""The gateway's yardstick: a ROUTER that sends back what it gets, and nothing else.

It reads exactly as safely as the gateway does, until nothing is left or 256 messages are read, then
sends one reply per session that holds all of that session's bodies, each after its length::

    client 1: a, b     client 2: c          one cycle's mail
    client 1: |1|a|1|b|     client 2: |1|c|     one reply each

So it costs what sockets and framing cost in Python, and a gateway can only come near it.

    python -m bench.echo tcp://127.0.0.1:5599 16        address, seconds
"""

import struct
import sys
import time
from contextlib import suppress

import zmq

_CYCLE = 256
_LENGTH = struct.Struct("<I")


def serve(router: "zmq.Socket[bytes]", seconds: float) -> None:
    """Echo until the time is over."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not router.poll(100):
            continue
        for identity, bodies in _mail(router).items():
            reply = b"".join(_LENGTH.pack(len(body)) + body for body in bodies)
            with suppress(zmq.ZMQError):  # it is gone, or does not read: so it hears nothing
                router.send_multipart([identity, reply], zmq.DONTWAIT)


def _mail(router: "zmq.Socket[bytes]") -> dict[bytes, list[bytes]]:
    mail: dict[bytes, list[bytes]] = {}
    for _ in range(_CYCLE):
        try:
            identity = router.recv(zmq.DONTWAIT)
        except zmq.Again:
            break
        frame = router.recv(copy=False)
        if frame.more:  # not [identity][body]: drop the message whole
            while router.getsockopt(zmq.RCVMORE):
                router.recv()
            continue
        mail.setdefault(identity, []).append(frame.bytes)
    return mail


def bodies_of(reply: bytes) -> int:
    """Count the bodies in one reply."""
    count = offset = 0
    while offset < len(reply):
        offset += _LENGTH.size + int.from_bytes(reply[offset : offset + _LENGTH.size], "little")
        count += 1
    return count


def main() -> None:
    """Run the command line."""
    address, seconds = sys.argv[1], float(sys.argv[2])
    router = zmq.Context().socket(zmq.ROUTER)
    router.setsockopt(zmq.ROUTER_MANDATORY, 1)
    router.set_hwm(100_000)
    router.bind(address)
    print(router.get_string(zmq.LAST_ENDPOINT).rstrip("\0"), flush=True)
    serve(router, seconds)


if __name__ == "__main__":
    main()
