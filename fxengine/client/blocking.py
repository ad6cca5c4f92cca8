"""The blocking client: one call at a time from one thread, or many at once with ``wait_all``.

A shell around :class:`fxengine.client.protocol.Protocol`: it carries frames and waits. Each method
below is the protocol's method of that name, followed by waiting for its answer, so the two clients
cannot differ in what they do.
"""

import time
from collections.abc import Callable, Sequence
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
from fxengine.errors import RequestRejected, VenueUnreachable
from fxengine.transport import ClientCurve

P = ParamSpec("P")
R = TypeVar("R")


def _blocking(build: Callable[Concatenate[Protocol, P], Call[R]]) -> Callable[Concatenate["Client", P], R]:
    """Turn a method that makes a call into one that waits for it."""

    @wraps(build)
    def method(self: "Client", /, *args: P.args, **kwargs: P.kwargs) -> R:
        # What came before the call must not be taken for its answer: a sibling session may use the same id.
        self._take_in()
        return self.wait(build(self.protocol, *args, **kwargs))

    return method


class Client(View):
    """A session with a venue. Make it with :meth:`connect`; use it from one thread, best in a ``with``.

    Every method waits ``timeout_s`` seconds at most and then raises :class:`VenueUnreachable`; a
    refusal raises :class:`RequestRejected`, whose ``reason`` is the stable code.

    When the connection is lost the session is resumed as soon as there is one again, within the call
    that is waiting or the next: what was missed is heard, what was not answered is sent again.
    A session with ``heartbeat_ms`` lives as long as its methods are called that often; :meth:`poll` is enough.
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

    @classmethod
    def connect(
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
            client.wait(logon)
            client.wait(listing)
        except BaseException:
            client.close()
            raise
        return client

    logon = _blocking(Protocol.logon)
    logout = _blocking(Protocol.logout)
    heartbeat = _blocking(Protocol.heartbeat)
    new_order = _blocking(Protocol.new_order)
    new_order_ticks = _blocking(Protocol.new_order_ticks)
    cancel = _blocking(Protocol.cancel)
    amend = _blocking(Protocol.amend)
    amend_ticks = _blocking(Protocol.amend_ticks)
    mass_cancel = _blocking(Protocol.mass_cancel)
    mass_quote = _blocking(Protocol.mass_quote)
    mass_quote_ticks = _blocking(Protocol.mass_quote_ticks)
    dead_man = _blocking(Protocol.dead_man)
    swap = _blocking(Protocol.swap)
    pay = _blocking(Protocol.pay)
    quote = _blocking(Protocol.quote)
    deposit = _blocking(Protocol.deposit)
    withdraw = _blocking(Protocol.withdraw)
    withdrawal_paid = _blocking(Protocol.withdrawal_paid)
    withdrawal_returned = _blocking(Protocol.withdrawal_returned)
    control_venue = _blocking(Protocol.control_venue)
    control_currency = _blocking(Protocol.control_currency)
    bust = _blocking(Protocol.bust)
    pay_out_fees = _blocking(Protocol.pay_out_fees)
    freeze = _blocking(Protocol.freeze)
    unfreeze = _blocking(Protocol.unfreeze)
    revoke_token = _blocking(Protocol.revoke_token)
    balances = _blocking(Protocol.balances)
    book = _blocking(Protocol.book)
    order_status = _blocking(Protocol.order_status)
    open_orders = _blocking(Protocol.open_orders)
    open_withdrawals = _blocking(Protocol.open_withdrawals)
    replay = _blocking(Protocol.replay)
    account_number = _blocking(Protocol.account_number)
    wait_final = _blocking(Protocol.final)

    def subscribe(self, instrument: str) -> BookReplica:
        """Follow a book; return its replica once it is current. :meth:`poll` keeps it so."""
        call = self.protocol.follow(instrument)
        self._link.subscribe()
        return self.wait(call)

    def poll(self, timeout_s: float = 0.0) -> list[Report]:
        """Take in what has arrived, waiting up to ``timeout_s`` for something; return the new reports."""
        self._exchange(timeout_s)
        return self.protocol.take_reports()

    def wait(self, call: Call[R]) -> R:
        """Wait for one call of :attr:`protocol` and return its result, or raise its error."""
        deadline = time.monotonic() + self.timeout_s
        self._exchange(0)
        while not call.done:
            left = deadline - time.monotonic()
            if left <= 0:
                raise VenueUnreachable(f"no answer within {self.timeout_s:g} s to {call.what}{self._link.trouble}")
            self._exchange(left)
        return call.result()

    def _exchange(self, timeout_s: float) -> None:
        """Exchange frames, for as long as nothing else is due."""
        self._link.exchange(min(timeout_s, self.protocol.keep_alive(time.monotonic())))
        self._resume_where_lost()

    def _take_in(self) -> None:
        self._link.drain()
        self._resume_where_lost()

    def _resume_where_lost(self) -> None:
        self.protocol.note_connections(self._link.n_connected)
        self._link.flush()

    def wait_all(self, calls: Sequence[Call[Any]]) -> list[Any]:
        """Wait for calls sent together, in one frame; a refusal stands in the list instead of being raised.

        ``client.wait_all([client.protocol.new_order(...), client.protocol.new_order(...)])``
        """
        results: list[Any] = []
        for call in calls:
            try:
                results.append(self.wait(call))
            except RequestRejected as refusal:
                results.append(refusal)
        return results

    def close(self) -> None:
        """Close the connection. Resting orders stay; :meth:`logout` first ends the session in order."""
        self._link.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
