"""How far a run is: the phase that a timeout reports."""

from __future__ import annotations

from typing import Optional

from check_rodin_queues.errors import RequestError

#: The phases of a run, in their order.
STARTING = "starting"
RESOLVING = "resolving"
CONNECTING = "connecting"
PROXY_TLS = "proxy TLS handshake"
PROXY_REPLY = "proxy reply"
TLS = "TLS handshake"
WAITING = "waiting"
READING = "reading"
#: The phases in which a proxy, if there is one, is the peer.
WITH_PROXY = (RESOLVING, CONNECTING, PROXY_TLS, PROXY_REPLY)


class Progress:
    """How far the run is; the watchdog reads it while the main thread works.

    *step* says what STARTING is busy with. *failure* is an error that is decided already: nothing
    that follows changes it.
    """

    def __init__(self) -> None:
        self.phase = STARTING
        self.step = "reading the options"
        self.failure: Optional[RequestError] = None
