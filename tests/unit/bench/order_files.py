"""Files of the yardstick's format, made with a book of their own that says what must come of them.

The book is as plain as can be: one list of open orders, searched from end to end for each trade. It shares
nothing with the project but the rules of price and time.
"""

import struct
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

HEADER = struct.Struct("<8sQQQqqQQqQQQ32x")
COMMAND = struct.Struct("<QqiIBBBBI")
NEW, CANCEL, REPLACE = 1, 2, 3
BUY, SELL = 0, 1
GTC, IOC = 0, 1
MID = 1000
MASK = 2**64 - 1
Row = tuple[int, int, int, int, int, int, int]
"""id, quantity, price, owner, type, side, time in force"""


@dataclass
class Resting:
    id: int
    side: int
    price: int
    quantity: int


@dataclass
class PlainBook:
    """Open orders in the order in which they came, and the totals of the trades."""

    orders: list[Resting] = field(default_factory=list)
    fills: int = 0
    quantity: int = 0
    notional: int = 0
    hash: int = 0xCBF29CE484222325

    def enter(self, order: Resting, tif: int) -> None:
        while order.quantity:
            maker = self._best(order)
            if maker is None:
                break
            self._fill(maker, order, min(maker.quantity, order.quantity))
        if order.quantity and tif == GTC:
            self.orders.append(order)

    def take_out(self, order_id: int) -> Resting:
        order = next(o for o in self.orders if o.id == order_id)
        self.orders.remove(order)
        return order

    def crosses(self, side: int, price: int) -> bool:
        return self._best(Resting(0, side, price, 1)) is not None

    def _best(self, taker: Resting) -> Resting | None:
        sign = 1 if taker.side == BUY else -1
        found = [o for o in self.orders if o.side != taker.side and sign * o.price <= sign * taker.price]
        return min(found, key=lambda o: sign * o.price, default=None)

    def _fill(self, maker: Resting, taker: Resting, lots: int) -> None:
        self.fills += 1
        self.quantity += lots
        self.notional += maker.price * lots
        word = (maker.id * 0x9E3779B97F4A7C15 + taker.id * 31 + lots) & MASK
        self.hash = (self.hash ^ word) * 1099511628211 & MASK
        maker.quantity -= lots
        taker.quantity -= lots
        if not maker.quantity:
            self.orders.remove(maker)


def write(path: Path, seed: int, *, n_prefill: int = 60, n_main: int = 600, owners: int = 7) -> PlainBook:
    """Write a random file whose header tells the truth; return the book it ends with."""
    rng, book = Random(seed), PlainBook()
    rows: list[Row] = []
    owner_of: dict[int, int] = {}
    next_id = rng.randrange(1, 2**40)

    def passive(side: int) -> int:
        price = MID + (-1 if side == BUY else 1) * rng.randrange(1, 30)
        while book.crosses(side, price):
            price += -1 if side == BUY else 1
        return price

    while len(rows) < n_prefill + n_main:
        draw = rng.random() if len(rows) >= n_prefill else 0.0
        if draw < 0.55 or not book.orders:
            side, tif = rng.choice((BUY, SELL)), GTC
            if draw < 0.25:
                price = passive(side)
            else:
                price, tif = MID + rng.randrange(-8, 9), rng.choice((GTC, IOC))
            next_id += rng.randrange(1, 4)
            owner_of[next_id] = rng.randrange(1, owners + 1)
            lots = rng.randrange(1, 400)
            rows.append((next_id, lots, price, owner_of[next_id], NEW, side, tif))
            book.enter(Resting(next_id, side, price, lots), tif)
            continue
        order = book.take_out(rng.choice(book.orders).id)
        owner = owner_of[order.id]
        if draw < 0.75:
            rows.append((order.id, 0, 0, owner, CANCEL, order.side, GTC))
            continue
        old_price, order.price, order.quantity = order.price, passive(order.side), rng.randrange(1, 400)
        while order.price == old_price:
            order.price += -1 if order.side == BUY else 1
        rows.append((order.id, order.quantity, order.price, owner, REPLACE, order.side, GTC))
        book.enter(order, GTC)
    totals = (book.fills, book.quantity, book.notional, book.hash, len(book.orders), seed)
    header = HEADER.pack(b"LOBW0001", n_prefill, n_main, next_id, 0, 2 * MID, *totals)
    path.write_bytes(header + b"".join(COMMAND.pack(*row, rng.randrange(4), 0) for row in rows))
    return book


def zero_totals(path: Path) -> None:
    """Blank all that the header says about the outcome."""
    content = bytearray(path.read_bytes())
    content[48:96] = bytes(48)
    path.write_bytes(content)


def write_rows(path: Path, rows: list[Row]) -> None:
    """Write these commands, all of them timed; the header tells nothing of the outcome."""
    header = HEADER.pack(b"LOBW0001", 0, len(rows), 0, 0, 0, 0, 0, 0, 0, 0, 0)
    path.write_bytes(header + b"".join(COMMAND.pack(*row, 0, 0) for row in rows))
