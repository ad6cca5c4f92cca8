"""A stretch of mail: many clients' frames at once where they are orders, and frame by frame where not.

Under load most frames hold orders, and reading those together costs a fifth of reading them one by one.
Nothing else may follow from it: commands go to the engine in the order in which their frames arrived,
and a session is either taken together or frame by frame, for the whole stretch::

    arrived    A order  B order  A order  C logon  B order  C order
    together   A order  B order  A order           B order            limits asked once for A, once for B
    one by one                            C logon           C order
    engine     A order  B order  A order           B order  C order

A session is taken together where it may send orders as it likes, all it sent are orders that can be read
together, and its account's limits leave room for all of them. What nobody may send is not looked at here.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from fxengine.codes import CommandKind
from fxengine.gateway.batch import Batch
from fxengine.gateway.session import Session
from fxengine.records import Records
from fxengine.wire import ORDERS_FROM, OrderReader

_CANCEL: Final = int(CommandKind.CANCEL)
Receive = Callable[[bytes, bytes, str | None], int]
"""Acts on one frame: routing id, frame, CURVE key. Returns how many messages it was worth."""
Places = npt.NDArray[np.intp]


class Mail:
    """Takes in what has arrived, for a dispatcher whose ``receive`` it falls back on."""

    def __init__(
        self, sessions: Mapping[bytes, Session], batch: Batch, clock_ns: Callable[[], int], receive: Receive
    ) -> None:
        self._sessions = sessions
        self._batch = batch
        self._clock_ns = clock_ns
        self._receive = receive
        self._orders = OrderReader()

    def take(self, senders: Sequence[bytes], frames: Sequence[bytes], keys: Mapping[bytes, str | None]) -> int:
        """Act on frames in the order in which they arrived; return how many messages they were worth.

        ``senders`` are the routing ids of the connections they came from, ``keys`` their CURVE keys.
        """
        if sum(map(len, frames)) < ORDERS_FROM:
            return self.take_singly(senders, frames, keys)
        trading = {sender for sender in set(senders) if self._trades_freely(sender)}
        arrived = zip(senders, frames, strict=True)
        commands, n_orders = self._orders.read([frame if sender in trading else b"" for sender, frame in arrived])
        together = n_orders > 0
        if len(commands):
            together &= self._ask_sessions(senders, commands, n_orders)
        bounds = [0, *np.cumsum(n_orders).tolist()]
        worth = at = 0
        for place in [*np.flatnonzero(~together).tolist(), len(frames)]:
            if place > at:
                run = commands[bounds[at] : bounds[place]]
                self._batch.add(run.tobytes(), len(run))
                worth += len(run)
            if place < len(frames):
                worth += self._receive(senders[place], frames[place], keys[senders[place]])
            at = place + 1
        return worth

    def take_singly(self, senders: Sequence[bytes], frames: Sequence[bytes], keys: Mapping[bytes, str | None]) -> int:
        """As :meth:`take`, but look at each frame by itself."""
        arrived = zip(senders, frames, strict=True)
        return sum([self._receive(sender, frame, keys[sender]) for sender, frame in arrived])

    def _trades_freely(self, sender: bytes) -> bool:
        session = self._sessions.get(sender)
        return session is not None and session.trades_freely

    def _ask_sessions(self, senders: Sequence[bytes], commands: Records, n_orders: Places) -> npt.NDArray[np.bool_]:
        """Write the accounts into the commands; say of each frame whether its session is taken together."""
        numbers: dict[bytes, int] = {}
        sender = np.array([numbers.setdefault(routing_id, len(numbers)) for routing_id in senders], np.intp)
        n_unread = np.bincount(sender[n_orders == 0], minlength=len(numbers))
        of_order = np.repeat(sender, n_orders)
        n_asked = np.bincount(of_order, minlength=len(numbers))
        n_cancels = np.bincount(of_order[commands["kind"] == _CANCEL], minlength=len(numbers))
        accounts: npt.NDArray[Any] = np.zeros(len(numbers), np.uint32)
        now_ns = self._clock_ns()
        counts = zip(numbers, n_unread.tolist(), n_asked.tolist(), n_cancels.tolist(), strict=True)
        for number, (routing_id, unread, asked, cancels) in enumerate(counts):
            if unread or not asked:
                continue
            session = self._sessions[routing_id]
            if not session.allowance.refuses(asked - cancels, cancels, now_ns):
                session.heard_ns = now_ns
                accounts[number] = session.account
        commands["account"] = accounts[of_order]
        together: npt.NDArray[np.bool_] = accounts[sender] != 0
        return together
