"""What a process that opens an untrusted file gives up for good, itself and all its children. Linux, from the inside.

Memory, file size and core dumps by rlimits; sockets and a look into other processes by a seccomp filter; reading and
writing of anything but the folders named by Landlock (kernel 5.13 and newer; an older one goes without it).
"""

import ctypes
import os
import platform
import resource
import struct
import sys
from pathlib import Path

MEMORY_BYTES = 1 << 30  # private memory; what is mapped from files is not counted
OUT_BYTES = 200 << 20

# Numbers of the kernel's interface: audit architecture, then the system calls that are refused.
_CALLS = {
    "x86_64": (0xC000003E, {"socket": 41, "ptrace": 101, "readv": 310, "writev": 311, "io_uring": 425, "getfd": 438}),
    "aarch64": (0xC00000B7, {"socket": 198, "ptrace": 117, "readv": 270, "writev": 271, "io_uring": 425, "getfd": 438}),
}
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06  # BPF: ld abs word, jeq, jge, ret
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | 13  # SECCOMP_RET_ALLOW, SECCOMP_RET_ERRNO with EACCES
_NO_NEW_PRIVS, _SET_SECCOMP, _FILTER_MODE = 38, 22, 2
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # Landlock, the same on every architecture
_READ = 0b1101  # execute, read a file, list a folder
_OF_A_FILE = 1 << 14 | 0b111  # truncate, execute, write, read
_PIPE = 1 << 9 | 1 << 5  # make a socket, remove a file


def confine(folder: Path, *, local_sockets: bool = False) -> None:
    """Give up the network, other files and other processes; `folder` stays writable.

    `local_sockets` keeps Unix sockets and the removal of files below /tmp, which LibreOffice needs. Raises OSError
    where the kernel has no seccomp.
    """
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (OUT_BYTES, OUT_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    libc = ctypes.CDLL(None, use_errno=True)
    _checked(libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    _restrict_files(libc, folder, local_sockets)
    _refuse_calls(libc, local_sockets)


def has_landlock() -> bool:
    """Whether this kernel can keep a reader from other files."""
    return _landlock_version(ctypes.CDLL(None)) >= 1


def _landlock_version(libc: ctypes.CDLL) -> int:
    """Below 1 where the kernel has none."""
    return int(libc.syscall(_CREATE_RULESET, None, 0, 1))


def _restrict_files(libc: ctypes.CDLL, folder: Path, local_sockets: bool) -> None:
    """Landlock: nothing but the paths named, no signal to and no abstract socket of a process outside."""
    version = _landlock_version(libc)
    if version < 1:
        return  # a kernel without Landlock
    everything = (1 << {1: 13, 2: 14}.get(version, 15)) - 1  # each version handles more kinds of access
    fields = struct.pack("QQQ", everything, 0, 0b11)[: 24 if version >= 6 else 8]
    ruleset = libc.syscall(_CREATE_RULESET, ctypes.create_string_buffer(fields, len(fields)), len(fields), 0)
    for path in _readable():
        _allow(libc, ruleset, path, _READ)
    _allow(libc, ruleset, Path("/dev/null"), _OF_A_FILE & everything)
    _allow(libc, ruleset, folder, everything)
    if local_sockets:
        _allow(libc, ruleset, Path("/tmp"), _PIPE)  # noqa: S108  LibreOffice's own pipe has no other place
    _checked(libc.syscall(_RESTRICT_SELF, ruleset, 0), "Landlock")
    os.close(ruleset)


def _readable() -> list[Path]:
    """Programs, libraries, fonts and this Python; not the user's files, `.env` or another process's environment."""
    own = [Path(sys.prefix), Path(sys.base_prefix), Path(__file__).parent.parent]
    system = ["/usr", "/lib", "/lib64", "/bin", "/opt", "/etc", "/dev/urandom", "/proc/self", "/proc/cpuinfo"]
    system += [
        "/proc/meminfo",
        "/proc/stat",
        "/sys/devices/system/cpu",
        "/var/lib/libreoffice",
        "/var/spool/libreoffice",
    ]
    return [path.resolve() for path in (*own, *map(Path, system)) if path.exists()]


def _allow(libc: ctypes.CDLL, ruleset: int, path: Path, access: int) -> None:
    handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    access &= _OF_A_FILE if not path.is_dir() else access
    rule = ctypes.create_string_buffer(struct.pack("=Qi", access, handle))
    _checked(libc.syscall(_ADD_RULE, ruleset, 1, rule, 0), f"Landlock for {path}")
    os.close(handle)


def _refuse_calls(libc: ctypes.CDLL, local_sockets: bool) -> None:
    """A BPF program over (call number, architecture, arguments); a jump's two numbers count instructions skipped."""
    if platform.machine() not in _CALLS:
        raise OSError(f"no system call numbers are known for {platform.machine()}")
    architecture, calls = _CALLS[platform.machine()]
    refused = [number for name, number in calls.items() if name != "socket"]
    program: list[tuple[int, int, int, int]] = [
        (_LOAD, 0, 0, 4),
        (_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _REFUSE),
        (_LOAD, 0, 0, 0),
        (_AT_LEAST, 0, 1, 0x40000000),  # x32 calls have numbers of their own
        (_RETURN, 0, 0, _REFUSE),
    ]
    for number in refused:
        program += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _REFUSE)]
    family = 1 if local_sockets else 0xFFFF  # AF_UNIX, or one that does not exist
    program += [(_EQUAL, 0, 3, calls["socket"]), (_LOAD, 0, 0, 16), (_EQUAL, 1, 0, family), (_RETURN, 0, 0, _REFUSE)]
    program += [(_RETURN, 0, 0, _ALLOW)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *one) for one in program))
    head = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(program), ctypes.addressof(code)))
    _checked(libc.prctl(_SET_SECCOMP, _FILTER_MODE, head, 0, 0), "seccomp")


def _checked(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
