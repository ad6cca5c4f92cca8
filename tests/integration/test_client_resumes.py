"""The clients over real sockets: a lost line, a venue that goes and comes back, heartbeats and guards."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from fxengine.client import AsyncClient, Client, Execution, SessionOptions
from fxengine.codes import EventKind, OrdStatus, RejectReason
from fxengine.messages import ReportFormat, SessionMode
from tests.integration.venue_thread import RunningVenue, running_venue, until


class Relay:
    """A line between a client and the venue that can be cut: bytes in, bytes out, until then."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ends: list[socket.socket] = []
        self.address = f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
                far = socket.create_connection(self._target)
            except OSError:
                return
            self._ends += [near, far]
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(one, other), daemon=True).start()

    @staticmethod
    def _carry(one: socket.socket, other: socket.socket) -> None:
        try:
            while block := one.recv(65_536):
                other.sendall(block)
        except OSError:
            pass

    def cut(self) -> None:
        """Cut every connection there is; a new one may be made."""
        for end in self._ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()
        self._ends.clear()

    def close(self) -> None:
        self._listener.close()
        self.cut()


@contextmanager
def relayed(folder: Path) -> Iterator[tuple[RunningVenue, Relay]]:
    with running_venue(folder, transport="tcp") as venue:
        port = int(venue.order_address.rpartition(":")[2])
        relay = Relay(("127.0.0.1", port))
        try:
            yield venue, relay
        finally:
            relay.close()


def fund(venue: RunningVenue, account: int) -> None:
    with venue.operator_client() as operator:
        for currency in ("EUR", "USD"):
            operator.deposit(account, currency, "1000000")


@pytest.mark.parametrize("how", list(ReportFormat), ids=lambda how: how.name)
def test_a_cut_line_is_resumed_and_what_was_missed_is_heard(short_folder: Path, how: ReportFormat) -> None:
    with relayed(short_folder) as (venue, relay):
        options = SessionOptions(report_format=how)
        with Client.connect(relay.address, venue.token("maker-1"), options=options) as client:
            fund(venue, client.account)
            order = client.new_order("EUR/USD", "SELL", "1.1172", "10")
            relay.cut()
            with venue.client("payer-1") as payer:
                fund(venue, payer.account)
                payer.new_order("EUR/USD", "BUY", "1.1172", "4")
            until(lambda: order.cum_lots == 4, lambda: client.poll(0.05))
            assert client.protocol.n_resumed == 1
            relay.cut()
            again = client.new_order("EUR/USD", "SELL", "1.1173", "10")
            assert again.is_open
            assert {order.client_order_id, again.client_order_id} == set(client.orders)
            assert client.protocol.account.n_missed == 0


def test_a_client_outlives_the_venue_and_finds_its_orders_again(short_folder: Path) -> None:
    with running_venue(short_folder) as venue:
        token = venue.token("maker-1")
        client = Client.connect(venue.order_address, token, timeout_s=20.0)
        fund(venue, client.account)
        order = client.new_order("EUR/USD", "SELL", "1.1172", "10")
    with client, running_venue(short_folder) as venue:
        second = client.new_order("EUR/USD", "SELL", "1.1173", "5")
        assert second.is_open
        assert order.is_open
        state = client.order_status(order)
        assert (state.status, state.message.leaves_lots) == (OrdStatus.NEW, 10)
        assert sorted(o.client_order_id for o in client.open_orders()) == [1, 2]
        assert client.cancel(order).status is OrdStatus.CANCELED


def test_orders_of_a_session_that_is_lost_are_cancelled_where_it_asked_for_it(short_folder: Path) -> None:
    with relayed(short_folder) as (venue, relay):
        options = SessionOptions(cancel_on_disconnect=True)
        with Client.connect(relay.address, venue.token("maker-1"), options=options) as client:
            fund(venue, client.account)
            order = client.new_order("EUR/USD", "SELL", "1.1172", "10")
            relay.cut()
            until(lambda: not order.is_open, lambda: client.poll(0.05))
            assert (order.status, order.reason) == (OrdStatus.CANCELED, RejectReason.DISCONNECTED)


def test_a_drop_copy_hears_what_the_account_does_from_its_first_report_on(short_folder: Path) -> None:
    with running_venue(short_folder) as venue, venue.client("maker-1") as maker:
        fund(venue, maker.account)
        order = maker.new_order("EUR/USD", "SELL", "1.1172", "10")
        options = SessionOptions(mode=SessionMode.DROP_COPY, next_stream=1)
        with Client.connect(venue.order_address, venue.token("maker-1"), options=options) as copy:
            maker.cancel(order)
            until(lambda: copy.protocol.account.stream.number >= 6, lambda: copy.poll(0.05))
            copied = copy.replay(1)
            kinds = [r.exec_type for r in copied if isinstance(r, Execution)]
            assert kinds == [EventKind.ACCEPTED, EventKind.CANCELED]
            assert copy.orders == {}


def test_the_asyncio_client_resumes_while_it_waits(short_folder: Path) -> None:
    async def trade(venue: RunningVenue, relay: Relay) -> None:
        options = SessionOptions(heartbeat_ms=200)
        async with await AsyncClient.connect(
            relay.address, venue.token("maker-1"), timeout_s=20.0, options=options
        ) as client:
            await asyncio.to_thread(fund, venue, client.account)
            relay.cut()
            orders = await asyncio.gather(*(client.new_order("EUR/USD", "SELL", f"1.12{n}0", "1") for n in range(5)))
            assert [order.is_open for order in orders] == [True] * 5
            quoted = await client.mass_quote({"EUR/USD": ([("1.1000", "5")], [])})
            assert (quoted.n_quoted, len(client.quotes)) == (1, 1)
            assert (await client.mass_cancel()).count == 6
            await client.dead_man(60_000)
            assert await client.open_orders() == []
            assert client.protocol.n_resumed >= 1

    with relayed(short_folder) as (venue, relay):
        asyncio.run(trade(venue, relay))


def test_a_venue_is_reached_by_a_new_line_after_its_silence(short_folder: Path) -> None:
    """A session that promised heartbeats and sent none is closed, and its next call logs on again."""
    with running_venue(short_folder) as venue:
        options = SessionOptions(heartbeat_ms=1_000)
        with Client.connect(venue.order_address, venue.token("maker-1"), options=options) as client:

            def let_time_pass() -> None:
                venue.clock.advance(0.2)  # much faster than the client's own, by which it sends heartbeats
                client.poll(0.01)

            until(lambda: client.protocol.n_resumed == 1, let_time_pass)
            assert client.balances() == {}
