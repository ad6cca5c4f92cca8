"""The exception tree: misuse and faults.

A refusal that a client can cause is not an exception: it is a value, a
:class:`fxengine.codes.RejectReason`. What is raised here says that the caller, the
configuration or the machine is at fault, and its message says what to do next::

    FxEngineError
    |-- VenueError            the venue file breaks a rule; names the key
    |-- AmountError           text that is not an exact amount of its currency
    |-- MissingExtraError     an optional library is absent; names the extra
    |-- JournalError          the journal cannot be opened or written
    |   |-- JournalDamaged    bytes that were once durable no longer agree
    |   `-- SnapshotDamaged   a snapshot does not agree with itself, or is another venue's
    |-- LedgerError           the ledger refused or failed
    |   |-- LedgerMismatch    the same batch id with other content, or a gap
    |   `-- LedgerUnavailable the backend does not answer; posting may be retried
    |-- ChainError            a chain's node, a contract or a key is not as it must be; carries a stable code
    |   |-- ChainUnavailable  the node does not answer; the same call may be made again
    |   `-- ChainReverted     the contract refuses the call; carries its reason
    |-- ProtocolError         a peer broke the wire format (client side)
    |-- RequestRejected       the venue refused a request (client side); carries the reason
    `-- VenueUnreachable      no answer within the time allowed (client side)
"""


class FxEngineError(Exception):
    """Base of every exception the package raises on purpose."""


class VenueError(FxEngineError):
    """The venue description breaks a rule. ``key`` names the offending place."""

    def __init__(self, key: str, problem: str) -> None:
        super().__init__(f"{key}: {problem}")
        self.key = key


class AmountError(FxEngineError, ValueError):
    """Text or a number that is not an exact amount, price or quantity."""


class MissingExtraError(FxEngineError, ImportError):
    """An optional dependency is not installed."""

    def __init__(self, extra: str, purpose: str) -> None:
        super().__init__(f"{purpose} needs the extra {extra!r}: pip install 'fxengine[{extra}]'")
        self.extra = extra


class JournalError(FxEngineError):
    """The journal cannot be opened, read or written."""


class JournalDamaged(JournalError):
    """Bytes that were durable do not agree with their checksum or their chain."""


class SnapshotDamaged(JournalError):
    """A snapshot's bytes do not agree, or are another venue's. The journal has all that it had."""


class LedgerError(FxEngineError):
    """The ledger backend refused or failed."""


class LedgerMismatch(LedgerError):
    """A batch id came with other content than it was posted with, or out of order."""


class LedgerUnavailable(LedgerError):
    """The backend does not answer; nothing is known to have been posted.

    ``needs_somebody`` says that waiting alone will not do: an operator has to hear of it at once.
    """

    def __init__(self, text: str, *, needs_somebody: bool = False) -> None:
        super().__init__(text)
        self.needs_somebody = needs_somebody


class ChainError(FxEngineError):
    """A node, a contract or a key is not as it must be. ``code`` is stable, the text says what to do."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{text} [{code}]")
        self.code = code


class ChainUnavailable(ChainError):
    """The node does not answer, or not now; nothing is known of the call, and it may be made again."""


class ChainReverted(ChainError):
    """The contract refuses the call. ``reason`` is what it says, empty where it says nothing."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__("CALL_REVERTED", text)
        self.reason = reason


class ProtocolError(FxEngineError):
    """The peer sent bytes that are not this protocol."""


class RequestRejected(FxEngineError):
    """The venue refused a request. ``reason`` is the stable code, the text says what to do.

    ``retry_ns`` is how long to wait before sending it again, where the account's rate was exceeded; else 0.
    """

    def __init__(self, reason: int, text: str, retry_ns: int = 0) -> None:
        super().__init__(f"[{int(reason)}] {text}")
        self.reason = reason
        self.text = text
        self.retry_ns = retry_ns


class VenueUnreachable(FxEngineError):
    """The venue did not answer within the time allowed."""
