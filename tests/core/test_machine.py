"""Memory that may be taken: the machine's, or less in a container."""

from pathlib import Path

import psutil
import pytest

from tools.machine import free_bytes


@pytest.mark.parametrize(
    ("limit", "taken", "stat", "free"),
    [
        ("1000000", "400000", "anon 5\ninactive_file 100000\n", 700_000),
        ("1000000", "2000000", "", 0),
        ("1000000", None, None, 1_000_000),
    ],
)
def test_a_container_has_what_is_left_below_its_limit(
    limit: str, taken: str | None, stat: str | None, free: int, tmp_path: Path
) -> None:
    for name, text in (("memory.max", limit), ("memory.current", taken), ("memory.stat", stat)):
        if text is not None:
            (tmp_path / name).write_text(text + "\n")
    assert free_bytes(tmp_path) == free


@pytest.mark.parametrize("limit", [None, "max"])
def test_without_a_limit_it_is_the_machine(limit: str | None, tmp_path: Path) -> None:
    if limit:
        (tmp_path / "memory.max").write_text(limit)
    assert free_bytes(tmp_path) == pytest.approx(psutil.virtual_memory().available, rel=0.2)
