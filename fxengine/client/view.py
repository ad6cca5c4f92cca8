"""What a client knows without asking: the same for the blocking and the asyncio one."""

from fxengine.client.listing import Listing
from fxengine.client.protocol import Protocol
from fxengine.client.reports import Order


class View:
    """What a session's protocol has heard so far."""

    def __init__(self, protocol: Protocol) -> None:
        self.protocol = protocol

    @property
    def account(self) -> int:
        """The account's number."""
        return self.protocol.account.number

    @property
    def listing(self) -> Listing:
        """What the venue lists: its currencies, and its instruments with their ticks, lots and fees."""
        return self.protocol.listed()

    @property
    def orders(self) -> dict[int, Order]:
        """Open orders that this session has heard of, by client order id."""
        return self.protocol.account.orders

    @property
    def quotes(self) -> dict[int, Order]:
        """Open levels of mass quotes that this session has heard of, by OrderID."""
        return self.protocol.account.quotes
