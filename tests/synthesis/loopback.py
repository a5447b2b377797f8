"""A teacher on loopback in a process of its own, cheap enough for hundreds of requests at once, with planned faults.

`with Loopback(median_s=1.0) as server:` starts it; `server.stats()` tells what it has seen. Latencies are lognormal,
drawn in order of arrival from the seed, so that the same list gives the ideal schedule.
"""

import asyncio
import json
import random
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

ANSWERED = ("good", "bad_json", "empty", "refusal")  # paid for; of the others no usage arrives
FAULTS = (*ANSWERED[1:], "429", "429_retry_after", "500", "hang", "reset", "cut", "broken_json")
SIGMA = 0.8
USAGE = {"prompt_tokens": 1000, "completion_tokens": 500, "prompt_tokens_details": {"cached_tokens": 600}}


@dataclass(frozen=True)
class Script:
    """How the server behaves."""

    median_s: float = 0.05
    faults: float = 0.0  # share of the requests
    refused_s: tuple[float, float] = (0.0, 0.0)  # from and to, seconds since the first request: only 429
    retry_after_s: float = 0.1
    seed: int = 1


@dataclass
class Stats:
    """What the server has seen."""

    arrivals_s: list[float] = field(default_factory=list)  # since the first request
    kinds: dict[str, int] = field(default_factory=dict)
    most_at_once: int = 0


def latencies(script: Script) -> Iterator[float]:
    """Seconds of each answer, in order of arrival."""
    rng = random.Random(script.seed)
    while True:
        yield script.median_s * rng.lognormvariate(0, SIGMA)


class Loopback:
    """The server's process."""

    def __init__(self, script: Script) -> None:
        self.script = script

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.synthesis.loopback", json.dumps(asdict(self.script))],
            cwd=Path(__file__).parents[2],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.base_url = f"http://127.0.0.1:{int(self._process.stdout.readline())}/v1"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def stats(self) -> Stats:
        with urllib.request.urlopen(f"{self.base_url}/stats") as response:
            return Stats(**json.loads(response.read()))


# --- the server's own process ---


class _Server:
    def __init__(self, script: Script) -> None:
        self.script = script
        self.stats = Stats()
        self.latencies = latencies(script)
        self.dice = random.Random(script.seed + 1)
        self.at_once = 0
        self.started = 0.0

    def plan(self) -> tuple[str, float]:
        """What becomes of the request that has just arrived, and after how many seconds."""
        now = time.monotonic()
        self.started = self.started or now
        self.stats.arrivals_s.append(now - self.started)
        delay_s = next(self.latencies)
        faulty = self.dice.random() < self.script.faults
        kind = self.dice.choice(FAULTS) if faulty else "good"
        if self.script.refused_s[0] <= now - self.started < self.script.refused_s[1]:
            kind = "429"
        self.at_once += 1
        self.stats.most_at_once = max(self.stats.most_at_once, self.at_once)
        return kind, 0.005 if kind.startswith("429") else delay_s


def words(number: int) -> str:
    """Eight of a thousand words, drawn for this number."""
    from faker.providers.lorem.en_US import Provider

    return " ".join(random.Random(number).sample(Provider.word_list, 8))


def reply(kind: str, number: int, count: int) -> tuple[int, Any]:
    if kind in ("429", "429_retry_after", "500"):
        return int(kind[:3]), {"error": {"message": "scripted", "code": None}}
    samples = [{"input": f"What is in {words(100 * number + one)}?", "output": "balance"} for one in range(count)]
    content = {"bad_json": '{"samples": [{"inp', "empty": "", "refusal": ""}.get(kind, json.dumps({"samples": samples}))
    message = {"role": "assistant", "content": content, "refusal": "no" if kind == "refusal" else None}
    return 200, {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": USAGE}


class _Connection(asyncio.Protocol):
    def __init__(self, server: _Server) -> None:
        self.server = server
        self.buffer = b""
        self.pending = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        self._free()

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, body = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return
        if head.startswith(b"GET"):
            self.buffer = b""
            self._send(200, {}, asdict(self.server.stats))
            return
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        if len(body) < length:
            return
        self.buffer = b""
        kind, delay_s = self.server.plan()
        self.pending = True
        asyncio.get_running_loop().call_later(delay_s, self._answer, kind, json.loads(body))

    def _answer(self, kind: str, body: dict[str, Any]) -> None:
        if self.transport.is_closing():
            kind = "hang"
        stats = self.server.stats
        stats.kinds[kind] = stats.kinds.get(kind, 0) + 1
        if kind == "hang":
            return
        self._free()
        if kind == "reset":
            self.transport.abort()
            return
        count = int(body["messages"][-1]["content"].split("Write ")[1].split()[0])
        number = stats.kinds.get("good", 0)
        status, answer = reply(kind, number, count)
        headers = {"Retry-After": str(self.server.script.retry_after_s)} if kind == "429_retry_after" else {}
        self._send(status, headers, answer, cut=kind == "cut", broken=kind == "broken_json")

    def _send(
        self, status: int, headers: dict[str, str], body: Any, *, cut: bool = False, broken: bool = False
    ) -> None:
        data = json.dumps(body).encode()
        data = data[: len(data) // 2] if broken else data
        told = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n{told}Content-Length: {len(data)}\r\n\r\n"
        self.transport.write(head.encode() + (data[: len(data) // 2] if cut else data))
        if cut:
            self.transport.close()

    def _free(self) -> None:
        if self.pending:
            self.pending = False
            self.server.at_once -= 1


async def _serve(script: Script) -> None:
    server = _Server(script)
    words(0)  # loads them before anybody waits
    listening = await asyncio.get_running_loop().create_server(
        lambda: _Connection(server), "127.0.0.1", 0, backlog=2048
    )
    print(listening.sockets[0].getsockname()[1], flush=True)
    await listening.serve_forever()


if __name__ == "__main__":
    settings = json.loads(sys.argv[1])
    asyncio.run(_serve(Script(**{**settings, "refused_s": tuple(settings["refused_s"])})))
