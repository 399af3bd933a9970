"""The Kubernetes manifests are valid and careful, and the plugin understands their probes."""

from __future__ import annotations

import json
from pathlib import Path

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
from kubernetes_validate.utils import all_versions, major_minor  # type: ignore[import-untyped]

from examples.simulator import Simulator
from tests.console import TOKEN, probed, run
from tests.engines.containers import KINDS, manifest, pod, probe, worker

FILES = ("deployment.yaml", "secret.yaml")

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


def test_validator_finds_a_misspelled_field() -> None:
    """The test above can fail: with such a typo the kubelet would wait only a second."""
    deployment = manifest("deployment.yaml")
    pod(deployment)["containers"][0]["livenessProbe"]["timeoutSecond"] = 5
    with pytest.raises(kubernetes_validate.ValidationError, match="timeoutSecond"):
        kubernetes_validate.validate(deployment, VERSIONS[-1], strict=True)


def test_deployment_is_consistent() -> None:
    """Labels select the pods. Other rights of the pod show in the tests of the running one."""
    spec = manifest("deployment.yaml")["spec"]
    labels = spec["template"]["metadata"]["labels"]
    assert spec["selector"]["matchLabels"].items() <= labels.items()
    assert pod(manifest("deployment.yaml"))["automountServiceAccountToken"] is False
    resources = worker()["resources"]
    assert resources["requests"].keys() == resources["limits"].keys() == {"cpu", "memory"}


def test_token_is_a_file_that_only_the_user_can_read() -> None:
    """It is in the Secret's mount, which has no subPath: else it would not change with it."""
    spec, secret = pod(manifest("deployment.yaml")), manifest("secret.yaml")
    (volume,), (mount,) = spec["volumes"], worker()["volumeMounts"]
    assert volume["name"] == mount["name"]
    assert volume["secret"]["secretName"] == secret["metadata"]["name"]
    assert volume["secret"]["defaultMode"] == 0o440
    assert (mount["readOnly"], "subPath" in mount) == (True, False)
    assert spec["securityContext"]["fsGroup"] == spec["securityContext"]["runAsGroup"]
    (key,) = secret["stringData"]
    assert {probe(kind).option("--token-file") for kind in KINDS} == {f"{mount['mountPath']}/{key}"}
    assert secret["stringData"][key] == "REPLACE-WITH-YOUR-API-TOKEN"
    assert [variable["name"] for variable in worker()["env"]] == ["RODIN_URL"]


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
    """Readiness only takes a pod out, liveness restarts it. Start-up can take the longest."""
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
