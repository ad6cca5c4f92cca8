"""JSON-RPC against a real HTTP server that answers as it is told."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from fxengine.chain.rpc import Rpc
from fxengine.errors import ChainError, ChainReverted, ChainUnavailable

KEY = "s3cretapikey00"
Answer = Callable[[Any], tuple[int, bytes]]


class Node:
    """A server of one answer; ``asked`` is what it heard, ``connections`` how many were made."""

    def __init__(self) -> None:
        self.answer: Answer = lambda request: (200, b"")
        self.asked: list[tuple[str, dict[str, str], Any]] = []
        self.connections = 0
        self.hangs_up = False
        node = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                node.connections += 1

            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                node.asked.append((self.path, dict(self.headers), request))
                status, content = node.answer(request)
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
                self.close_connection = node.hangs_up

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def says(self, *, status: int = 200, **members: object) -> None:
        self.answer = lambda request: (status, json.dumps({"id": request["id"], **members}).encode())

    def end(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def node() -> Iterator[Node]:
    node = Node()
    yield node
    node.end()


@pytest.fixture
def rpc(node: Node) -> Iterator[Rpc]:
    rpc = Rpc(f"{node.url}/v2/{KEY}?token={KEY}x", timeout_s=5)
    yield rpc
    rpc.close()


def test_a_call_is_answered_and_the_connection_kept(node: Node, rpc: Rpc) -> None:
    node.says(result="0x1")
    assert [rpc.call("eth_chainId"), rpc.call("eth_call", {"to": "0x00"}, "latest")] == ["0x1", "0x1"]
    path, _, request = node.asked[1]
    assert path == f"/v2/{KEY}?token={KEY}x"
    assert request == {"jsonrpc": "2.0", "id": 2, "method": "eth_call", "params": [{"to": "0x00"}, "latest"]}
    assert node.connections == 1


def test_a_connection_that_the_node_closed_is_opened_again(node: Node, rpc: Rpc) -> None:
    node.says(result=1)
    node.hangs_up = True
    assert [rpc.call("a") for _ in range(3)] == [1, 1, 1]
    assert node.connections == 3


def test_a_batch_keeps_its_order_and_what_is_missing_is_one_error(node: Node, rpc: Rpc) -> None:
    def answer(requests: list[dict[str, Any]]) -> tuple[int, bytes]:
        parts: list[object] = [{"id": r["id"], "result": r["method"]} for r in requests[::-1] if r["method"] != "lost"]
        return 200, json.dumps([*parts, "noise", {"id": 999, "result": 1}, {"id": [], "result": 1}]).encode()

    node.answer = answer
    first, lost, last = rpc.batch([("first", ()), ("lost", ()), ("last", ())])
    assert (first, last) == ("first", "last")
    assert isinstance(lost, ChainUnavailable)
    assert lost.code == "ANSWER_MISSING"
    assert rpc.batch([]) == []


def test_more_calls_than_a_node_takes_at_once_go_out_in_parts(node: Node, rpc: Rpc) -> None:
    node.answer = lambda requests: (
        200,
        json.dumps([{"id": r["id"], "result": r["params"]} for r in requests]).encode(),
    )
    assert rpc.batch([("eth_call", (n,)) for n in range(250)]) == [[n] for n in range(250)]
    assert [len(request) for _, _, request in node.asked] == [100, 100, 50]


@pytest.mark.parametrize("refused", [(-32005, "more than 10000 results"), (-32602, "too many logs")])
def test_logs_are_asked_for_in_smaller_parts_where_a_node_refuses(
    node: Node, rpc: Rpc, refused: tuple[int, str]
) -> None:
    """Anybody can fill blocks with logs: whoever reads them may not be stopped by that."""
    logs = [{"blockNumber": hex(n // 3), "logIndex": hex(2 - n % 3)} for n in range(3 * 5_000)]

    def answer(request: dict[str, Any]) -> tuple[int, bytes]:
        (wanted,) = request["params"]
        blocks = range(int(wanted["fromBlock"], 16), int(wanted["toBlock"], 16) + 1)
        found = [log for log in logs if int(log["blockNumber"], 16) in blocks]
        said: dict[str, object] = {"result": found}
        if len(blocks) > 2_000 or len(found) > 1_000:
            said = {"error": {"code": refused[0], "message": refused[1]}}
        return 200, json.dumps({"id": request["id"], **said}).encode()

    node.answer = answer
    found = list(rpc.logs({"address": "0x00"}, 7, 4_321))
    assert found == [{"blockNumber": hex(n), "logIndex": hex(i)} for n in range(7, 4_322) for i in range(3)]
    node.says(error={"code": refused[0], "message": refused[1]})
    with pytest.raises(ChainError):
        list(rpc.logs({}, 7, 9))


@pytest.mark.parametrize(
    "logs", [None, 5, [5], [{}], [{"blockNumber": None}], [{"blockNumber": "0x1", "logIndex": "x"}]]
)
def test_what_is_no_answer_is_none(node: Node, rpc: Rpc, logs: object) -> None:
    node.says(result=logs)
    with pytest.raises(ChainUnavailable, match="BAD_ANSWER"):
        list(rpc.logs({}, 1, 1))


@pytest.mark.parametrize(
    ("status", "content", "error", "code"),
    [
        (429, b"slow down", ChainUnavailable, "NODE_BUSY"),
        (503, b"", ChainUnavailable, "NODE_BUSY"),
        (401, b"", ChainError, "NODE_REFUSES_KEY"),
        (404, b"<html>", ChainError, "NOT_JSON_RPC"),
        (200, b"[]", ChainError, "NOT_JSON_RPC"),
        (200, b"{}", ChainUnavailable, "ANSWER_MISSING"),
        (200, b'{"error": {"code": -32005, "message": "limit"}}', ChainUnavailable, "NODE_BUSY"),
        (200, b'{"error": {"code": -32601, "message": "no such method"}}', ChainError, "RPC_REFUSED"),
        (200, b'{"error": {"code": 3, "message": "execution reverted"}}', ChainReverted, "CALL_REVERTED"),
    ],
)
def test_what_a_node_may_say_is_an_error_of_its_kind(
    node: Node, rpc: Rpc, status: int, content: bytes, error: type[ChainError], code: str
) -> None:
    node.answer = lambda request: (status, content)
    with pytest.raises(ChainError) as caught:
        rpc.call("eth_call")
    assert type(caught.value) is error
    assert caught.value.code == code
    assert f"[{code}]" in str(caught.value)


def test_a_revert_carries_the_contracts_reason(node: Node, rpc: Rpc) -> None:
    data = "0x08c379a0" + f"{32:064x}{9:064x}" + b"stale head"[:9].hex().ljust(64, "0")
    node.says(error={"code": 3, "message": "execution reverted", "data": data})
    with pytest.raises(ChainReverted) as caught:
        rpc.call("eth_call")
    assert caught.value.reason == "stale hea"


def test_a_node_that_is_away_or_silent_is_unavailable(node: Node) -> None:
    released = threading.Event()
    node.answer = lambda request: (200 if released.wait(10) else 500, b"{}")
    silent = Rpc(node.url, timeout_s=0.05)
    with pytest.raises(ChainUnavailable, match="does not answer"):
        silent.call("eth_chainId")
    released.set()
    silent.close()
    nobody = Rpc("http://127.0.0.1:1/" + KEY, timeout_s=1)
    with pytest.raises(ChainUnavailable, match="start it") as caught:
        nobody.call("eth_chainId")
    assert KEY not in str(caught.value)


def test_the_key_in_a_url_is_never_shown(node: Node, rpc: Rpc) -> None:
    said = f"bad project {KEY} in /v2/{KEY}?token={KEY}x"
    node.says(error={"code": -32000, "message": said})
    with pytest.raises(ChainError) as caught:
        rpc.call("eth_chainId")
    for text in (str(caught.value), repr(rpc), rpc.shown):
        assert KEY not in text
    assert rpc.shown == node.url


def test_a_user_and_a_password_become_basic_authorization(node: Node) -> None:
    node.says(result=1)
    rpc = Rpc(node.url.replace("//", "//poster:p%40ss@"))
    assert rpc.call("a") == 1
    assert node.asked[0][1]["Authorization"] == "Basic cG9zdGVyOnBAc3M="
    assert "p%40ss" not in rpc.shown
    rpc.close()


@pytest.mark.parametrize(
    "url",
    ["", "localhost:8545", "ws://host", f"https://:{KEY}@", "http://h:99999/", f"http://h/{KEY} 1", f"http://h/\x01{KEY}",
     f"http://h/\xe9{KEY}", f"http://h/{KEY}\n"],
)  # fmt: skip
def test_what_is_no_address_is_refused_without_being_repeated(url: str) -> None:
    with pytest.raises(ChainError, match="BAD_RPC_URL") as caught:
        Rpc(url)
    assert KEY not in str(caught.value)
