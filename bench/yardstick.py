"""The yardstick's files of orders, and the same flow as this core's commands.

A file is a 128-byte header and 32-byte commands NEW, CANCEL and REPLACE, the first ``n_prefill`` of them to
build the book. The conversion gives every command its account and ids, all before any clock runs::

    file      NEW 7   NEW 9   REPLACE 7   NEW 12   CANCEL 9       all by one owner
    command   NEW 1   NEW 2   AMEND 1     NEW 4    CANCEL 2
    id used       1       2         3         4         none

Client ids are dense per account. A cancel takes none, as a maker's would not. What the header says
of the outcome is read, to be compared by whoever wants to, and never used.

What cannot be known without matching is filled in by ``bench.rehearsal``: AMEND names the total
quantity, the file what is to be open; and an order older than the window goes by its OrderID.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from bench.opening import FIRST_TRADER, WINDOW, Integers, funds, opening
from fxengine.codes import CommandKind, OrdType, Side, TimeInForce
from fxengine.records import AMEND, CANCEL, COMMAND, Records

MAGIC: Final = b"LOBW0001"
HEADER: Final = np.dtype([
    ("magic", "S8"),
    ("n_prefill", "<u8"), ("n_main", "<u8"), ("max_id", "<u8"),
    ("min_price", "<i8"), ("max_price", "<i8"),
    ("fills", "<u8"), ("quantity", "<u8"), ("notional", "<i8"), ("fill_hash", "<u8"), ("live", "<u8"),
    ("seed", "<u8"), ("reserved", "V32"),
])  # fmt: skip
FILE_COMMAND: Final = np.dtype([
    ("id", "<u8"), ("quantity", "<i8"), ("price", "<i4"), ("owner", "<u4"),
    ("type", "u1"), ("side", "u1"), ("time_in_force", "u1"), ("flags", "u1"), ("reserved", "V4"),
])  # fmt: skip
assert HEADER.itemsize == 128
assert FILE_COMMAND.itemsize == 32
NEW: Final = 1
CANCEL_TYPE: Final = 2
REPLACE: Final = 3
BUY: Final = 0
IOC: Final = 1

START_NS: Final = 1_800_000_000_000_000_000
STEP_NS: Final = 1_000
"""Time between two commands' stamps."""
_SPREAD: Final = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class OrderFile:
    """A file as it stands."""

    header: np.void
    commands: npt.NDArray[np.void]

    @property
    def n_prefill(self) -> int:
        """How many commands build the book."""
        return int(self.header["n_prefill"])


@dataclass
class Conversion:
    """A file's flow as commands; its rows are those of the file.

    ``entry`` is the row of the NEW that a row is about, -1 where there is none; ``stale`` are rows about an
    order whose client id has left the window by then. ``id_base[account] + client id`` is a row of
    ``entry_of_id``, which gives the row where that id was used.
    """

    opening: Records
    commands: Records
    n_prefill: int
    n_accounts: int
    file_ids: npt.NDArray[np.uint64]
    entry: Integers
    stale: Integers
    id_base: Integers
    entry_of_id: Integers

    def rows_of(self, events: Records) -> Integers:
        """Return the rows that entered the orders which these events are about."""
        rows: Integers = self.entry_of_id[self.id_base[events["account"]] + events["client_order_id"].astype(np.int64)]
        return rows


def read(path: Path) -> OrderFile:
    """Read a file; ValueError, naming the first fault, when it is not of the format."""
    content = np.fromfile(path, np.uint8)
    if len(content) < HEADER.itemsize:
        raise ValueError(f"{path}: shorter than the header of 128 bytes")
    header = content[: HEADER.itemsize].view(HEADER)[0]
    if header["magic"] != MAGIC:
        raise ValueError(f"{path}: does not begin with {MAGIC.decode()}")
    n_commands = int(header["n_prefill"]) + int(header["n_main"])
    expected = HEADER.itemsize + n_commands * FILE_COMMAND.itemsize
    if len(content) != expected:
        raise ValueError(f"{path}: {len(content)} bytes, but its header announces {expected}")
    commands = content[HEADER.itemsize :].view(FILE_COMMAND)
    _check(path, commands)
    return OrderFile(header, commands)


def _check(path: Path, commands: npt.NDArray[np.void]) -> None:
    sized = commands["type"] != CANCEL_TYPE
    wrong = {
        "an unknown type": ~np.isin(commands["type"], (NEW, CANCEL_TYPE, REPLACE)),
        "an unknown side": commands["side"] > 1,
        "an unknown time in force": commands["time_in_force"] > IOC,
        "a quantity below 1": sized & (commands["quantity"] < 1),
        "a price below 1": sized & (commands["price"] < 1),
    }
    for what, where in wrong.items():
        if where.any():
            raise ValueError(f"{path}: command {int(where.argmax())} has {what}")


def convert(orders: OrderFile, n_accounts: int | None = None) -> Conversion:
    """Turn a file into commands; the owners are its own, or spread over ``n_accounts`` by a hash of the id.

    As many accounts as the file has owners leaves the owners as they are. O(n log n), vectorised.
    """
    rows = orders.commands
    entry = _entries(rows)
    about = np.where(entry >= 0, entry, np.arange(len(rows)))
    owners, trader = np.unique(rows["owner"][about], return_inverse=True)
    if n_accounts not in (None, len(owners)):
        trader = ((rows["id"] * _SPREAD) >> np.uint64(32)).astype(np.int64) % n_accounts
    else:
        n_accounts = len(owners)
    sized = rows["type"] != CANCEL_TYPE
    id_base, highest = _client_ids(trader, sized, n_accounts)
    entry_of_id = np.zeros(int(sized.sum()) + 1, np.int64)
    entry_of_id[(id_base[trader + FIRST_TRADER] + highest)[sized]] = np.flatnonzero(sized)
    original = np.where(entry >= 0, highest[entry], 0)
    refers = (rows["type"] != NEW) & (entry >= 0)
    amounts = np.zeros((n_accounts, 2), np.int64)
    needed = funds(
        trader[sized], rows["side"][sized] == BUY, rows["price"][sized].astype(np.int64), rows["quantity"][sized]
    )
    amounts[: len(needed)] = needed
    return Conversion(
        opening=opening(amounts),
        commands=_commands(rows, trader + FIRST_TRADER, highest, original),
        n_prefill=orders.n_prefill,
        n_accounts=n_accounts,
        file_ids=rows["id"],
        entry=entry,
        stale=np.flatnonzero(refers & (original + WINDOW <= highest)),
        id_base=id_base,
        entry_of_id=entry_of_id,
    )


def _entries(rows: npt.NDArray[np.void]) -> Integers:
    """Return for each row the row of the last NEW of its id up to there, or -1."""
    order = np.argsort(rows["id"], kind="stable")
    ids, at = rows["id"][order], np.arange(len(rows))
    last = np.maximum.accumulate(np.where(rows["type"][order] == NEW, at, -1))
    known = (last >= 0) & (ids[last] == ids)
    entry = np.empty(len(rows), np.int64)
    entry[order] = np.where(known, order[last], -1)
    return entry


def _client_ids(trader: Integers, uses_id: npt.NDArray[np.bool_], n_accounts: int) -> tuple[Integers, Integers]:
    """Return where each account's ids begin, and each row's highest client id once it is applied."""
    order = np.argsort(trader, kind="stable")
    used = np.cumsum(uses_id[order])
    counts = np.bincount(trader[uses_id], minlength=n_accounts)
    before = np.cumsum(counts) - counts
    highest = np.empty(len(trader), np.int64)
    highest[order] = used - before[trader[order]]
    return np.concatenate([np.zeros(FIRST_TRADER, np.int64), before]), highest


def _commands(rows: npt.NDArray[np.void], account: Integers, highest: Integers, original: Integers) -> Records:
    commands = np.zeros(len(rows), COMMAND)
    commands["n_records"], commands["account"] = 1, account
    commands["time_ns"] = START_NS + STEP_NS * np.arange(len(rows))
    new, cancel, replace = (np.flatnonzero(rows["type"] == kind) for kind in (NEW, CANCEL_TYPE, REPLACE))

    commands["kind"][new] = CommandKind.NEW_ORDER
    commands["client_order_id"][new] = highest[new]
    commands["ord_type"][new] = OrdType.LIMIT
    commands["side"][new] = np.where(rows["side"][new] == BUY, Side.BUY, Side.SELL)
    commands["time_in_force"][new] = np.where(rows["time_in_force"][new] == IOC, TimeInForce.IOC, TimeInForce.GTC)
    commands["price_ticks"][new], commands["quantity_lots"][new] = rows["price"][new], rows["quantity"][new]

    cancels, amends = commands.view(CANCEL), commands.view(AMEND)
    cancels["kind"][cancel] = CommandKind.CANCEL
    cancels["orig_client_order_id"][cancel] = original[cancel]

    amends["kind"][replace] = CommandKind.AMEND
    amends["client_order_id"][replace] = highest[replace]
    amends["orig_client_order_id"][replace] = original[replace]
    amends["price_ticks"][replace], amends["quantity_lots"][replace] = rows["price"][replace], rows["quantity"][replace]
    return commands
