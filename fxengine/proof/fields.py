"""Fields of proofs and commitments: JSON in, exact values out, and nothing that could be read two ways.

Whoever checks a proof did not write it, so each field is read by its type and bounds. Amounts are whole
units in decimal text without sign or leading zeros, hashes lower-case hexadecimal: there is one way to
write each, so that two files that differ say different things.
"""

import re
from typing import Any, Final

from fxengine.money import INT64_MAX
from fxengine.signed import json_object

_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,18}")
_HEX: Final = re.compile(r"(?:[0-9a-f]{2})*")
_TEXT_BYTES_MAX: Final = 255
_LIST_MAX: Final = 65_536
JSON_BYTES_MAX: Final = 1 << 20


class FieldsError(ValueError):
    """A field is missing, or is not what it must be. The message names it and never quotes it."""


class Fields:
    """One JSON object, read field by field. Raises :class:`FieldsError`."""

    def __init__(self, members: object, at: str = "") -> None:
        if not isinstance(members, dict):
            raise FieldsError(f"{at or 'the file'} is not a JSON object")
        self._members: dict[str, Any] = members
        self._at = f"{at}." if at else ""

    @classmethod
    def of_json(cls, text: str) -> "Fields":
        """Read a file's text: a JSON object whose names are all different, of at most 1 MiB."""
        if len(text) > JSON_BYTES_MAX:
            raise FieldsError(f"the file is longer than {JSON_BYTES_MAX} characters")
        try:
            return cls(json_object(text.encode()))
        except (ValueError, RecursionError):
            raise FieldsError("the file is not one JSON object with names that are all different") from None

    def names(self) -> list[str]:
        """Return the names that stand here."""
        return list(self._members)

    def text(self, name: str) -> str:
        """Read text of at most 255 bytes."""
        value = self._members.get(name)
        if not isinstance(value, str) or len(value) > _TEXT_BYTES_MAX or not _encodes(value):
            raise self._wrong(name, f"text of at most {_TEXT_BYTES_MAX} bytes")
        return value

    def number(self, name: str, largest: int = INT64_MAX) -> int:
        """Read a whole number of 0 to ``largest``."""
        value = self._members.get(name)
        if type(value) is not int or not 0 <= value <= largest:
            raise self._wrong(name, f"a whole number of 0 to {largest}")
        return value

    def decimal(self, name: str) -> int:
        """Read a whole number of 0 to 2^63 - 1 from decimal text: an amount in units, a time in nanoseconds."""
        value = self._members.get(name)
        if not isinstance(value, str) or not _DECIMAL.fullmatch(value) or int(value) > INT64_MAX:
            raise self._wrong(name, f"a whole number in decimal text, 0 to {INT64_MAX}")
        return int(value)

    def digest(self, name: str, n_bytes: int = 32) -> bytes:
        """Read ``n_bytes`` from lower-case hexadecimal."""
        return _bytes(self._members.get(name), n_bytes, f"{self._at}{name}")

    def digests(self, name: str, longest: int) -> list[bytes]:
        """Read a list of at most ``longest`` hashes."""
        return [_bytes(v, 32, f"{self._at}{name}[{n}]") for n, v in enumerate(self._list(name, longest))]

    def texts(self, name: str) -> list[str]:
        """Read a list of texts."""
        return [Fields({"text": v}, f"{self._at}{name}[{n}]").text("text") for n, v in enumerate(self._list(name))]

    def table(self, name: str) -> "Fields":
        """Read a JSON object."""
        return Fields(self._members.get(name), f"{self._at}{name}")

    def tables(self, name: str, longest: int) -> list["Fields"]:
        """Read a list of at most ``longest`` JSON objects."""
        return [Fields(v, f"{self._at}{name}[{n}]") for n, v in enumerate(self._list(name, longest))]

    def _list(self, name: str, longest: int = _LIST_MAX) -> list[object]:
        value = self._members.get(name)
        if not isinstance(value, list) or len(value) > longest:
            raise self._wrong(name, f"a list of at most {longest}")
        return value

    def _wrong(self, name: str, wanted: str) -> FieldsError:
        return FieldsError(f"{self._at}{name} is {'not ' if name in self._members else 'missing; it is '}{wanted}")


def _bytes(value: object, n_bytes: int, at: str) -> bytes:
    if not isinstance(value, str) or len(value) != 2 * n_bytes or not _HEX.fullmatch(value):
        raise FieldsError(f"{at} is not {2 * n_bytes} lower-case hexadecimal digits")
    return bytes.fromhex(value)


def _encodes(text: str) -> bool:
    try:
        return len(text.encode()) <= _TEXT_BYTES_MAX
    except UnicodeEncodeError:
        return False
