"""Speaking with a node: JSON-RPC 2.0 over one HTTP connection that is kept open, and nothing more.

What a venue asks of a chain every second is a handful of calls whose answers it reads itself, so this is
the standard library's HTTP client and no framework. Errors come in three kinds, by what to do next::

    ChainUnavailable   nothing is known of the call: make the same call again, later
    ChainReverted      the contract refuses; the reason is the contract's own
    ChainError         the node answers, and means no: an address, a key or a request is wrong

A node's URL often holds a key, in its path or its query. It is never repeated: :attr:`Rpc.shown` is the
scheme and the host alone, and what a node says is stripped of the URL's parts before it is shown.

Source: JSON-RPC 2.0 specification; Ethereum execution APIs (``eth_*``), EIP-1474 for error codes.
"""

import base64
import http.client
import json
import re
import threading
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import SplitResult, unquote, urlsplit

from fxengine.errors import ChainError, ChainReverted, ChainUnavailable

ENVIRONMENT: Final = "FXENGINE_RPC"
"""The variable that names the node; a URL with a key in it does not belong on a command line."""
RPC_DEFAULT: Final = "http://127.0.0.1:8545"

BLOCKS_AT_ONCE: Final = 2_000
"""Blocks whose logs are asked for in one call: as many as public nodes allow."""
CALLS_AT_ONCE: Final = 100
"""Calls that go out in one exchange: as many as public nodes allow."""
_ANSWER_BYTES_MAX: Final = 256 << 20
_SAID_MAX: Final = 300
_BUSY: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_RATE_LIMITED: Final = frozenset({-32005, 429})
_REVERTED: Final = 3
_ERROR_STRING: Final = bytes.fromhex("08c379a0")
"""Selector of ``Error(string)``, in which a contract says why it refuses."""
_STALE: Final = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)
"""How a kept connection fails that the node had closed meanwhile."""


class Rpc:
    """A node's JSON-RPC interface. Any thread may call; one call goes out at a time. Its connection ends with it.

    ``timeout_s`` bounds each step of a call: connecting, sending, and each wait for more of the answer.
    """

    def __init__(self, url: str, *, timeout_s: float = 10.0) -> None:
        parts = _parsed(url)
        assert parts.hostname is not None
        self.shown = f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")
        """The node's address without what may be a key in it, for messages and logs."""
        self._secrets = _secrets(parts)
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._headers = {"Content-Type": "application/json"}
        if parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
            self._headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        connection = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._http = connection(parts.hostname, parts.port, timeout=timeout_s)
        weakref.finalize(self, self._http.close)
        self._lock = threading.Lock()
        self._number = 0

    def call(self, method: str, *params: object) -> Any:  # noqa: ANN401 - JSON has no narrower type
        """Return the result of one call, as JSON has it.

        Raises :class:`ChainUnavailable`, :class:`ChainReverted` or :class:`ChainError`; see the module.
        """
        with self._lock:
            answer = self._exchange(self._request(method, params))
        if not isinstance(answer, dict):
            raise self._not_json_rpc("an answer is not an object")
        return self._result(answer, method)

    def batch(self, calls: Sequence[tuple[str, Sequence[object]]]) -> list[Any]:
        """Make ``(method, params)`` calls, 100 in one exchange; return their results in the calls' order.

        A call that fails, or whose answer is missing, has its :class:`ChainError` in its place, and the
        others keep their results. Raises only where an exchange itself fails.
        """
        found: list[Any] = []
        for start in range(0, len(calls), CALLS_AT_ONCE):
            found += self._batch(calls[start : start + CALLS_AT_ONCE])
        return found

    def all_of(self, calls: Sequence[tuple[str, Sequence[object]]]) -> list[Any]:
        """Do as :meth:`batch`, but raise the first error among the answers."""
        answers = self.batch(calls)
        for answer in answers:
            if isinstance(answer, ChainError):
                raise answer
        return answers

    def logs(self, wanted: Mapping[str, object], first: int, last: int) -> Iterator[Mapping[str, Any]]:
        """Yield the logs of blocks ``first`` to ``last`` that are ``wanted`` (address, topics), in the chain's order.

        Asks for 2,000 blocks at once, and for half as many wherever a node refuses: most bound what they answer, and
        anybody can fill blocks with logs. Raises as :meth:`call` does, once a node refuses a single block.
        """
        n_blocks = BLOCKS_AT_ONCE
        while first <= last:
            until = min(first + n_blocks - 1, last)
            try:
                found = self.call("eth_getLogs", {**wanted, "fromBlock": hex(first), "toBlock": hex(until)})
            except ChainError as e:
                if e.code == "NODE_UNREACHABLE" or until == first:
                    raise
                n_blocks = (until - first + 1) // 2
                continue
            with self.understood():
                ordered = sorted(found, key=lambda log: (int(log["blockNumber"], 16), int(log["logIndex"], 16)))
            yield from ordered
            first = until + 1

    @contextmanager
    def understood(self) -> Iterator[None]:
        """Read a node's answer inside: what is not as it must be raises :class:`ChainUnavailable` (BAD_ANSWER)."""
        try:
            yield
        except (AttributeError, LookupError, TypeError, ValueError) as e:
            raise ChainUnavailable(
                "BAD_ANSWER",
                f"the node {self.shown} answered what no node should ({type(e).__name__}); it is asked again. Where"
                f" that goes on, name another with {ENVIRONMENT}",
            ) from None

    def _batch(self, calls: Sequence[tuple[str, Sequence[object]]]) -> list[Any]:
        with self._lock:
            requests = [self._request(method, params) for method, params in calls]
            answer = self._exchange(requests)
        if isinstance(answer, dict):  # the node refuses the batch as a whole
            self._result(answer, "a batch of calls")
            raise self._not_json_rpc("a batch is answered with an object")
        if not isinstance(answer, list):
            raise self._not_json_rpc("a batch is not answered with a list")
        found = {str(part.get("id")): part for part in answer if isinstance(part, dict)}
        results: list[Any] = []
        for request in requests:
            try:
                results.append(self._result(found.get(str(request["id"]), {}), str(request["method"])))
            except ChainError as e:
                results.append(e)
        return results

    def close(self) -> None:
        """Close the connection. The next call would open another."""
        with self._lock:
            self._http.close()

    def __repr__(self) -> str:
        return f"Rpc({self.shown!r})"

    def _request(self, method: str, params: Sequence[object]) -> dict[str, object]:
        self._number += 1
        return {"jsonrpc": "2.0", "id": self._number, "method": method, "params": list(params)}

    def _exchange(self, request: object) -> Any:  # noqa: ANN401 - JSON has no narrower type
        body = json.dumps(request).encode()
        kept = self._http.sock is not None
        try:
            try:
                status, content = self._send(body)
            except _STALE:
                if not kept:
                    raise
                self._http.close()
                status, content = self._send(body)
        except (OSError, http.client.HTTPException) as e:
            self._http.close()
            raise ChainUnavailable(
                "NODE_UNREACHABLE",
                f"the node {self.shown} does not answer ({self._clean(str(e) or type(e).__name__)}); start it, or name"
                f" another with {ENVIRONMENT}",
            ) from None
        if status in _BUSY:
            raise ChainUnavailable(
                "NODE_BUSY", f"the node {self.shown} answers HTTP {status}; it is called again later"
            )
        if status in (401, 403):
            raise ChainError(
                "NODE_REFUSES_KEY", f"the node {self.shown} answers HTTP {status}: check the key in {ENVIRONMENT}"
            )
        try:
            return json.loads(content)
        except (ValueError, RecursionError):
            raise self._not_json_rpc(f"HTTP {status}") from None

    def _send(self, body: bytes) -> tuple[int, bytes]:
        self._http.request("POST", self._path, body, self._headers)
        response = self._http.getresponse()
        content = response.read(_ANSWER_BYTES_MAX)
        if not response.isclosed():
            self._http.close()
        return response.status, content

    def _result(self, answer: Mapping[str, Any], method: str) -> Any:  # noqa: ANN401 - JSON has no narrower type
        error = answer.get("error")
        if error is None and "result" in answer:
            return answer["result"]
        if not isinstance(error, Mapping):
            raise ChainUnavailable("ANSWER_MISSING", f"the node {self.shown} left {method} without an answer")
        said = self._clean(str(error.get("message", "")))
        if error.get("code") == _REVERTED or "revert" in said.lower():
            reason = revert_reason(error.get("data"))
            raise ChainReverted(reason, f"the contract refuses the call: {reason or said or 'without a reason'}")
        if error.get("code") in _RATE_LIMITED:
            raise ChainUnavailable("NODE_BUSY", f"the node {self.shown} has no more calls for us now: {said}")
        raise ChainError("RPC_REFUSED", f"the node {self.shown} refuses {method}: {said}")

    def _not_json_rpc(self, why: str) -> ChainError:
        return ChainError(
            "NOT_JSON_RPC", f"{self.shown} does not speak JSON-RPC ({why}); name a node's address in {ENVIRONMENT}"
        )

    def _clean(self, said: str) -> str:
        """Return a node's words as one short line without any part of the URL that may be a key."""
        for secret in self._secrets:
            said = said.replace(secret, "***")
        return " ".join(said.split())[:_SAID_MAX]


def revert_reason(data: object) -> str:
    """Return the text in an ``Error(string)`` that a node sends as ``0x...``; empty where there is none.

    >>> revert_reason("0x08c379a0" + f"{32:064x}{5:064x}" + b"stale".hex().ljust(64, "0"))
    'stale'
    >>> revert_reason("0x"), revert_reason(None)
    ('', '')
    """
    if not isinstance(data, str) or not re.fullmatch(r"0x([0-9a-fA-F]{2})*", data):
        return ""
    content = bytes.fromhex(data[2:])
    if content[:4] != _ERROR_STRING or len(content) < 68:
        return ""
    size = int.from_bytes(content[36:68], "big")
    return content[68:][:size].decode("utf-8", "replace")


def _parsed(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        plain = url.isascii() and url.isprintable() and " " not in url
        usable = plain and parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable:  # what it is may be a key, so it is not repeated
        raise ChainError("BAD_RPC_URL", f"a node is named by http://HOST[:PORT] or https://HOST/... in {ENVIRONMENT}")
    return parts


def _secrets(parts: SplitResult) -> list[str]:
    """Return what in a URL may be a key, the longest first."""
    pieces = [parts.path, parts.query, parts.username or "", parts.password or "", *parts.path.split("/")]
    pieces += [value for pair in parts.query.split("&") for value in pair.split("=")]
    return sorted({piece for piece in pieces if len(piece) >= 6}, key=len, reverse=True)
