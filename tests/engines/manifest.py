"""The example's Kubernetes objects, as the tests ask about them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, NamedTuple, Tuple

import yaml

EXAMPLE = Path(__file__).parents[2] / "examples" / "kubernetes"
KINDS = ("startup", "readiness", "liveness")


class Probe(NamedTuple):
    """What the kubelet would do with a probe, its defaults filled in."""

    argv: Tuple[str, ...]
    timeout: float
    period: float
    failures: int

    def option(self, name: str) -> str:
        """Return the value that the command line gives to the option *name*."""
        return self.argv[self.argv.index(name) + 1]


def load(name: str) -> Dict[str, Any]:
    """Return the object of one of the example's files."""
    with open(EXAMPLE / name, encoding="utf-8") as file:
        loaded: Dict[str, Any] = yaml.safe_load(file)
    return loaded


def pod(deployment: Dict[str, Any]) -> Dict[str, Any]:
    """Return the spec of the pods that *deployment* makes."""
    spec: Dict[str, Any] = deployment["spec"]["template"]["spec"]
    return spec


def worker() -> Dict[str, Any]:
    """Return the one container of the Deployment."""
    (container,) = pod(load("deployment.yaml"))["containers"]
    found: Dict[str, Any] = container
    return found


def probe(kind: str) -> Probe:
    """Return the worker's probe of this *kind*."""
    spec = worker()[f"{kind}Probe"]
    return Probe(
        argv=tuple(spec["exec"]["command"]),
        timeout=spec.get("timeoutSeconds", 1),
        period=spec.get("periodSeconds", 10),
        failures=spec.get("failureThreshold", 3),
    )
