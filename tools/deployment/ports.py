"""A port for a server that takes its time: vLLM binds late and would even share a port with another vLLM.

It sets SO_REUSEPORT, so two servers on one port would answer in turns, each for its own student. Ports are therefore
claimed machine-wide among Retorts, from before the start of a server to its end.
"""

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tools.errors import RetortError
from tools.settings import settings

PORTS_TRIED = 50


def free_port(taken: Sequence[int] = ()) -> int:
    """The first free port from the setting `serve_port` upwards."""
    for port in _range():
        if port not in taken and is_free(port):
            return port
    raise _all_in_use()


def check_port(port: int) -> int:
    """The port itself when it is free; RetortError otherwise."""
    if not 1 <= port <= 65535 or not is_free(port):
        raise RetortError(
            f"Port {port} is in use or not allowed.", "Name another port, or leave it out to get a free port."
        )
    return port


def is_free(port: int) -> bool:
    """Whether nobody uses the port and no Retort has claimed it."""
    claim = _claim(port)
    if claim is None:
        return False
    claim.close()
    return _can_bind(port)


@contextmanager
def claimed_port(wanted: int) -> Iterator[int]:
    """Hold a port: the wanted one, or the next free one where it was taken meanwhile."""
    for port in (wanted, *_range()):
        claim = _claim(port)
        if claim is None:
            continue
        with claim:
            if _can_bind(port):
                yield port
                return
    raise _all_in_use()


def _claim(port: int) -> socket.socket | None:
    """An abstract Unix socket's name: the kernel gives it to one process and takes it back at its death."""
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        claim.bind(f"\0retort-serve-{port}")
    except OSError:
        claim.close()
        return None
    return claim


def _can_bind(port: int) -> bool:
    # Without SO_REUSEADDR: with it, a port that another server has bound but does not listen on yet looks free.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _range() -> range:
    first = settings().serve_port
    return range(first, min(first + PORTS_TRIED, 65536))


def _all_in_use() -> RetortError:
    ports = _range()
    return RetortError(
        f"All ports from {ports[0]} to {ports[-1]} are in use.",
        "Stop a server, or set RETORT_SERVE_PORT to a free range.",
    )
