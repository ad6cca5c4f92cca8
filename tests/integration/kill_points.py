"""Programs that kill themselves at a chosen point of a payment's way, or trade until they are killed.

A payment's way, and where each side may die on it::

    payer    noted -> sent ------------------------------------------------------> answer -> noted
                   1       2                                                      3       4
    venue                  -> journal written -> synced -> applied, told -> sent
                          a    b (half)   c          d             e          f      g

Run as a program, with its arguments::

    serve POINT CLIENT_ORDER_ID DIR ORDERS MARKET_DATA
    pay POINT DIR ORDERS CLIENT_ORDER_ID PAYEE
    trade DIR ORDERS ACCOUNT SEED FIRST_ID

Killed is killed: signal 9.
"""

import os
import random
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

from fxengine.cli import main as fxengine
from fxengine.client import Client
from fxengine.codes import CommandKind, Side
from fxengine.engine import Released
from fxengine.engine.disk import Disk
from fxengine.engine.frames import HEADER_BYTES
from fxengine.gateway.dispatch import Dispatcher
from fxengine.gateway.server import Gateway
from fxengine.home import Home
from fxengine.records import COMMAND, RECORD_BYTES

NEVER: Final = "never"
VENUE_POINTS: Final = (
    "before it is written", "half written", "after it is written", "before the sync", "after the sync",
    "before it is told", "before it is sent", "after it is sent",
)  # fmt: skip
PAYER_POINTS: Final = ("before it is sent", "after it is sent", "with the answer unread", "with the answer read")
SYMBOL: Final = "EUR/USD"
TIMEOUT_S: Final = 20


def die() -> None:
    """End this process as a power cut would."""
    os.kill(os.getpid(), signal.SIGKILL)


class Death:
    """Waits for one payment to come by, and kills the process at one point of its way."""

    def __init__(self, point: str, client_order_id: int) -> None:
        self._point, self._client_order_id = point, client_order_id
        self._is_written = self._is_told = False

    def at(self, point: str) -> None:
        """Die if this is the point."""
        if point == self._point:
            die()

    def _is_in(self, records: bytes) -> bool:
        """Say whether the payment is the first of these commands; it travels alone."""
        commands = np.frombuffer(records, COMMAND, count=min(1, len(records) // RECORD_BYTES))
        return any(c["kind"] == CommandKind.SWAP and c["client_order_id"] == self._client_order_id for c in commands)

    def install(self) -> None:
        """Have the venue's own code pass by here."""
        write, sync, tell, flush = Disk.write, Disk.sync, Dispatcher.on_released, Gateway._flush

        def write_or_die(disk: Disk, fd: int, content: bytes, offset: int) -> None:
            is_payment = self._is_in(content[HEADER_BYTES:])
            if is_payment:
                self.at("before it is written")
                if self._point == "half written":
                    write(disk, fd, content[: HEADER_BYTES + 20], offset)
                    die()
            write(disk, fd, content, offset)
            if is_payment:
                self._is_written = True
                self.at("after it is written")

        def sync_or_die(disk: Disk, fd: int) -> None:
            is_payment = self._is_written
            if is_payment:
                self.at("before the sync")
            sync(disk, fd)
            if is_payment:
                self.at("after the sync")

        def tell_or_die(dispatcher: Dispatcher, released: Released) -> None:
            is_payment = not released.replayed and self._is_in(released.commands.tobytes())
            if is_payment:
                self.at("before it is told")
            tell(dispatcher, released)
            self._is_told |= is_payment

        def flush_or_die(gateway: Gateway) -> None:
            if self._is_told:
                self.at("before it is sent")
            flush(gateway)
            if self._is_told:
                gateway.close()  # what was sent has left the process
                self.at("after it is sent")

        Disk.write = write_or_die  # type: ignore[method-assign, assignment]
        Disk.sync = sync_or_die  # type: ignore[method-assign, assignment]
        Dispatcher.on_released = tell_or_die  # type: ignore[method-assign, assignment]
        if self._point in ("before it is sent", "after it is sent"):
            Gateway._flush = flush_or_die  # type: ignore[method-assign, assignment]


def serve(point: str, client_order_id: str, directory: str, orders: str, market_data: str) -> None:
    """Serve a venue that dies at a point of one payment's way."""
    if point != NEVER:
        Death(point, int(client_order_id)).install()
    sys.argv = ["fxengine", "serve", directory, "--json", "--orders", orders, "--market-data", market_data]
    fxengine()


def pay(point: str, directory: str, orders: str, client_order_id: str, payee: str) -> None:
    """Pay once as payer-1, under an id that was noted before; print what the receipt says."""
    client = Client.connect(orders, Home(Path(directory)).token("payer-1"), timeout_s=TIMEOUT_S)
    if point == "before it is sent":
        die()
    call = client.protocol.swap(
        "EUR", "USD", exact_out="10", max_in="20", payee=int(payee), client_order_id=int(client_order_id)
    )
    if point == "after it is sent":
        client._link.flush()
        client.heartbeat()  # the connection has carried what came before it
        die()
    if point == "with the answer unread":
        client._link.flush()
        assert client._link._session.poll(TIMEOUT_S * 1_000)
        die()
    receipt = client.wait(call)
    if point == "with the answer read":
        die()
    print(receipt.client_order_id, receipt.received_units, flush=True)


def trade(directory: str, orders: str, account: str, seed: str, first_id: str) -> None:
    """Trade until killed: print each command before it is sent, and each answer."""
    rng, number = random.Random(int(seed)), int(first_id)
    client = Client.connect(orders, Home(Path(directory)).token(account), timeout_s=TIMEOUT_S)
    assert client.protocol.listing is not None
    instrument = client.protocol.listing.instrument(SYMBOL)
    open_ids: list[int] = []
    while True:
        calls = []
        for _ in range(rng.randint(1, 8)):
            if open_ids and rng.random() < 0.3:
                print("CANCEL", number, flush=True)  # it takes the next id
                client.protocol.cancel(open_ids.pop(rng.randrange(len(open_ids))))
                number += 1
                continue
            side, price, lots = rng.choice((Side.BUY, Side.SELL)), 111_700 + rng.randint(-5, 5), rng.randint(1, 40)
            print("SENT", number, int(side), price, lots, flush=True)
            calls.append(client.protocol.new_order_ticks(instrument, side, price, lots, client_order_id=number))
            open_ids.append(number)
            number += 1
        for call in calls:
            order = client.wait(call)
            print("TOLD", order.client_order_id, order.order_id, order.cum_lots, flush=True)


if __name__ == "__main__":
    programs: dict[str, Callable[..., None]] = {"serve": serve, "pay": pay, "trade": trade}
    programs[sys.argv[1]](*sys.argv[2:])
