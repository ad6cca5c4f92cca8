"""A call: one request on its way and the answer it will have. The same for blocking and asyncio.

The protocol makes a call and, when the answer's messages have arrived, finishes it. Whoever waits,
waits for :attr:`Call.done`, a thread by polling its socket, a coroutine through ``on_done``.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from fxengine.errors import FxEngineError
from fxengine.messages import PAYMENTS

R = TypeVar("R")


class Call(Generic[R]):
    """What will become of one request. ``what`` names it in errors."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.done = False
        self.on_done: Callable[[], None] | None = None
        self._result: R | None = None
        self._error: FxEngineError | None = None

    def succeed(self, result: R) -> None:
        """Finish with a result, unless it is finished already."""
        if not self.done:
            self._result = result
            self._finish()

    def fail(self, error: FxEngineError) -> None:
        """Finish with an error, for :meth:`result` to raise, unless it is finished already."""
        if not self.done:
            self._error = error
            self._finish()

    def result(self) -> R:
        """Return the result, or raise the error; only once :attr:`done`."""
        assert self.done
        if self._error is not None:
            raise self._error
        result: R = self._result  # type: ignore[assignment]
        return result

    def _finish(self) -> None:
        self.done = True
        if self.on_done is not None:
            self.on_done()


@dataclass(slots=True)
class Pending:
    """A command that waits for its answer.

    ``automatic``: its client order id was chosen here, so that it cannot be a repetition of anything
    but itself. ``taken``: the numbers that a payment was taken under, one each time it was sent.
    """

    call: Call[Any]
    request: Any
    automatic: bool
    taken: list[int] = field(default_factory=list)
    is_sent_again: bool = False
    """The connection was lost after it was sent, and it was sent once more."""
    heard: dict[int, object] = field(default_factory=dict)
    """Of a payment: results of commands with its client order id whose number was not known to be its own."""

    so_far: Any = None
    """Of a mass quote: how its sets ended so far."""

    def is_answered_by(self, sequence: int) -> bool:
        """Say whether a report of this command number is about this command, or about a namesake."""
        return not isinstance(self.request, PAYMENTS) or sequence in self.taken

    def may_be(self, original_sequence: int) -> bool:
        """Say whether the command that a repetition was answered with can have been this one."""
        if not self.automatic:
            return True
        before = self.taken[:-1]
        return self.is_sent_again and (not before or original_sequence in before)
