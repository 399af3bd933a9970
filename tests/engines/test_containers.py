"""Podman builds the images of `examples/kubernetes`, and runs probes, gate and alert."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from tests.console import CODES, GRACE, Outcome, in_time, probed
from tests.engines.containers import (
    BASE,
    KINDS,
    PLUGIN,
    USER,
    WORKER_UID,
    Container,
    Podman,
    container,
    pod,
    probe,
    worker,
)
from tests.engines.rodin import Site, serve

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("containers")]

LIVENESS = probe("liveness")

#: A state of the server, the exit codes of the probes in the order of KINDS, and the state.
CASES = [
    ("idle", (0, 0, 0), "OK"),
    ("stalled", (0, 0, 0), "WARNING"),
    ("dead-worker", (1, 1, 1), "CRITICAL"),
    ("server-error", (1, 1, 0), "CRITICAL"),
    ("rejected", (1, 1, 0), "UNKNOWN"),
]


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """Serve a site whose token the containers' users can read."""
    with tempfile.TemporaryDirectory() as directory, serve(Path(directory), USER) as rodin:
        yield rodin


@pytest.fixture(scope="module")
def podman(site: Site) -> Iterator[Podman]:
    """Give a podman with the example's images and the Secret."""
    with Podman() as installation:
        installation.make_images()
        installation.create_secret(site.server.token)
        yield installation


@pytest.fixture(scope="module")
def small(podman: Podman, site: Site) -> Iterator[Container]:
    """Run the alert's container with a CPU limit of 100m, to start probes in it."""
    limits = {"cpu": "100m", "memory": "64Mi"}
    asleep = {"command": ["sleep", "infinity"], "args": [], "resources": {"limits": limits}}
    spec = {**pod("alert.yaml"), "containers": [{**container("alert.yaml"), **asleep}]}
    with podman.played(site, "small", spec) as running:
        yield running


@pytest.fixture(scope="module")
def deployed(podman: Podman, site: Site) -> Iterator[Container]:
    """Run a pod of the Deployment with the optional probes too."""
    spec = {**pod("deployment.yaml"), "containers": [worker()]}
    with podman.played(site, "worker", spec) as running:
        yield running


@pytest.mark.parametrize(("scenario", "codes", "state"), CASES)
def test_probes_of_the_deployment(
    deployed: Container, site: Site, scenario: str, codes: tuple[int, ...], state: str
) -> None:
    """Each prints one line for the kubelet's event, and has an exit code that it understands.

    Podman runs the liveness probe too, as a health check that it read in the manifest.
    """
    site.server.scenario = scenario
    for kind, code in zip(KINDS, codes):
        done = deployed.exec(*probe(kind).argv)
        assert (probed(done), done.line.split(" ")[1]) == (code, state), (kind, done)
    done = deployed.podman.run("healthcheck", "run", deployed.name)
    assert done.code == codes[KINDS.index("liveness")], done.stderr
    last = deployed.inspect()["State"]["Health"]["Log"][-1]
    assert last["Output"].startswith(f"RODIN_QUEUES {state} - ")


def test_deployment_is_confined(deployed: Container) -> None:
    """It has the image's user and no capabilities, cannot gain any, and can write to /tmp only."""
    lines = deployed.exec("cat", "/proc/self/status").stdout.splitlines()
    status = {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
    assert status["Uid"].split() == [str(WORKER_UID)] * 4
    assert (int(status["CapBnd"], 16), status["NoNewPrivs"], status["Seccomp"]) == (0, "1", "2")
    for directory in ("/", "/run", "/opt/check_rodin_queues", "/etc/rodin-api"):
        assert deployed.exec("touch", f"{directory}/file").code == 1, directory
    assert deployed.exec("touch", "/tmp/file").code == 0
    limits, host = worker()["resources"]["limits"], deployed.inspect()["HostConfig"]
    assert host["NanoCpus"] == int(limits["cpu"].rstrip("m")) * 1_000_000
    assert host["Memory"] == int(limits["memory"].rstrip("Mi")) << 20


def test_no_process_is_left(deployed: Container, site: Site) -> None:
    """The worker reaps no child. After an error and a timeout it is still the only process."""
    deployed.exec(*LIVENESS.argv, "--no-such-option")
    site.server.scenario = "silent"
    deployed.podman.run("healthcheck", "run", deployed.name)
    assert deployed.processes() == ["1 (sleep) S"]


def test_token_stays_in_its_file(podman: Podman, deployed: Container, site: Site) -> None:
    """It is in no variable, log or health report. Podman keeps only the Secret's volume."""
    site.server.scenario = "rejected"
    podman.run("healthcheck", "run", deployed.name)
    shown = [podman.do(what, deployed.name) for what in ("inspect", "logs")]
    shown.append(deployed.exec("env").stdout)
    assert not [text for text in shown if site.server.token in text]
    root = podman.directory / "root"
    kept = (root / "overlay-containers", root / "libpod", root / "volumes")
    (volume,) = site.leaks(*kept, podman.directory / "tmpdir")
    assert volume.is_relative_to(root / "volumes" / "rodin-api")


def test_timeout_comes_before_the_kubelet_kills(small: Container, site: Site) -> None:
    """With 100m of CPU too, the plugin ends on its own, and the event names the reason."""
    site.server.scenario = "silent"
    start, earliest = partial(small.exec, *LIVENESS.argv), float(LIVENESS.option("-t"))
    done = in_time(start, LIVENESS.timeout - GRACE, earliest)
    assert (probed(done), "(timeout)" in done.line) == (0, True)


def test_memory_suffices(small: Container, site: Site) -> None:
    """Four probes at the same time, as after a restart, fit in 64 MiB."""
    site.server.scenario = "idle"
    argv = (*probe("readiness").argv, "-t", "60")  # with 100m they can take longer than 4 s
    with ThreadPoolExecutor(4) as pool:
        outcomes = list(pool.map(lambda _: small.exec(*argv), range(4)))
    assert [done.code for done in outcomes] == [0] * 4
    assert small.inspect()["State"]["OOMKilled"] is False


def test_probe_is_fast(small: Container, site: Site) -> None:
    """With 100m of CPU a probe takes less than half of its timeout."""
    site.server.scenario = "idle"
    assert probed(in_time(partial(small.exec, *LIVENESS.argv), LIVENESS.timeout / 2 - GRACE)) == 0


def test_gate_waits_for_a_consumer(podman: Podman, site: Site) -> None:
    """The client's container starts only after the init container saw a consumer."""
    site.server.scenario = "dead-worker"
    spec = pod("gate.yaml")
    spec["containers"][0]["image"] = worker()["image"]
    client = ("inspect", "--format={{.State.Status}}", "gate-client")
    with ThreadPoolExecutor(1) as pool:
        playing = pool.submit(podman.play, site, "gate", spec)
        log = partial(podman.run, "logs", "gate-wait-for-rodin-mesh")
        while log().stdout.count("rodin.mesh: no consumers") < 2:
            assert not playing.done(), playing.result()
            time.sleep(1)
        before = podman.do(*client)
        site.server.scenario = "idle"
        playing.result(60)
    assert (before, podman.do(*client)) == ("created", "running")
    assert log().stdout.splitlines()[-1].startswith("RODIN_QUEUES OK - ")
    podman.do("pod", "rm", "--force", "--time=0", "gate")


@pytest.mark.parametrize(
    ("scenario", "state"), [("idle", "OK"), ("backlog", "WARNING"), ("dead-worker", "CRITICAL")]
)
def test_alert_fails_with_the_check(podman: Podman, site: Site, scenario: str, state: str) -> None:
    """The exit code of its container decides about the Job. Its log is the output of -v."""
    site.server.scenario = scenario
    with podman.played(site, "alert", pod("alert.yaml")) as alert:
        code = int(podman.do("wait", alert.name))
        found = site.report(Outcome(code, podman.run("logs", alert.name).stdout, "", 0))
    assert (found.state, code) == (state, CODES[state])
    assert f"[{state}] rodin.mesh " in found.more


@pytest.mark.parametrize("image", ["small", "deployed"])
def test_every_module_is_compiled(image: str, site: Site, request: pytest.FixtureRequest) -> None:
    """No run compiles a module, because it could not keep the byte code."""
    site.server.scenario = "idle"
    running: Container = request.getfixturevalue(image)
    argv = probe("readiness").argv
    said = running.exec(str(Path(argv[0]).with_name("python")), "-v", *argv).stderr
    loaded = [line for line in said.splitlines() if line.startswith("# code object from ")]
    assert len(loaded) > 100
    assert [line for line in loaded if not line.endswith(".pyc'")] == []


def test_image_is_small(podman: Podman) -> None:
    """It holds its base, byte code and the plugin, but no pip and no build tools."""
    size = ("image", "inspect", "--format={{.Size}}")
    assert int(podman.do(*size, PLUGIN)) - int(podman.do(*size, BASE)) < 30e6
    look = ("run", "--rm", "--network=none", "--entrypoint=find", PLUGIN, "/opt", "-name")
    assert podman.do(*look, "check_rodin_queues")
    assert podman.do(*look, "pip*") == ""
