"""The asyncio client: the same calls as the blocking one, awaited; many may be under way at once.

A shell around :class:`fxengine.client.protocol.Protocol`. ZeroMQ's descriptor says only that
something changed, once per change; so each time it does, and after each send, everything that has
arrived is taken in. Calls made in one turn of the event loop leave in one frame::

    await asyncio.gather(*(client.new_order("EUR/USD", "BUY", price, "1000") for price in prices))
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from functools import wraps
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from fxengine.client.call import Call
from fxengine.client.link import Link
from fxengine.client.options import SessionOptions
from fxengine.client.protocol import Protocol
from fxengine.client.replica import BookReplica
from fxengine.client.reports import Report
from fxengine.client.view import View
from fxengine.errors import FxEngineError, VenueUnreachable
from fxengine.transport import ClientCurve

P = ParamSpec("P")
R = TypeVar("R")


def _awaiting(
    build: Callable[Concatenate[Protocol, P], Call[R]],
) -> Callable[Concatenate["AsyncClient", P], Coroutine[Any, Any, R]]:
    """Turn a method that makes a call into a coroutine that waits for it."""

    @wraps(build)
    async def method(self: "AsyncClient", /, *args: P.args, **kwargs: P.kwargs) -> R:
        return await self.wait(build(self.protocol, *args, **kwargs))

    return method


class AsyncClient(View):
    """A session with a venue. Make it with :meth:`connect`, in the event loop that will use it.

    Every coroutine waits ``timeout_s`` seconds at most and then raises :class:`VenueUnreachable`; a
    refusal raises :class:`RequestRejected`, whose ``reason`` is the stable code.

    When the connection is lost the session is resumed as soon as there is one again: what was missed is
    heard, what was not answered is sent again. Heartbeats, where asked for, are sent while the loop runs.
    """

    def __init__(
        self,
        address: str,
        market_data_address: str | None = None,
        *,
        timeout_s: float = 5.0,
        curve: ClientCurve | None = None,
        options: SessionOptions | None = None,
    ) -> None:
        super().__init__(Protocol(options))
        self.timeout_s = timeout_s
        self._link = Link(self.protocol, address, market_data_address, curve)
        self._loop = asyncio.get_running_loop()
        self._arrived = asyncio.Event()
        self._fault: FxEngineError | None = None
        self._is_flushing = False
        self._beat: asyncio.TimerHandle | None = None
        self._waiting: set[asyncio.Event] = set()
        self._descriptors = [socket.fileno() for socket in self._link.sockets]
        for descriptor in self._descriptors:
            self._loop.add_reader(descriptor, self._exchange)

    @classmethod
    async def connect(
        cls,
        address: str,
        token: str,
        market_data_address: str | None = None,
        *,
        timeout_s: float = 5.0,
        curve: ClientCurve | None = None,
        options: SessionOptions | None = None,
    ) -> Self:
        """Connect, log on with a KYC token, and learn what the venue lists.

        ``curve`` are the keys for a venue that asks for CURVE; ``options`` what the session is to be.
        """
        client = cls(address, market_data_address, timeout_s=timeout_s, curve=curve, options=options)
        try:
            logon, listing = client.protocol.logon(token), client.protocol.reference_data()
            await client.wait(logon)
            await client.wait(listing)
            client._keep_alive()
        except BaseException:
            client.close()
            raise
        return client

    logon = _awaiting(Protocol.logon)
    logout = _awaiting(Protocol.logout)
    heartbeat = _awaiting(Protocol.heartbeat)
    new_order = _awaiting(Protocol.new_order)
    new_order_ticks = _awaiting(Protocol.new_order_ticks)
    cancel = _awaiting(Protocol.cancel)
    amend = _awaiting(Protocol.amend)
    amend_ticks = _awaiting(Protocol.amend_ticks)
    mass_cancel = _awaiting(Protocol.mass_cancel)
    mass_quote = _awaiting(Protocol.mass_quote)
    mass_quote_ticks = _awaiting(Protocol.mass_quote_ticks)
    dead_man = _awaiting(Protocol.dead_man)
    swap = _awaiting(Protocol.swap)
    pay = _awaiting(Protocol.pay)
    quote = _awaiting(Protocol.quote)
    deposit = _awaiting(Protocol.deposit)
    withdraw = _awaiting(Protocol.withdraw)
    withdrawal_paid = _awaiting(Protocol.withdrawal_paid)
    withdrawal_returned = _awaiting(Protocol.withdrawal_returned)
    control_venue = _awaiting(Protocol.control_venue)
    control_currency = _awaiting(Protocol.control_currency)
    bust = _awaiting(Protocol.bust)
    pay_out_fees = _awaiting(Protocol.pay_out_fees)
    freeze = _awaiting(Protocol.freeze)
    unfreeze = _awaiting(Protocol.unfreeze)
    revoke_token = _awaiting(Protocol.revoke_token)
    balances = _awaiting(Protocol.balances)
    book = _awaiting(Protocol.book)
    order_status = _awaiting(Protocol.order_status)
    open_orders = _awaiting(Protocol.open_orders)
    open_withdrawals = _awaiting(Protocol.open_withdrawals)
    replay = _awaiting(Protocol.replay)
    account_number = _awaiting(Protocol.account_number)
    wait_final = _awaiting(Protocol.final)

    async def subscribe(self, instrument: str) -> BookReplica:
        """Follow a book; return its replica once it is current. It stays so while the event loop runs."""
        call = self.protocol.follow(instrument)
        self._link.subscribe()
        return await self.wait(call)

    async def reports(self) -> AsyncIterator[Report]:
        """Yield reports as they arrive, without end."""
        while True:
            for report in self.protocol.take_reports():
                yield report
            self._arrived.clear()
            if self._fault is not None:
                raise self._fault
            await self._arrived.wait()

    async def wait(self, call: Call[R]) -> R:
        """Wait for one call of :attr:`protocol` and return its result, or raise its error."""
        done = asyncio.Event()
        call.on_done = done.set
        self._waiting.add(done)
        if not self._is_flushing:
            self._is_flushing = True
            self._loop.call_soon(self._exchange)
        try:
            async with asyncio.timeout(self.timeout_s):
                while not call.done and self._fault is None:
                    await done.wait()
        except TimeoutError:
            raise VenueUnreachable(
                f"no answer within {self.timeout_s:g} s to {call.what}{self._link.trouble}"
            ) from None
        finally:
            self._waiting.discard(done)
        if self._fault is not None and not call.done:
            raise self._fault
        return call.result()

    def _exchange(self) -> None:
        self._is_flushing = False
        try:
            self._link.exchange(0)
            self.protocol.note_connections(self._link.n_connected)
            self._link.exchange(0)
        except FxEngineError as e:
            self._fault = e
            for waiting in self._waiting:
                waiting.set()
        self._arrived.set()

    def _keep_alive(self) -> None:
        """Send a heartbeat when one is due, and see to the next."""
        left_s = self.protocol.keep_alive(self._loop.time())
        if left_s != float("inf"):
            self._exchange()
            self._beat = self._loop.call_later(left_s, self._keep_alive)

    def close(self) -> None:
        """Close the connection. Resting orders stay; :meth:`logout` first ends the session in order."""
        if self._beat is not None:
            self._beat.cancel()
        for descriptor in self._descriptors:
            self._loop.remove_reader(descriptor)
        self._link.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
