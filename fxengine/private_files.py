"""Files that their owner alone may read: keys and other secrets.

A file is made in one step with its permissions (0600, in a directory with 0700) rather than narrowed
afterwards, and never overwritten. One that others can read is refused, as ssh does, because nobody can
say who has read it. No message quotes what a file holds.
"""

import os
from pathlib import Path

from fxengine.errors import FxEngineError

_BYTES_MAX = 16_384


def create_private(path: Path, content: bytes, what: str) -> None:
    """Write a new file and sync it. ``what`` names the secret in the error.

    Raises :class:`FxEngineError` where the file exists.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.parent.chmod(0o700)
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise FxEngineError(f"{path} exists already; a {what} is never overwritten") from None
    with os.fdopen(fd, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def read_private(path: Path, what: str, *, advice: str = "") -> bytes:
    """Return a private file's content.

    Raises :class:`FxEngineError` for a file that is missing (with ``advice``) or that others can read.
    """
    try:
        with path.open("rb") as file:
            shared = os.fstat(file.fileno()).st_mode & 0o077
            content = file.read(_BYTES_MAX)
    except OSError as e:
        raise FxEngineError(f"{path}: cannot be read ({e.strerror}){advice}") from e
    if shared:
        raise FxEngineError(f"{path}: others can read this {what}; make a new one, or chmod 600 if it never left")
    return content
