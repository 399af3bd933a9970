"""Files that the arguments name: read with a bound, and with errors that say what to do."""

from __future__ import annotations

import os
import select

from check_rodin_queues.errors import ConfigError

_STDIN = 0
_CHUNK = 64 * 1024


def read_file(path: str, option: str, limit: int) -> bytes:
    """Read at most *limit* bytes and one more from *path*, `-` being standard input.

    So a caller sees when there is more than *limit*. Raises ConfigError in the name of *option*.
    """
    try:
        if path == "-":
            return _standard_input(limit + 1)
        with open(path, "rb") as file:
            return file.read(limit + 1)
    except (OSError, ValueError) as error:
        raise unreadable(path, option, error) from None


def _standard_input(size: int) -> bytes:
    """Read *size* bytes at most, also where whoever made the pipe wants nobody to wait for it."""
    chunks = []
    while size > 0:
        try:
            chunk = os.read(_STDIN, min(size, _CHUNK))
        except BlockingIOError:
            select.select([_STDIN], [], [])
            continue
        if not chunk:
            break
        chunks.append(chunk)
        size -= len(chunk)
    return b"".join(chunks)


def unreadable(path: str, option: str, error: Exception) -> ConfigError:
    """Return the error for a file that cannot be read; a path that does not exist is not shown.

    It may be a secret that was given in the place of a file's name.
    """
    why = (getattr(error, "strerror", None) or "no path at all").lower()
    shown = f" {path}" if path == "-" or os.path.exists(path) else ""
    advice = "Check the path"
    if isinstance(error, PermissionError):
        advice = "Check its owner and mode, and those of its folders"
    return ConfigError(f"{option}: cannot read the file{shown}: {why}. {advice}")
