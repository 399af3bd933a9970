"""What is asked while costs are measured: servers on loopback and the stores to trust them by.

They live in another process than what is measured, so that their own cost is not counted.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Iterator, Mapping, NamedTuple, Optional
from urllib.parse import urlsplit

import certifi
import trustme

from examples.simulator import Simulator
from tests.stub import http, stub

TOKEN = "made-up-for-the-bench"
DOCUMENTED = ("rodin.mesh", "rodin.pack", "rodin.remesh", "rodin.texture")
MIB = 1024 * 1024

#: What the interfaces of the peers' servers answer.
RABBITMQ = {"messages": 0, "messages_ready": 0, "messages_unacknowledged": 0, "consumers": 1}
PATRONI = {
    "members": [
        {"name": "a", "role": "leader", "state": "running", "host": "a", "timeline": 1},
        {
            "name": "b",
            "role": "replica",
            "state": "streaming",
            "host": "b",
            "timeline": 1,
            "lag": 0,
        },
    ]
}


class Sites(NamedTuple):
    """URLs, and the files that a check of them needs."""

    http: str
    https: str
    many: Mapping[int, str]
    heavy: str
    rabbitmq: str
    patroni: str
    token: Path
    private_ca: Path
    hashed: Optional[Path]
    bundle: Path


def port(url: str) -> str:
    """Return the port of *url*."""
    return str(urlsplit(url).port)


def answer(number: int, size: int = 0) -> str:
    """Return an answer with *number* queues, padded to *size* bytes with what is ignored."""
    names = [*DOCUMENTED, *(f"rodin.queue.{index}" for index in range(number - len(DOCUMENTED)))]
    counts = {"consumers": 1, "job_awaiting": 1, "job_running": 1}
    padding = max(0, size - len(json.dumps(dict.fromkeys(names, counts)))) // number - 16
    more = {"note": "-" * padding} if padding > 0 else {}
    return json.dumps({name: {**counts, **more} for name in names})


@contextlib.contextmanager
def sites(folder: Path, numbers: tuple[int, ...]) -> Iterator[Sites]:
    """Serve until the block ends: four queues, each of *numbers*, the peers' questions."""
    token, private_ca, bundle = folder / "token", folder / "ca.pem", folder / "bundle.pem"
    token.write_text(TOKEN)
    ca, chain = trustme.CA(), folder / "server.pem"
    ca.cert_pem.write_to_path(str(private_ca))
    ca.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(chain))
    bundle.write_bytes(Path(certifi.where()).read_bytes() + private_ca.read_bytes())
    with contextlib.ExitStack() as stack:

        def serve(name: str, body: str) -> str:
            path = folder / f"{name}.json"
            path.write_text(body)
            return stack.enter_context(Simulator(token=TOKEN, scenario=str(path))).url

        def stand_in(body: object) -> str:
            content = http("200 OK", json.dumps(body), "Content-Type: application/json")
            return stack.enter_context(stub(content)).url

        yield Sites(
            stack.enter_context(Simulator(token=TOKEN, scenario="idle")).url,
            stack.enter_context(Simulator(token=TOKEN, scenario="idle", cert=str(chain))).url,
            {number: serve(str(number), answer(number)) for number in numbers},
            serve("heavy", answer(max(numbers), MIB - 4096)),
            stand_in(RABBITMQ),
            stand_in(PATRONI),
            token,
            private_ca,
            _hashed(folder, private_ca),
            bundle,
        )


def _hashed(folder: Path, ca: Path) -> Optional[Path]:
    """Return a hashed folder with *ca* in it; None where there is no openssl to make one."""
    if not shutil.which("openssl"):
        return None
    hashed = folder / "certs"
    hashed.mkdir()
    shutil.copy(ca, hashed)
    subprocess.run(["openssl", "rehash", hashed], check=True)
    return hashed
