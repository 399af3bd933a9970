"""What is decided of the settings before anything is asked."""

from __future__ import annotations

from typing import Dict

import pytest

from check_rodin_queues.server import Server
from check_rodin_queues.settings import may_need_tls

#: A scheme, the environment, and whether a request may speak TLS.
TLS = [
    ("https", {}, True),
    ("https", {"PATH": "/bin"}, True),
    ("http", {}, False),
    ("http", {"PATH": "/bin", "proxy": "x", "PROXY_HOST": "x", "_PROXY_": "x"}, False),
    ("http", {"PATH": "/bin", "HTTPS_PROXY": "x"}, True),
    ("http", {"PATH": "/bin", "http_proxy": "x"}, True),
    ("http", {"Http_Proxy": "x", "PATH": "/bin"}, True),
    ("http", {"ALL_PROXY": "x"}, True),
]


@pytest.mark.parametrize(("scheme", "environ", "may"), TLS)
def test_when_a_request_may_need_tls(scheme: str, environ: Dict[str, str], *, may: bool) -> None:
    """A proxy may want it, too, of whatever kind; plain HTTP does without what it costs."""
    assert may_need_tls(Server(scheme, "127.0.0.1", None, ""), environ) is may
