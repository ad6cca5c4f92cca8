"""Moments as people write them on the command line."""

from datetime import UTC, datetime, timedelta

from fxengine.errors import AmountError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def time_ns(text: str | None) -> int:
    """Read a moment with its zone as ns since 1970 UTC; 0 where there is none.

    A zone is asked for: a guess would be wrong by hours. Raises :class:`AmountError` for what is no moment.
    """
    if text is None:
        return 0
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise AmountError(f"{text!r} is no time such as 2030-01-31T17:00:00Z") from None
    if time.tzinfo is None:
        raise AmountError(f"{text!r} does not say its time zone: end it with Z for UTC, or with +02:00")
    return (time - _EPOCH) // timedelta(microseconds=1) * 1_000
