"""The Kubernetes manifests are valid and careful, and the plugin understands their probes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
from kubernetes_validate.utils import all_versions, major_minor  # type: ignore[import-untyped]
from policy_guard.analyzers import pod_security  # type: ignore[import-untyped]
from policy_guard.parser import parse_manifests  # type: ignore[import-untyped]

from tests.engines.containers import EXAMPLE, KINDS, USER, container, manifest, pod, probe, worker

FILES = ("deployment.yaml", "gate.yaml", "alert.yaml")

#: The three versions that Kubernetes maintains, and the one before them.
VERSIONS = list(dict.fromkeys(map(major_minor, all_versions())))[-4:]

#: Characters that no shell interprets.
SAFE = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_-./")


def patched() -> dict[str, Any]:
    """Return the Deployment with the optional probes."""
    deployment = manifest("deployment.yaml")
    deployment["spec"]["template"]["spec"]["containers"] = [worker()]
    return deployment


MANIFESTS = {**{name: manifest(name) for name in FILES}, "with restart-probes.yaml": patched()}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", MANIFESTS)
def test_manifest_is_valid(name: str, version: str) -> None:
    """A field that this version does not know, such as `timeoutSecond`, is an error."""
    assert kubernetes_validate.validate(MANIFESTS[name], version, strict=True) == version


@pytest.mark.parametrize("name", FILES)
def test_pod_security_is_restricted(tmp_path: Path, name: str) -> None:
    """It also has a read-only root and no token for the cluster's API."""
    assert pod_security.analyze(parse_manifests(str(EXAMPLE / name))) == []
    text = (EXAMPLE / name).read_text("utf-8")
    (tmp_path / name).write_text(text.replace("type: RuntimeDefault", "type: Unconfined"))
    rules = [row.rule_id for row in pod_security.analyze(parse_manifests(str(tmp_path / name)))]
    assert set(rules) == {"PG-PSS-011"}


def test_deployment_is_careful() -> None:
    """It has the readiness probe alone, and a rollout never needs more pods than before."""
    assert [key for key in container("deployment.yaml") if "Probe" in key] == ["readinessProbe"]
    strategy = manifest("deployment.yaml")["spec"]["strategy"]
    assert strategy == {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}


@pytest.mark.parametrize("name", FILES)
def test_token_is_a_file_that_only_the_group_can_read(name: str) -> None:
    """It is in the Secret's mount, which has no subPath: else it would not change with it."""
    spec = pod(name)
    reader = spec.get("initContainers", spec["containers"])[0]
    source = {"secretName": "rodin-api", "defaultMode": 0o440, "optional": False}
    assert spec["volumes"][0] == {"name": "rodin-api", "secret": source}
    mount = {"name": "rodin-api", "mountPath": "/etc/rodin-api", "readOnly": True}
    assert reader["volumeMounts"][0] == mount
    assert spec["securityContext"]["fsGroup"] == USER.gid
    assert [variable["name"] for variable in reader["env"]] == ["RODIN_URL"]


@pytest.mark.parametrize("kind", KINDS)
def test_probe_runs_the_plugin_itself(kind: str) -> None:
    """It has a full path, its own kind and only the worker's queue, and ends before the kubelet.

    Half a second is for the container runtime and Python's start, which -t cannot count. The words
    survive engines that join them for a shell, such as older versions of podman.
    """
    found = probe(kind)
    assert found.argv[0] == "/opt/check_rodin_queues/bin/check_rodin_queues"
    assert (found.option("--probe"), found.option("-q")) == (kind, "rodin.mesh")
    assert found.argv.count("-q") == 1
    assert all(set(word) <= SAFE for word in found.argv)
    assert float(found.option("-t")) + 0.5 <= found.timeout < found.period


def test_severe_consequences_take_more_failures() -> None:
    """Readiness only takes a pod out, liveness restarts it. Startup can take the longest."""
    patience = {kind: probe(kind).period * probe(kind).failures for kind in KINDS}
    assert patience == {"readiness": 45, "liveness": 300, "startup": 600}
