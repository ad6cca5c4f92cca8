"""Asking a venue to stop, from wherever: another thread, or a signal that may come at any moment."""

import os


class Stop:
    """A request to stop, from any thread or a signal handler; wakes the cycle at once."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        self._is_set = False

    def set(self) -> None:
        """Ask for the stop."""
        self._is_set = True
        os.write(self._write, b"\0")

    def is_set(self) -> bool:
        """Say whether a stop was asked for."""
        return self._is_set

    def fileno(self) -> int:
        """Return a descriptor that is readable once :meth:`set` was called."""
        return self._read

    def close(self) -> None:
        """Let go of the descriptors."""
        os.close(self._read)
        os.close(self._write)
