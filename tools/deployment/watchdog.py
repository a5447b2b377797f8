"""Between the job and vLLM: nothing of vLLM outlives the job, not even a job killed by `kill -9`.

vLLM's engine is a process of its own that does not notice the death of its parent. The guard holds one end of a pipe
whose other end only the job has: when the pipe closes, the job is gone and everything below the guard is killed.
"""

import ctypes
import os
import select
import signal
import subprocess
import sys
import time

import psutil

PR_SET_PDEATHSIG = 1  # from linux/prctl.h
PR_SET_CHILD_SUBREAPER = 36
GRACE_S = 10.0  # less than a job's own grace, so that the guard is done before its group is killed


def start(command: list[str], log: int, environment: dict[str, str]) -> tuple[subprocess.Popen[bytes], int]:
    """Start `command` under a guard; returns the guard and the pipe's end that must be held (and closed) by the job."""
    theirs, ours = os.pipe()  # not inheritable but for the end that is passed on
    guard = subprocess.Popen(
        [sys.executable, "-P", "-m", "tools.deployment.watchdog", str(theirs), *command],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        pass_fds=(theirs,),
        env=environment,
    )
    os.close(theirs)
    return guard, ours


def main(lifeline: int, command: list[str]) -> int:
    """Run the command to its end, or until the guard is asked to stop (SIGTERM) or its job has died."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)  # orphans of vLLM become ours, so they are found and killed
    asked: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: asked.append(number))
    os.set_inheritable(lifeline, False)
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        preexec_fn=lambda: prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0),  # noqa: PLW1509  no threads here
    )
    while child.poll() is None and not asked:
        # Readable without ever being written to: closed.
        if select.select([lifeline], [], [], 0.2)[0]:
            break
    else:
        _end(child)
    _kill_all()
    return child.wait()


def _end(child: subprocess.Popen[bytes]) -> None:
    """Let vLLM close its sockets by itself first."""
    if child.poll() is None:
        child.terminate()
    deadline = time.monotonic() + GRACE_S
    while child.poll() is None and time.monotonic() < deadline:
        time.sleep(0.1)


def _kill_all() -> None:
    """Kill whatever is left below this process; repeated, since a dying parent's children only then become ours."""
    for _ in range(20):
        left = [one for one in psutil.Process().children(recursive=True) if one.status() != psutil.STATUS_ZOMBIE]
        if not left:
            return
        for one in left:
            one.kill()
        psutil.wait_procs(left, timeout=0.5)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
