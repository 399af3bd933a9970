"""How far a run is, who is at the other end, and what it did: what a timeout and -v report."""

from __future__ import annotations

from typing import List, Optional, Tuple

from check_rodin_queues.errors import RequestError
from check_rodin_queues.server import Server


class Phase:
    """The phases of a run, in their order."""

    STARTING = "starting"
    RESOLVING = "resolving"
    CONNECTING = "connecting"
    PROXY_TLS = "proxy TLS handshake"
    PROXY_REPLY = "proxy reply"
    TLS = "TLS handshake"
    WAITING = "waiting"
    READING = "reading"


#: The phases in which a proxy, if there is one, is the peer.
_WITH_PROXY = (Phase.RESOLVING, Phase.CONNECTING, Phase.PROXY_TLS, Phase.PROXY_REPLY)
#: The verbosity from which on a note is shown: -v, -vv, -vvv.
NOTICE, REQUEST, DEBUG = 1, 2, 3


class Progress:
    """How far the run is, and what it did; the watchdog reads it while the main thread works.

    *step* says what STARTING is busy with. *failure* is an error that is decided already: nothing
    that follows changes it. Notes can quote the server: they are redacted before they are added,
    and once more, with the rest of the output, before they are printed.
    """

    def __init__(self) -> None:
        self.phase = Phase.STARTING
        self.step = "reading the options"
        self.failure: Optional[RequestError] = None
        self.verbosity = 0
        self._notes: List[Tuple[int, str]] = []

    def shows(self, level: int) -> bool:
        """Return whether a note of this level is shown."""
        return level <= self.verbosity

    def note(self, level: int, text: str) -> None:
        """Add *text*, shown from verbosity *level* on."""
        self._notes.append((level, text))

    def notes(self) -> List[str]:
        """Return the notes to show, in the order in which they were added."""
        return [text for level, text in self._notes if self.shows(level)]


class Route:
    """How the server is reached. *proxy* is HOST:PORT without a password, empty if there is none.

    *forwarding*: the proxy itself sends the request (plain HTTP), so it may also send the response.
    """

    def __init__(self, server: Server, proxy: str) -> None:
        self.server = server
        self.proxy = proxy
        self.forwarding = bool(proxy) and server.scheme == "http"
        #: The environment variable that names the proxy.
        self.variable = f"{server.scheme.upper()}_PROXY"

    def is_proxy(self, phase: str) -> bool:
        """Return whether the proxy is at the other end in *phase*."""
        return (self.forwarding and phase == Phase.TLS) or bool(self.proxy and phase in _WITH_PROXY)

    def peer(self, phase: str) -> str:
        """Return who is at the other end in *phase*, for messages."""
        if self.is_proxy(phase):
            return f"proxy {self.proxy}"
        through = f" through proxy {self.proxy}" if self.forwarding else ""
        return f"{self.server.address}{through}"
