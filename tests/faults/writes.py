"""What a run writes, starts and asks for, as Python's audit hooks tell it."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, List

_READY = "watching"
_LEFT = "left: "

#: Writes the place of each file that is opened for writing, made or moved; descriptors have none.
#: And what else leaves the process: each other program, connection and entry of a log.
_HOOK = """
import os, sys
_log = os.open(os.environ["WRITES"], os.O_CREAT | os.O_WRONLY | os.O_APPEND)
_writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC
_leaving = (
    "subprocess.", "os.fork", "os.exec", "os.posix_spawn", "os.spawn", "os.system", "pty.",
    "syslog.", "socket.connect", "socket.send", "socket.getaddrinfo", "socket.gethostby",
)
_making = {"os.mkdir", "os.link", "os.symlink", "os.rename", "os.truncate"}
def _hook(event, args):
    if event == "open" and args[2] & _writing:
        path = args[0]
    elif event in _making:
        path = args[1] if event in {"os.link", "os.symlink", "os.rename"} else args[0]
    elif event.startswith(_leaving):
        shown = args
        if event.startswith("socket."): # a look-up has no socket, and a host and port first
            shown = args[:2] if isinstance(args[0], str) else args[1:]
        os.write(_log, f"LEFT{event} {shown}\\n".encode())
        return
    else:
        return
    if not isinstance(path, int):
        os.write(_log, os.fsencode(os.path.realpath(path)) + b"\\n")
os.write(_log, b"READY\\n")
sys.addaudithook(_hook)
"""


def watching(folder: Path) -> Dict[str, str]:
    """Return the environment of a run whose writes go into the *folder*'s list."""
    hook = _HOOK.replace("READY", _READY).replace("LEFT", _LEFT)
    (folder / "sitecustomize.py").write_text(hook, encoding="ascii")
    return {
        "PYTHONPATH": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
        "WRITES": str(folder / "writes"),
    }


def written(folder: Path) -> List[str]:
    """Return the files that the run wrote, devices and what /proc shows left out."""
    return [
        path
        for path in _told(folder)
        if not path.startswith(("/dev/", "/proc/", _LEFT)) or path.startswith("/dev/shm/")
    ]


def left(folder: Path) -> List[str]:
    """Return what else left the process: programs, connections and entries of a log."""
    return [line[len(_LEFT) :] for line in _told(folder) if line.startswith(_LEFT)]


def asked_alone(host: str, port: int) -> List[str]:
    """Return what has left a run that looked up and asked this server, and nobody else."""
    return [f"socket.getaddrinfo {(host, port)}", f"socket.connect {((host, port),)}"]


def _told(folder: Path) -> List[str]:
    ready, *lines = (folder / "writes").read_text(encoding="utf-8").splitlines()
    assert ready == _READY
    return lines
