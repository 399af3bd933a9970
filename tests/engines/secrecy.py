"""Where a token could get out: command lines, which every user reads, and an engine's files."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from types import TracebackType
from typing import List, Optional, Set, Type

#: Seconds between two looks at the list of processes; a check lives several times as long.
PAUSE = 0.03

#: A Python that runs the plugin; whoever asks an engine for a service of its name is another.
PLUGIN = re.compile(r"python[0-9.]* \S*/check_rodin_queues ")


class Watch:
    """Reads the command lines of all processes again and again until the block ends."""

    def __init__(self, token: str, token_file: str) -> None:
        """Take what nobody may see, and the path that shows a plugin of this very site."""
        self._needles = fragments(token)
        self._token_file = token_file
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.seen: Set[str] = set()

    def __enter__(self) -> Watch:
        """Begin to look."""
        self._thread.start()
        return self

    def __exit__(
        self,
        _type: Optional[Type[BaseException]],
        _error: Optional[BaseException],
        _traceback: Optional[TracebackType],
    ) -> None:
        """Look no more."""
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(PAUSE):
            for process in Path("/proc").glob("[0-9]*"):
                try:
                    words = (process / "cmdline").read_bytes()
                except OSError:  # it has ended meanwhile
                    continue
                self.seen.add(words.replace(b"\0", b" ").decode("utf-8", "replace"))

    @property
    def looks(self) -> bool:
        """Whether it looks at this moment."""
        return self._thread.is_alive()

    def lines_of(self, program: str) -> List[str]:
        """Return the command lines in which *program* was seen."""
        return sorted(line for line in self.seen.copy() if program in line)

    @property
    def leaks(self) -> List[str]:
        """The command lines that hold the token; fail if the plugin was not seen to run."""
        seen = self.seen.copy()
        plugins = [line for line in seen if PLUGIN.search(line) and self._token_file in line]
        assert plugins, f"no plugin among {len(seen)} command lines"
        return [line for line in seen if any(n in line for n in self._needles)]


def fragments(token: str) -> Set[str]:
    """Return what nobody may see of *token*: all of it, and a JWT's claims and signature."""
    return {token, *token.split(".")[1:]}


def leaking_files(token: str, *folders: Path) -> List[Path]:
    """Return the files below *folders* that hold the token; fail if there is no file to search."""
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert files, f"there is nothing to search in {folders}"
    needles = [fragment.encode() for fragment in fragments(token)]
    return [path for path in files if any(needle in path.read_bytes() for needle in needles)]
