"""The example's image, its worker's image and its Deployment, run by podman with runc."""

from __future__ import annotations

import json
import sys
import tempfile
import threading
from pathlib import Path
from typing import Dict, Iterator, List, Mapping, NamedTuple, Tuple

import pytest
import yaml

from tests.engines import images, manifest, wall_times
from tests.engines.containers import USER, Container, playable, plugin_container, secret_folder
from tests.engines.manifest import KINDS
from tests.engines.podman import Podman
from tests.engines.programs import free_port
from tests.engines.rodin import RodinSite, serve
from tests.engines.secrecy import Watch, leaking_files

pytestmark = [pytest.mark.engine, pytest.mark.xdist_group("container")]

PASS, FAIL = 0, 1
WRONG_TOKEN = f"{secret_folder()}/wrong-token"
PROGRAM = manifest.probe("liveness").argv[0]


class Case(NamedTuple):
    """What is wrong, if anything, and what each kind of probe makes of it."""

    code: Mapping[str, int]
    state: str
    scenario: str = "idle"
    #: beside the manifest's own words, or in place of their token's file
    more: Tuple[str, ...] = ()
    token_file: str = manifest.probe("liveness").option("--token-file")
    #: another server than the container's RODIN_URL
    nobody: bool = False

    def words(self, kind: str) -> List[str]:
        """Return the manifest's own words for a probe, with what the case changes."""
        probe = manifest.probe(kind)
        mine = {probe.option("--token-file"): self.token_file}
        return [*(mine.get(word, word) for word in probe.argv), *self.more]

    def env(self) -> Dict[str, str]:
        """Return the variables that differ from the container's."""
        return {"RODIN_URL": f"http://127.0.0.1:{free_port()}"} if self.nobody else {}


ALL_PASS = dict.fromkeys(KINDS, PASS)
ALL_FAIL = dict.fromkeys(KINDS, FAIL)
ALIVE = {**ALL_FAIL, "liveness": PASS}

CASES = {
    "ok": Case(ALL_PASS, "OK"),
    "warning": Case(ALL_PASS, "WARNING", "stalled"),
    "critical": Case(ALL_FAIL, "CRITICAL", "dead-worker"),
    "unreachable": Case(ALIVE, "CRITICAL", nobody=True),
    "server error": Case(ALIVE, "CRITICAL", "server-error"),
    "wrong token": Case(ALIVE, "UNKNOWN", token_file=WRONG_TOKEN),
    "no token": Case(ALIVE, "UNKNOWN", token_file=f"{secret_folder()}/nothing"),
    "bad answer": Case(ALIVE, "UNKNOWN", "bad-answer"),
    "usage error": Case(ALL_FAIL, "UNKNOWN", more=("--no-such-option",)),
}

#: What can be done to a Deployment that stays as it is: the server's share of the cases.
DAY = [case for case in CASES.values() if case == Case(case.code, case.state, case.scenario)]


@pytest.fixture(scope="module")
def podman() -> Iterator[Podman]:
    """Give a podman that has the example's images."""
    with Podman() as installation:
        images.make_base(installation)
        images.make_plugin(installation)
        images.make_worker(installation)
        yield installation


@pytest.fixture(scope="module")
def site() -> Iterator[RodinSite]:
    """Serve a site whose token, and a wrong one, are files as the kubelet writes them."""
    with tempfile.TemporaryDirectory() as folder, serve(Path(folder), USER) as rodin:
        wrong = Path(folder, "wrong-token")
        wrong.write_text("made-up-and-refused\n", encoding="ascii")
        wrong.chmod(0o644)
        yield rodin


@pytest.fixture(
    scope="module", params=list(wall_times.LIMITS), ids=list(wall_times.LIMITS.values())
)
def container(
    request: pytest.FixtureRequest, podman: Podman, site: RodinSite
) -> Iterator[Container]:
    """Run the plugin's image at one of the limits."""
    with plugin_container(podman, site, cpus=request.param) as running:
        yield running


@pytest.fixture(scope="module")
def played(podman: Podman, site: RodinSite) -> Iterator[Container]:
    """Run the Deployment by `podman kube play`.

    The API server would decode the Secret that the example shows; podman 4.3 writes the values of a
    Secret as they stand. So it is given the Secret with the value as it shall be in the file.
    """
    secret = manifest.load("secret.yaml")
    name = secret["metadata"]["name"]
    secret["data"] = dict.fromkeys(secret.pop("stringData"), site.server.token)
    podman.do("secret", "create", name, "-", stdin=yaml.safe_dump(secret))
    podman.do("kube", "play", "-", stdin=yaml.safe_dump(playable(site.server.url)))
    image = manifest.worker()["image"]
    yield Container(podman, podman.do("ps", "--quiet", f"--filter=ancestor={image}"))
    podman.do("pod", "rm", "--all", "--force", "--time=0")


def facts(container: Container) -> Dict[str, str]:
    """Return what the kernel holds of a process in *container*, by name."""
    lines = container.podman.do("exec", container.name, "cat", "/proc/self/status").splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def assert_confined(container: Container) -> None:
    """Not root, no capability, none to be gained, system calls filtered, nothing to write to."""
    told = facts(container)
    assert told["Uid"].split() == told["Gid"].split() == [str(USER.uid)] * 4
    assert (int(told["CapBnd"], 16), told["NoNewPrivs"], told["Seccomp"]) == (0, "1", "2")
    for folder in ("/", "/tmp", "/run", "/opt/check_rodin_queues", secret_folder()):
        assert container.exec("touch", f"{folder}/file").code == 1, folder


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
@pytest.mark.parametrize("kind", KINDS)
def test_outcome_by_exec(container: Container, site: RodinSite, kind: str, case: Case) -> None:
    """One line for the kubelet's event, an exit code that it understands, nothing on stderr."""
    site.server.scenario = case.scenario
    done = container.exec(*case.words(kind), env=case.env())
    assert (done.code, done.stderr) == (case.code[kind], ""), done.stdout
    assert done.stdout.startswith(f"RODIN_QUEUES {case.state} - ")
    assert done.stdout.count("\n") == 1
    assert " | " not in done.stdout


@pytest.mark.parametrize("kind", ["readiness", "liveness"])
def test_silent_server_ends_before_the_kubelet_kills(
    container: Container, site: RodinSite, kind: str
) -> None:
    """The program's own end comes first, at 100m too, and says why in the event."""
    site.server.scenario = "silent"
    probe = manifest.probe(kind)
    done = container.exec(*probe.argv)
    assert "timeout" in done.stdout
    assert done.code == ALIVE[kind]
    assert float(probe.option("-t")) <= done.seconds < probe.timeout


def test_container_is_confined(container: Container) -> None:
    assert_confined(container)


def test_nothing_is_left_behind(container: Container, site: RodinSite) -> None:
    """After a success, a mistake and a timeout only the worker lives, and nobody waits unburied."""
    for scenario, *more in (("idle",), ("idle", "--no-such-option"), ("silent",)):
        site.server.scenario = scenario
        container.exec(*manifest.probe("readiness").argv, *more)
    assert container.processes() == ["1 (sleep) S"]


def test_memory_suffices(container: Container, site: RodinSite) -> None:
    """Four probes at once, as after a restart, fit in 64 MiB beside each other."""
    site.server.scenario = "idle"
    # at 100m four at once may take longer than one is given
    argv = (*manifest.probe("readiness").argv, "-t", "60")
    codes: List[int] = []
    probes = [
        threading.Thread(target=lambda: codes.append(container.exec(*argv).code)) for _ in range(4)
    ]
    for probe in probes:
        probe.start()
    for probe in probes:
        probe.join()
    assert codes == [PASS] * 4  # fewer if a thread died
    inspected = json.loads(container.podman.do("inspect", container.name))[0]
    assert inspected["State"]["OOMKilled"] is False


def test_wall_times(podman: Podman, site: RodinSite, capsys: pytest.CaptureFixture[str]) -> None:
    """A probe costs less than the import of its libraries alone, and far less than its timeout.

    The table is printed where pytest does not capture (-s); README.md shows one of a quiet machine.
    """
    site.server.scenario = "idle"
    columns = {}
    for cpus, limit in wall_times.LIMITS.items():
        with plugin_container(podman, site, cpus) as container:
            columns[limit] = wall_times.measure(container, runs=5)
    with capsys.disabled():
        sys.stdout.write(f"\n{wall_times.table(columns)}\n")
    small = columns["100m"]
    assert small[wall_times.HEALTHY] < small[wall_times.LIBRARIES] * 1.1
    assert small[wall_times.HEALTHY] < manifest.probe("liveness").timeout / 2
    assert small[wall_times.USAGE] < small[wall_times.HEALTHY] * 0.7


def test_every_module_is_compiled(container: Container, site: RodinSite) -> None:
    """The standard library too: no run compiles a source whose byte code it cannot keep."""
    site.server.scenario = "idle"
    python = str(Path(PROGRAM).with_name("python"))
    told = container.exec(python, "-v", *manifest.probe("readiness").argv).stderr
    loaded = [line for line in told.splitlines() if line.startswith("# code object from ")]
    assert len(loaded) > 100
    sources = [line for line in loaded if not line.endswith(".pyc'")]
    assert sources == []


def test_image_is_small(podman: Podman) -> None:
    """It holds its base, byte code and the program: no pip, no cache, no build tools."""
    sizes = [
        int(podman.do("image", "inspect", "--format={{.Size}}", name))
        for name in (images.BASE, images.PLUGIN)
    ]
    assert sizes[1] - sizes[0] < 30e6
    look = ("run", "--rm", "--network=none", "--entrypoint=find", images.PLUGIN, "/opt", "-name")
    assert podman.do(*look, "check_rodin_queues")
    assert podman.do(*look, "pip*") == ""


def test_deployment_is_confined(played: Container) -> None:
    """What the manifest says of its pod holds where it runs."""
    assert_confined(played)
    inspected = json.loads(played.podman.do("inspect", played.name))[0]
    resources = manifest.worker()["resources"]["limits"]
    assert inspected["HostConfig"]["NanoCpus"] == int(resources["cpu"].rstrip("m")) * 1_000_000
    assert inspected["HostConfig"]["Memory"] == int(resources["memory"].rstrip("Mi")) << 20


@pytest.mark.parametrize("case", DAY, ids=lambda case: case.scenario)
def test_liveness_as_the_deployment_has_it(played: Container, site: RodinSite, case: Case) -> None:
    """The engine's own health check, from the probe that it read in the manifest."""
    site.server.scenario = case.scenario
    done = played.podman.run("healthcheck", "run", played.name)
    assert done.code == case.code["liveness"], done.stderr
    health = json.loads(played.podman.do("inspect", played.name))[0]["State"]["Health"]
    assert health["Log"][-1]["Output"].startswith(f"RODIN_QUEUES {case.state} - ")


@pytest.mark.parametrize("kind", ["startup", "readiness"])
@pytest.mark.parametrize("case", DAY, ids=lambda case: case.scenario)
def test_other_probes_of_the_deployment(
    played: Container, site: RodinSite, case: Case, kind: str
) -> None:
    """Podman 4.3 does not take these over, so their words are run in the Deployment's pod."""
    site.server.scenario = case.scenario
    done = played.exec(*manifest.probe(kind).argv)
    assert done.code == case.code[kind], done.stdout
    assert done.stdout.startswith(f"RODIN_QUEUES {case.state} - ")


def test_deployment_leaves_nothing_behind(played: Container, site: RodinSite) -> None:
    """Podman runs the health check through a shell; not even that one stays."""
    site.server.scenario = "silent"
    played.podman.run("healthcheck", "run", played.name)
    assert played.processes() == ["1 (sleep) S"]


def test_token_stays_in_its_file(podman: Podman, played: Container, site: RodinSite) -> None:
    """It is in no command line, environment, log or health report, nor where podman keeps these.

    The one file is the volume that stands for the Secret's mount.
    """
    site.server.scenario = "rejected"
    with Watch(site.server.token, manifest.probe("liveness").option("--token-file")) as watch:
        podman.run("healthcheck", "run", played.name)
        for kind in KINDS:
            played.exec(*manifest.probe(kind).argv)
    assert watch.lines_of(PROGRAM)
    assert watch.leaks == []
    told = [podman.do(what, played.name) for what in ("inspect", "logs")]
    told.append(podman.do("exec", played.name, "env"))
    assert not [text for text in told if site.server.token in text]
    root = podman.state["root"]
    kept = (root / "overlay-containers", root / "libpod", root / "volumes", podman.state["tmpdir"])
    (volume,) = leaking_files(site.server.token, *kept)
    assert volume.parent.parent == root / "volumes" / "rodin-api"
