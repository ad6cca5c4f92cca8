"""What the gateway's load consists of: one maker's orders, encoded before the clock starts.

A block of 20 commands is ten new orders, nine cancels and one order that takes, over four
instruments in turn::

    new cancel new cancel ... new cancel new TAKE
     `-- cancelled some 200 orders later, but the tenth, at the best price: that is what TAKEs find

So the book stays as deep as it is, a twentieth of the commands trades, and each command has at least
one answer. Ids begin where a number takes its full width in msgpack, so that all orders have one
length and numpy writes a million of them at once.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from fxengine.codes import CommandKind, OrdType, Side, TimeInForce
from fxengine.messages import MassQuote
from fxengine.records import CANCEL, NEW_ORDER, RECORD_BYTES, Records
from fxengine.wire import command_frame, encode

FIRST_ID: Final = 65_536
INSTRUMENTS: Final = 4
BATCH: Final = 64
QUOTE_SETS: Final = 2
QUOTE_LEVELS: Final = 16
"""Levels a side of each set; a mass quote holds QUOTE_SETS x 2 x QUOTE_LEVELS of them."""
LEVELS_PER_QUOTE: Final = QUOTE_SETS * 2 * QUOTE_LEVELS

_BLOCK: Final = 20
_NEWS_PER_BLOCK: Final = 10
_OPEN_ORDERS: Final = 200
_MID: Final = 110_000
_DEPTH: Final = 40
_LOTS: Final = 1_000

_HEAD = np.dtype([("array", "u1"), ("type", "u1"), ("u32", "u1"), ("client_order_id", ">u4")])
_NEW = np.dtype([
    *_HEAD.descr, ("instrument", "u1"), ("side", "u1"), ("ord_type", "u1"), ("time_in_force", "u1"),
    ("exec_inst", "u1"), ("self_trade_prevention", "u1"), ("u32_price", "u1"), ("price_ticks", ">u4"),
    ("u16", "u1"), ("quantity_lots", ">u2"), ("expire", "u1"), ("display", "u1"), ("stop", "u1"), ("min", "u1"),
])  # fmt: skip
_CANCEL = np.dtype([*_HEAD.descr, ("order_id", "u1"), ("u32_original", "u1"), ("orig_client_order_id", ">u4")])
_ARRAY, _U16, _U32 = 0x90, 0xCD, 0xCE
_ONE_MESSAGE = b"\x92\x01"


@dataclass
class Maker:
    """One session's endless flow; each call goes on where the last ended."""

    seed: int
    first_id: int = FIRST_ID
    n_done: int = 0

    @property
    def next_id(self) -> int:
        """The next command's client order id."""
        return self.first_id + self.n_done

    def commands(self, n: int) -> Records:
        """Return the next commands, whole blocks of them, as the records that the core would see."""
        n_blocks = -(-n // _BLOCK)
        n = n_blocks * _BLOCK
        place = np.tile(np.arange(_BLOCK), n_blocks)
        block = self.n_done // _BLOCK + np.repeat(np.arange(n_blocks), _BLOCK)
        ordinal = block * _NEWS_PER_BLOCK + place // 2
        rng = np.random.default_rng([self.seed, self.n_done])
        is_take, is_last = place == _BLOCK - 1, place == _BLOCK - 2
        side = (ordinal + block + is_take) % 2 + 1  # a TAKE meets the order before it, or another's like it
        away = np.where(is_take, -_DEPTH, np.where(is_last, 1, rng.integers(2, _DEPTH, n)))
        made = np.zeros(n, NEW_ORDER)
        made["kind"], made["n_records"] = CommandKind.NEW_ORDER, 1
        made["client_order_id"] = self.next_id + np.arange(n)
        made["instrument"] = block % INSTRUMENTS
        made["side"], made["ord_type"] = side, OrdType.LIMIT
        made["time_in_force"] = np.where(is_take, TimeInForce.IOC, TimeInForce.GTC)
        made["price_ticks"] = _MID + np.where(side == Side.BUY, -away, away)
        made["quantity_lots"] = _LOTS
        self._cancel(made, (place % 2 == 1) & ~is_take, ordinal)
        self.n_done += n
        return made

    def rewind(self, n_unsent: int) -> None:
        """Take back what was not sent, whole blocks of it: ids that skip more than a window are refused."""
        self.n_done -= n_unsent - n_unsent % _BLOCK

    def _cancel(self, made: Records, places: npt.NDArray[np.bool_], ordinal: npt.NDArray[np.int64]) -> None:
        """Turn these places into cancels of what was entered a while ago; at the start, of what is not there."""
        target = ordinal - _OPEN_ORDERS
        block, number = np.divmod(target, _NEWS_PER_BLOCK)
        originals = self.first_id + block * _BLOCK + number * 2
        keys = ("kind", "n_records", "client_order_id")
        kept = {name: made[name][places] for name in keys}
        made[places] = np.zeros((), NEW_ORDER)
        for name in keys:
            made[name][places] = kept[name]
        made["kind"][places] = CommandKind.CANCEL
        made.view(CANCEL)["orig_client_order_id"][places] = np.maximum(originals, 1)[places]


def singles(maker: Maker, n: int) -> list[bytes]:
    """Encode a maker's next commands as msgpack, one a frame."""
    return [_ONE_MESSAGE + message for message in _messages(maker.commands(n))]


def batches(maker: Maker, n: int) -> list[bytes]:
    """Encode a maker's next commands as msgpack, BATCH a frame."""
    messages = _messages(maker.commands(n))
    head = b"\xdc" + (BATCH + 1).to_bytes(2, "big") + b"\x01"
    whole = len(messages) - len(messages) % BATCH
    return [head + b"".join(messages[first : first + BATCH]) for first in range(0, whole, BATCH)]


def record_frames(maker: Maker, n: int) -> list[bytes]:
    """Encode a maker's next commands as frames of BATCH fixed records."""
    content = maker.commands(n).tobytes()
    size = BATCH * RECORD_BYTES
    whole = len(content) - len(content) % size
    return [command_frame(content[first : first + size]) for first in range(0, whole, size)]


def mass_quotes(maker: Maker, n: int) -> list[bytes]:
    """Encode the next mass quotes: two-sided ladders, of which every fifth level has a new quantity each time."""
    rng = np.random.default_rng([maker.seed, maker.next_id])
    steps = np.arange(QUOTE_LEVELS)
    lots = np.full((2 * QUOTE_SETS, QUOTE_LEVELS), _LOTS)
    frames = []
    for number in range(n):
        lots[:, number % 5 :: 5] = rng.integers(_LOTS // 2, _LOTS, (2 * QUOTE_SETS, len(steps[number % 5 :: 5])))
        sets = []
        for row in range(QUOTE_SETS):
            instrument = INSTRUMENTS + (maker.seed * QUOTE_SETS + row) % INSTRUMENTS
            bids, asks = (
                np.column_stack((_MID + sign * (_DEPTH + steps), lots[2 * row + at])).ravel().tolist()
                for at, sign in enumerate((-1, 1))
            )
            sets.append((instrument, tuple(bids), tuple(asks)))
        frames.append(encode([MassQuote(maker.next_id + number, tuple(sets))]))
    maker.n_done += n
    return frames


def _messages(commands: Records) -> list[bytes]:
    is_cancel = commands["kind"] == CommandKind.CANCEL
    messages = np.empty(len(commands), object)
    messages[~is_cancel] = _new_orders(commands[~is_cancel])
    messages[is_cancel] = _cancels(commands[is_cancel].view(CANCEL))
    encoded: list[bytes] = messages.tolist()
    return encoded


def _new_orders(commands: Records) -> list[bytes]:
    rows = np.zeros(len(commands), _NEW)
    rows["array"], rows["type"] = _ARRAY | 14, 10
    rows["u32"] = rows["u32_price"] = _U32
    rows["u16"] = _U16
    for name in ("client_order_id", "instrument", "side", "ord_type", "time_in_force", "price_ticks", "quantity_lots"):
        rows[name] = commands[name]
    return _bytes_of(rows)


def _cancels(commands: Records) -> list[bytes]:
    rows = np.zeros(len(commands), _CANCEL)
    rows["array"], rows["type"] = _ARRAY | 4, 11
    rows["u32"] = rows["u32_original"] = _U32
    for name in ("client_order_id", "orig_client_order_id"):
        rows[name] = commands[name]
    return _bytes_of(rows)


def _bytes_of(rows: Records) -> list[bytes]:
    listed: list[bytes] = rows.view(f"V{rows.dtype.itemsize}").tolist()
    return listed
