"""Containers that are confined as the example's Deployment confines its worker."""

from __future__ import annotations

import contextlib
from typing import Dict, Iterator, Mapping, NamedTuple, Sequence

from tests.console import Outcome
from tests.engines import manifest
from tests.engines.images import PLUGIN
from tests.engines.podman import Podman
from tests.engines.programs import Account
from tests.engines.rodin import RodinSite

#: Whose number the images and the manifest have.
USER = Account("worker", 65532, 65532)

#: The file systems' root is read-only, /tmp too, and memory is not stretched by swap.
CONFINED = (
    "--read-only",
    "--read-only-tmpfs=false",
    "--cap-drop=all",
    "--security-opt=no-new-privileges",
    "--memory=64m",
    "--memory-swap=64m",
)

#: Lists number, name and state of every process in the container, one to a line.
PROCESSES = "for status in /proc/[0-9]*/stat; do cut -d ' ' -f 1-3 $status; done"


class Container(NamedTuple):
    """A running container."""

    podman: Podman
    name: str

    def exec(self, *argv: str, env: Mapping[str, str] = {}) -> Outcome:
        """Run *argv* in it, as the kubelet does."""
        given = [f"--env={name}={value}" for name, value in env.items()]
        return self.podman.run("exec", *given, self.name, *argv)

    def processes(self) -> Sequence[str]:
        """Return what runs in it, or is dead and not reaped, beside the shell that looks."""
        lines = self.podman.do("exec", self.name, "sh", "-c", PROCESSES).splitlines()
        return [line for line in lines if "(sh)" not in line and "(cut)" not in line]


@contextlib.contextmanager
def plugin_container(podman: Podman, site: RodinSite, cpus: str) -> Iterator[Container]:
    """Run the image of the example's Dockerfile until the block ends, waiting for probes.

    The network is the machine's own, so that the site on its loopback can be asked.
    """
    folder = site.token_file.parent
    started = podman.do(
        "run",
        "--detach",
        "--network=host",
        f"--cpus={cpus}",
        *CONFINED,
        f"--env=RODIN_URL={site.server.url}",
        f"--volume={folder}:{secret_folder()}:ro",
        "--entrypoint=sleep",
        PLUGIN,
        "infinity",
    )
    try:
        yield Container(podman, started)
    finally:
        podman.do("rm", "--force", "--time=0", started)


def secret_folder() -> str:
    """Return where the manifest mounts the Secret."""
    (mount,) = manifest.worker()["volumeMounts"]
    return str(mount["mountPath"])


def playable(url: str) -> Dict[str, object]:
    """Return the Deployment with a server that is there, on the machine's own network."""
    deployment = manifest.load("deployment.yaml")
    spec = manifest.pod(deployment)
    spec["hostNetwork"] = True
    (container,) = spec["containers"]
    container["env"] = [{"name": "RODIN_URL", "value": url}]
    deployment["spec"]["replicas"] = 1
    return deployment
