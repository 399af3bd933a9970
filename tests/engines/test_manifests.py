"""The Kubernetes manifests are valid and careful, and the plugin understands their probes."""

from __future__ import annotations

import json
from pathlib import Path

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
from kubernetes_validate.utils import all_versions, major_minor  # type: ignore[import-untyped]
from policy_guard.analyzers import pod_security  # type: ignore[import-untyped]
from policy_guard.parser import parse_manifests  # type: ignore[import-untyped]

from examples.simulator import Simulator
from tests.console import TOKEN, probed, run
from tests.engines.containers import EXAMPLE, KINDS, USER, container, manifest, pod, probe, worker

FILES = ("deployment.yaml", "gate.yaml", "alert.yaml")

#: The three versions that Kubernetes maintains, and the one before them.
VERSIONS = list(dict.fromkeys(map(major_minor, all_versions())))[-4:]

#: Characters that no shell interprets.
SAFE = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_-./")

#: Bodies in which only rodin.mesh, or only another queue, has lost its workers.
STRANDED = {"consumers": 0, "job_awaiting": 7, "job_running": 0}
SOUND = {"consumers": 1, "job_awaiting": 0, "job_running": 0}
OWN_QUEUE = json.dumps({"rodin.mesh": STRANDED, "rodin.texture": SOUND})
ANOTHER_QUEUE = json.dumps({"rodin.mesh": SOUND, "rodin.texture": STRANDED})


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", FILES)
def test_manifest_is_valid(name: str, version: str) -> None:
    """A field that this version does not know is an error."""
    assert kubernetes_validate.validate(manifest(name), version, strict=True) == version


@pytest.mark.parametrize("version", VERSIONS)
def test_patched_deployment_is_valid(version: str) -> None:
    """With a misspelled field, such as `timeoutSecond`, it would not be."""
    deployment = manifest("deployment.yaml")
    containers = deployment["spec"]["template"]["spec"]["containers"]
    containers[:] = [worker()]
    assert kubernetes_validate.validate(deployment, version, strict=True) == version
    containers[0]["livenessProbe"]["timeoutSecond"] = 5
    with pytest.raises(kubernetes_validate.ValidationError, match="timeoutSecond"):
        kubernetes_validate.validate(deployment, version, strict=True)


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


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("body", "code"), [(OWN_QUEUE, 1), (ANOTHER_QUEUE, 0)], ids=["own queue", "another queue"]
)
def test_only_the_own_queue_counts(tmp_path: Path, kind: str, body: str, code: int) -> None:
    """A queue without workers fails the probes of its own workers and of no others."""
    (tmp_path / "token").write_text(TOKEN)
    (tmp_path / "body").write_text(body)
    words = list(probe(kind).argv[1:])
    words[words.index("--token-file") + 1] = str(tmp_path / "token")
    with Simulator(token=TOKEN, scenario=str(tmp_path / "body")) as server:
        assert probed(run(*words, env={"RODIN_URL": server.url})) == code
