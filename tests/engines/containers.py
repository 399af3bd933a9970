"""The manifests of `examples/kubernetes`, its images, and a podman that runs them.

No registry is needed. The base image is Debian's Python of this machine's release. Its packages
are unpacked, not installed, so it has no byte code, like the official Python images.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from importlib.metadata import requires
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from tests.console import Outcome, environment
from tests.engines.programs import SEARCH_PATH, Account, find
from tests.engines.rodin import Site
from tests.tree import ROOT, call

EXAMPLE = ROOT / "examples" / "kubernetes"
KINDS = ("startup", "readiness", "liveness")

#: The user of the plugin's image.
USER = Account("plugin", 65532, 65532)

#: A customer's worker before the plugin is added. It does nothing, and reaps no child.
BASE = "localhost/rodin-mesh-worker:base"
WORKER_UID = 1000
STAND_IN = (
    f"--change=USER {WORKER_UID}",
    "--change=ENV PATH=/usr/local/bin:/usr/bin:/bin",
    '--change=ENTRYPOINT ["sleep", "infinity"]',
)
PACKAGES = "python3,python3-venv,bash,coreutils,dash,findutils,libc-bin"
USERS = 'for file in passwd group; do echo root:x:0:0::/:/bin/sh >"$1/etc/$file"; done'

#: crun rejects a machine with cgroups of two versions. Podman's own limits can be higher than what
#: this machine allows.
SETTINGS = """\
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
lock_type = "file"
runtime = "runc"
"""

#: Prints number, name and state of every process in a container, one per line.
PROCESSES = "for status in /proc/[0-9]*/stat; do cut -d ' ' -f 1-3 $status; done"


class Probe(NamedTuple):
    """A probe of the Deployment."""

    argv: tuple[str, ...]
    timeout: float
    period: float
    failures: int

    def option(self, name: str) -> str:
        """Return the value of the command-line option *name*."""
        return self.argv[self.argv.index(name) + 1]


def manifest(name: str) -> dict[str, Any]:
    """Return the object in one of the example's files."""
    loaded: dict[str, Any] = yaml.safe_load((EXAMPLE / name).read_text("utf-8"))
    return loaded


def pod(name: str) -> dict[str, Any]:
    """Return the spec of the pods that the manifest in file *name* describes."""
    spec = manifest(name)["spec"]
    template = spec.get("jobTemplate", {"spec": spec})["spec"]["template"]
    return dict(template["spec"])


def container(name: str) -> dict[str, Any]:
    """Return the only container of these pods."""
    (found,) = pod(name)["containers"]
    return dict(found)


def worker() -> dict[str, Any]:
    """Return the Deployment's container, patched with the optional probes."""
    return {**container("deployment.yaml"), **container("restart-probes.yaml")}


def probe(kind: str) -> Probe:
    """Return the worker's probe of this *kind*."""
    spec = worker()[f"{kind}Probe"]
    numbers = (spec[name] for name in ("timeoutSeconds", "periodSeconds", "failureThreshold"))
    return Probe(tuple(spec["exec"]["command"]), *numbers)


#: The image of the gate and of the alert.
PLUGIN = str(container("alert.yaml")["image"])


class Podman:
    """A podman that changes nothing on the machine, and removes everything at the end."""

    def __init__(self) -> None:
        if os.geteuid() != 0:
            pytest.skip("only root can limit a container's CPU")
        self._program = find("podman")
        find("runc")
        # pytest's directories are too deep: the path of a socket has less than 108 bytes
        self.directory = Path(tempfile.mkdtemp(prefix="podman-", dir="/tmp"))
        self._settings = self.directory / "containers.conf"
        self._settings.write_text(SETTINGS, encoding="ascii")

    def __enter__(self) -> Podman:
        return self

    def __exit__(self, *_: object) -> None:
        self.run("pod", "rm", "--all", "--force", "--time", "0")
        self.run("rm", "--all", "--force", "--time", "0")
        self.run("system", "reset", "--force")
        shutil.rmtree(self.directory, ignore_errors=True)

    def run(self, *args: str, stdin: str = "") -> Outcome:
        """Run podman with *args*; return its outcome, also if it fails."""
        places = (f"--{name}={self.directory / name}" for name in ("root", "runroot", "tmpdir"))
        start = time.monotonic()
        done = subprocess.run(
            [self._program, *places, *args],
            cwd=self.directory,  # a container without memory leaves a file `oom` there
            input=stdin,
            capture_output=True,
            encoding="utf-8",
            env=environment({"CONTAINERS_CONF": str(self._settings), "PATH": SEARCH_PATH}),
            timeout=300,
            check=False,
        )
        return Outcome(done.returncode, done.stdout, done.stderr, time.monotonic() - start)

    def do(self, *args: str, stdin: str = "") -> str:
        """Run podman with *args*, which must succeed; return its stdout."""
        done = self.run(*args, stdin=stdin)
        assert done.code == 0, f"podman {' '.join(args)}\n{done.stdout}{done.stderr}"
        return done.stdout.strip()

    def make_images(self) -> None:
        """Build the example's images without any network."""
        base, wheels = self.directory / "base.tar", self.directory / "wheels"
        make_base(base)
        fetch(wheels)
        self.do("import", *STAND_IN, str(base), BASE)
        options = (
            *("build", "--network=none", f"--file={EXAMPLE / 'Dockerfile'}"),
            *(f"--volume={wheels}:/wheels:ro", f"--build-arg=BASE={BASE}"),
            *("--build-arg=PIP_NO_INDEX=1", "--build-arg=PIP_FIND_LINKS=/wheels"),
        )
        for more in ([f"--tag={PLUGIN}"], ["--target=worker", f"--tag={worker()['image']}"]):
            done = self.run(*options, *more, str(ROOT))
            assert (done.code, "warning" in done.stderr) == (0, False), done

    def create_secret(self, token: str) -> None:
        """Create the manifests' Secret.

        Podman 4.3 expects the plain value where Kubernetes decodes it.
        """
        secret = {"apiVersion": "v1", "kind": "Secret", "data": {"token": token}}
        self.do("secret", "create", "rodin-api", "-", stdin=yaml.safe_dump(secret))

    def play(self, site: Site, name: str, spec: Mapping[str, Any]) -> str:
        """Start a pod called *name* on the machine's own network; return when it is started."""
        # Unlike the kubelet, podman restarts an init container that succeeded.
        spec = {**spec, "hostNetwork": True, "restartPolicy": "Never"}
        for member in (*spec.get("initContainers", ()), *spec["containers"]):
            member["env"] = [{"name": "RODIN_URL", "value": site.server.url}]
        # Podman would remove an init container, with its log, after it ran.
        kept = {
            "annotations": {"io.podman.annotations.init.container.type": "always"},
            "name": name,
        }
        played_pod = {"apiVersion": "v1", "kind": "Pod", "metadata": kept, "spec": spec}
        return self.do("kube", "play", "-", stdin=yaml.safe_dump(played_pod))

    @contextlib.contextmanager
    def played(self, site: Site, name: str, spec: Mapping[str, Any]) -> Iterator[Container]:
        """Run such a pod with one container until the block ends."""
        self.play(site, name, spec)
        (member,) = spec["containers"]
        yield Container(self, f"{name}-{member['name']}")
        self.do("pod", "rm", "--force", "--time=0", name)


def make_base(archive: Path) -> None:
    """Write the files of the base image; apt uses the settings of this machine."""
    settings = archive.with_name("apt.conf")
    settings.write_text(call("apt-config", "dump", "Acquire"), "utf-8")
    lines = Path("/etc/os-release").read_text("utf-8").splitlines()
    release = dict(line.split("=", 1) for line in lines if "=" in line)["VERSION_CODENAME"]
    options = (f"--include={PACKAGES}", f"--aptopt={settings}", f"--extract-hook={USERS}")
    call(find("mmdebstrap"), "--variant=extract", *options, release, str(archive))


def fetch(directory: Path) -> None:
    """Download what the project needs to be built, and to run with the distribution's Python.

    The pip inside the image would not know the index of this machine.
    """
    version = "import sys; print('%d.%d' % sys.version_info[:2], end='')"
    python = f"--python-version={call('/usr/bin/python3', '-c', version)}"
    needed = [line for line in requires("check_rodin_queues") or () if "extra ==" not in line]
    pip = (sys.executable, "-m", "pip", "download", "-q", "--only-binary=:all:", f"-d{directory}")
    for group in (needed, ["setuptools"]):
        call(*pip, python, *group)


class Container(NamedTuple):
    """A running container."""

    podman: Podman
    name: str

    def exec(self, *argv: str) -> Outcome:
        """Run *argv* in it, like the kubelet."""
        return self.podman.run("exec", self.name, *argv)

    def inspect(self) -> dict[str, Any]:
        """Return podman's description of it."""
        (found,) = json.loads(self.podman.do("inspect", self.name))
        return dict(found)

    def processes(self) -> list[str]:
        """Return its processes, also dead ones, without the shell that lists them."""
        lines = self.exec("sh", "-c", PROCESSES).stdout.splitlines()
        return [line for line in lines if "(sh)" not in line and "(cut)" not in line]
