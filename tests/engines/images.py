"""The images of the container tests, made from the example's Dockerfiles without any registry.

Their base is a Debian of this machine's release with its Python, but without that Python's byte
code: so come the official Python images, and only so it shows whether ours is compiled. What pip
installs in the image is fetched out here, where pip is set up for whichever index there is.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.metadata import requires
from pathlib import Path

from tests.engines.manifest import EXAMPLE, worker
from tests.engines.podman import Podman
from tests.engines.programs import find

REPOSITORY = Path(__file__).parents[2]
DEBIAN = "localhost/debian-python"
BASE = "localhost/rodin-mesh-worker:base"
PLUGIN = "localhost/check_rodin_queues"

#: A customer's worker before the plugin comes into it; it does nothing, and reaps no child.
STAND_IN = f'FROM {DEBIAN}\nUSER 1000\nENTRYPOINT ["sleep", "infinity"]\n'

WITHOUT_BYTE_CODE = 'find "$1"/usr/lib/python3* -name __pycache__ -prune -exec rm -r {} +'


def make_base(podman: Podman) -> None:
    """Make the image of a worker without the plugin; apt asks as this machine's apt would."""
    archive = podman.folder / "base.tar"
    settings = podman.folder / "apt.conf"
    with open(settings, "wb") as file:
        subprocess.run(["apt-config", "dump", "Acquire"], stdout=file, check=True)
    _run(
        find("mmdebstrap"),
        "--variant=minbase",
        "--include=python3,python3-venv",
        f"--aptopt={settings}",
        f"--customize-hook={WITHOUT_BYTE_CODE}",
        _release(),
        str(archive),
    )
    podman.do("import", str(archive), DEBIAN)
    archive.unlink()
    podman.do("build", "--network=none", "--file=-", f"--tag={BASE}", stdin=STAND_IN)


def make_plugin(podman: Podman) -> None:
    """Build the example's Dockerfile on the worker's image, without any network."""
    wheels = podman.folder / "wheels"
    _fetch(wheels, python=podman.do("run", "--rm", "--network=none", DEBIAN, "python3", *VERSION))
    podman.do(
        "build",
        "--network=none",
        f"--volume={wheels}:/wheels:ro",
        f"--build-arg=BASE={BASE}",
        "--build-arg=PIP_NO_INDEX=1",
        "--build-arg=PIP_FIND_LINKS=/wheels",
        f"--file={EXAMPLE / 'Dockerfile'}",
        f"--tag={PLUGIN}",
        str(REPOSITORY),
    )
    shutil.rmtree(wheels)


def make_worker(podman: Podman) -> None:
    """Build the example's image of a worker, under the very name that the Deployment asks for."""
    podman.do(
        "build",
        "--network=none",
        f"--build-arg=WORKER={BASE}",
        f"--build-arg=PLUGIN={PLUGIN}",
        f"--file={EXAMPLE / 'worker.Dockerfile'}",
        f"--tag={worker()['image']}",
        str(REPOSITORY),
    )


VERSION = ("-c", "import sys; print('%d.%d' % sys.version_info[:2])")


def _fetch(folder: Path, python: str) -> None:
    """Download what the project needs to be built and to run on this version of Python."""
    needed = [line for line in requires("check_rodin_queues") or () if "extra ==" not in line]
    pip = (sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check")
    _run(*pip, "--only-binary=:all:", f"--python-version={python}", f"--dest={folder}", *needed)
    _run(
        *pip, "--only-binary=:all:", f"--python-version={python}", f"--dest={folder}", "setuptools"
    )


def _release() -> str:
    """Return the name of the Debian that this machine runs."""
    with open("/etc/os-release", encoding="utf-8") as file:
        words = dict(line.rstrip().split("=", 1) for line in file if "=" in line)
    return words["VERSION_CODENAME"]


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
