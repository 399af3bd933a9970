"""Files that the arguments name: read with a bound, and with errors that say what to do."""

from __future__ import annotations

import os
import sys

from check_rodin_queues.errors import ConfigError


def read_file(path: str, option: str, limit: int) -> bytes:
    """Read at most *limit* bytes and one more from *path*, `-` being standard input.

    So a caller sees when there is more than *limit*. Raises ConfigError in the name of *option*.
    """
    try:
        if path == "-":
            return sys.stdin.buffer.read(limit + 1) if sys.stdin else b""
        with open(path, "rb") as file:
            return file.read(limit + 1)
    except (OSError, ValueError) as error:
        raise unreadable(path, option, error) from None


def unreadable(path: str, option: str, error: Exception) -> ConfigError:
    """Return the error for a file that cannot be read; a path that does not exist is not shown.

    It may be a secret that was given in the place of a file's name.
    """
    why = (getattr(error, "strerror", None) or "no path at all").lower()
    shown = f" {path}" if path == "-" or os.path.exists(path) else ""
    advice = "Check the path" if not shown else "Check its owner and mode, and those of its folders"
    return ConfigError(f"{option}: cannot read the file{shown}: {why}. {advice}")
