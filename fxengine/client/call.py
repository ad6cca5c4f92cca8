"""A call: one request on its way and the answer it will have. The same for blocking and asyncio.

The protocol makes a call and, when the answer's messages have arrived, finishes it. Whoever waits,
waits for :attr:`Call.done`, a thread by polling its socket, a coroutine through ``on_done``.
"""

from collections.abc import Callable
from dataclasses import dataclass
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

    ``automatic``: its client order id was chosen here, so that it cannot be a repetition of anything.
    ``sequence``: the number that a payment was taken under; 0 until that was heard.
    """

    call: Call[Any]
    request: object
    automatic: bool
    sequence: int = 0

    def is_answered_by(self, sequence: int) -> bool:
        """Say whether a report of this command number is about this command, or about a namesake."""
        return not isinstance(self.request, PAYMENTS) or sequence == self.sequence
