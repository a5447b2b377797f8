"""A scripted OpenAI-compatible endpoint: a real HTTP server on loopback, so that the wire in a test is real."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


@dataclass(frozen=True)
class Reply:
    """What the server answers to one chat completion.

    `tool_calls` are (name, arguments) pairs; `usage` is (input tokens, output tokens); a `status` other than 200
    is answered as an OpenAI error whose message is `content`.
    """

    content: str = ""
    tool_calls: Sequence[tuple[str, Mapping[str, Any]]] = ()
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    usage: tuple[int, int] = (100, 50)
    cached: int = 0  # of the input tokens
    code: str | None = None  # of an error
    refusal: str | None = None
    finish_reason: str = ""
    body: Any = None  # sent as it is instead of all this, with the status: a provider's own layout; bytes go unread


class ScriptedOpenAI:
    """`with ScriptedOpenAI(answer) as server:` answers POST {base_url}/chat/completions with `answer(body)`.

    `.requests` holds the bodies of the authorised requests in order of arrival; `.unauthorised` counts those without
    the key, which are answered 401 and never reach `answer`. `.paths` are where they went. An empty key asks for none.
    """

    def __init__(
        self,
        answer: Callable[[dict[str, Any]], Reply],
        key: str = "sk-test",
        model: str = "scripted",
        key_header: str = "Authorization",
    ) -> None:
        self.answer = answer
        self.key = key
        self.model = model
        self.key_header = key_header
        self.paths: list[str] = []
        self.requests: list[dict[str, Any]] = []
        self.unauthorised = 0
        self.failures: list[str] = []  # exceptions of the script itself, re-raised when the server closes
        self.lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.script = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        if error is None and self.failures:
            raise AssertionError(f"the script failed: {self.failures}")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    script: ScriptedOpenAI

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up (a timeout in a test) is no news."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class names it so
        """Keep the test's output quiet."""

    def do_GET(self) -> None:
        if self._authorised() and self.path.endswith("/models"):
            model = {"id": self.server.script.model, "object": "model", "created": 0, "owned_by": "test"}
            self._send_json(200, {"object": "list", "data": [model]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        if not self._authorised():
            return
        script = self.server.script
        with script.lock:
            script.requests.append(body)
            script.paths.append(self.path)
            number = len(script.requests)
        try:
            reply = script.answer(body)
        except Exception as error:  # noqa: BLE001  an assertion in the script must fail the test, not the thread
            script.failures.append(repr(error))
            reply = Reply(f"script failed: {error!r}", status=500)
        time.sleep(reply.delay_s)
        if reply.body is not None:
            self._send_json(reply.status, reply.body, reply.headers)
        elif reply.status != 200:
            error_body = {"message": reply.content or "scripted error", "type": "scripted", "code": reply.code}
            self._send_json(reply.status, {"error": error_body}, reply.headers)
        elif body.get("stream"):
            self._send_stream(_chunks(body, reply, number))
        else:
            self._send_json(200, _completion(body, reply, number), reply.headers)

    def _authorised(self) -> bool:
        script = self.server.script
        told = self.headers.get(script.key_header, "").removeprefix("Bearer ")
        if told == script.key:
            return True
        with self.server.script.lock:
            self.server.script.unauthorised += 1
        self._send_json(401, {"error": {"message": "Incorrect API key provided.", "type": "invalid_request_error"}})
        return False

    def _send_json(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def _send_stream(self, chunks: Iterator[dict[str, Any]]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for chunk in chunks:
            self.wfile.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")
        self.wfile.write(b"data: [DONE]\n\n")
        self.close_connection = True


def _calls(reply: Reply, number: int) -> list[dict[str, Any]]:
    return [
        {
            "id": f"call-{number}-{position}",
            "type": "function",
            "function": {"name": name, "arguments": json.dumps(arguments, ensure_ascii=False)},
        }
        for position, (name, arguments) in enumerate(reply.tool_calls)
    ]


def _usage(reply: Reply) -> dict[str, Any]:
    read, written = reply.usage
    details = {"cached_tokens": reply.cached, "audio_tokens": 0}
    total = {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}
    return {**total, "prompt_tokens_details": details}


def _finish(reply: Reply) -> str:
    return reply.finish_reason or ("tool_calls" if reply.tool_calls else "stop")


def _completion(body: dict[str, Any], reply: Reply, number: int) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": reply.content or None, "refusal": reply.refusal}
    if reply.tool_calls:
        message["tool_calls"] = _calls(reply, number)
    choice = {"index": 0, "message": message, "finish_reason": _finish(reply), "logprobs": None}
    head = {"id": f"chatcmpl-{number}", "object": "chat.completion", "created": 0, "model": body.get("model", "")}
    return {**head, "choices": [choice], "usage": _usage(reply)}


def _chunks(body: dict[str, Any], reply: Reply, number: int) -> Iterator[dict[str, Any]]:
    head = {"id": f"chatcmpl-{number}", "object": "chat.completion.chunk", "created": 0, "model": body.get("model", "")}
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    deltas += [{"content": reply.content[at : at + 16]} for at in range(0, len(reply.content), 16)]
    deltas += [{"tool_calls": [{"index": index, **call}]} for index, call in enumerate(_calls(reply, number))]
    if reply.refusal:
        deltas.append({"refusal": reply.refusal})
    for delta in deltas:
        yield {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    yield {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": _finish(reply)}]}
    if (body.get("stream_options") or {}).get("include_usage"):
        yield {**head, "choices": [], "usage": _usage(reply)}
