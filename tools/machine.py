"""What this process may still take of the machine, where a container's limit is tighter than the machine's memory."""

from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")  # version 2, as the process sees its own


def free_bytes(cgroup: Path = CGROUP) -> int:
    """Memory that can be had without swapping: the machine's, or what is left below the limit of the control group.

    Pages of files that nobody uses are given back on demand, so they do not count as taken.
    """
    import psutil

    free = int(psutil.virtual_memory().available)
    limit = _number(cgroup / "memory.max")
    if limit is None:
        return free
    taken = (_number(cgroup / "memory.current") or 0) - _inactive(cgroup / "memory.stat")
    return max(0, min(free, limit - taken))


def _number(path: Path) -> int | None:
    """None where there is no such file or no limit ('max')."""
    try:
        told = path.read_text().strip()
    except OSError:
        return None
    return int(told) if told.isdigit() else None


def _inactive(path: Path) -> int:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return 0
    found = dict(line.split() for line in lines if line.startswith("inactive_file "))
    return int(found.get("inactive_file", 0))
