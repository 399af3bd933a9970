"""The Kubernetes manifests: valid for the current versions, careful, and understood by us."""

from __future__ import annotations

import json
from pathlib import PurePath

import kubernetes_validate  # type: ignore[import-untyped]
import pytest
from kubernetes_validate.utils import (  # type: ignore[import-untyped]
    all_versions,
    major_minor,
)

from tests.console import Outcome, run
from tests.engines import manifest
from tests.engines.manifest import KINDS
from tests.live import TOKEN, site

FILES = ("deployment.yaml", "secret.yaml")

#: The three versions that Kubernetes maintains, and one more for those who lag behind.
VERSIONS = list(dict.fromkeys(map(major_minor, all_versions())))[-4:]

#: What no shell reads as anything but itself.
SAFE = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_-./")

SOUND = {"consumers": 1, "job_awaiting": 0, "job_running": 0}
STRANDED = {"consumers": 0, "job_awaiting": 7, "job_running": 0}


def in_front_of(url: str, kind: str, token_file: str, *more: str) -> Outcome:
    """Run the console script with a probe's own words, but this *token_file*."""
    probe = manifest.probe(kind)
    words = list(probe.argv[1:])
    words[words.index("--token-file") + 1] = token_file
    return run(*words, *more, env={"RODIN_URL": url})


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", FILES)
def test_manifest_is_valid(name: str, version: str) -> None:
    """Strictly: a field that this version does not know is an error."""
    assert kubernetes_validate.validate(manifest.load(name), version, strict=True) == version


def test_validator_sees_a_misspelled_field() -> None:
    """The test above would fail: a probe with a typo falls back to a second's timeout."""
    deployment = manifest.load("deployment.yaml")
    (container,) = manifest.pod(deployment)["containers"]
    container["livenessProbe"]["timeoutSecond"] = 5
    with pytest.raises(kubernetes_validate.ValidationError, match="timeoutSecond"):
        kubernetes_validate.validate(deployment, VERSIONS[-1], strict=True)


def test_labels_select_the_pods() -> None:
    deployment = manifest.load("deployment.yaml")
    wanted = deployment["spec"]["selector"]["matchLabels"].items()
    assert wanted <= deployment["spec"]["template"]["metadata"]["labels"].items()


def test_pod_is_confined() -> None:
    """What the policy `restricted` of Kubernetes' Pod Security Standards asks for, and more."""
    pod = manifest.pod(manifest.load("deployment.yaml"))
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert manifest.worker()["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "privileged": False,
        "readOnlyRootFilesystem": True,
    }


def test_resources_are_bounded() -> None:
    resources = manifest.worker()["resources"]
    assert resources["requests"].keys() == resources["limits"].keys() == {"cpu", "memory"}


def test_token_is_a_file_that_the_user_may_read() -> None:
    """Its folder is the Secret's mount, its name a key of the Secret, its reader the pod's group.

    No subPath: a file that is mounted by it never changes when the Secret does.
    """
    pod = manifest.pod(manifest.load("deployment.yaml"))
    secret = manifest.load("secret.yaml")
    (volume,) = pod["volumes"]
    (mount,) = manifest.worker()["volumeMounts"]
    assert (volume["name"], volume["secret"]["secretName"]) == (
        mount["name"],
        secret["metadata"]["name"],
    )
    assert mount["readOnly"] is True
    assert "subPath" not in mount
    assert volume["secret"]["defaultMode"] == 0o440
    assert pod["securityContext"]["fsGroup"] == pod["securityContext"]["runAsGroup"]
    for kind in KINDS:
        path = PurePath(manifest.probe(kind).option("--token-file"))
        assert str(path.parent) == mount["mountPath"]
        assert path.name in secret["stringData"]


def test_secret_is_a_placeholder() -> None:
    assert manifest.load("secret.yaml")["stringData"] == {"token": "REPLACE-WITH-YOUR-API-TOKEN"}


def test_token_is_in_no_variable() -> None:
    assert [variable["name"] for variable in manifest.worker()["env"]] == ["RODIN_URL"]


@pytest.mark.parametrize("kind", KINDS)
def test_probe_runs_the_program_itself(kind: str) -> None:
    """By its whole path and without a shell, for its own kind, and for the worker's queue alone."""
    probe = manifest.probe(kind)
    assert probe.argv[0] == "/opt/check_rodin_queues/bin/check_rodin_queues"
    assert probe.option("--probe") == kind
    assert probe.option("-q") == "rodin.mesh"
    assert probe.argv.count("-q") == 1


@pytest.mark.parametrize("kind", KINDS)
def test_words_survive_a_shell(kind: str) -> None:
    """Engines that join the words for a shell, as older podman does, understand the same."""
    assert all(set(word) <= SAFE for word in manifest.probe(kind).argv)


@pytest.mark.parametrize("kind", KINDS)
def test_program_ends_before_it_is_killed(kind: str) -> None:
    """Half a second is for the container runtime and the interpreter, which -t cannot count."""
    probe = manifest.probe(kind)
    assert float(probe.option("-t")) + 0.5 <= probe.timeout < probe.period


def test_patience_grows_with_what_a_failure_does() -> None:
    """Readiness only takes a pod out, liveness restarts it; start-up may take the longest."""
    patience = {kind: manifest.probe(kind).period * manifest.probe(kind).failures for kind in KINDS}
    assert patience == {"readiness": 45, "liveness": 300, "startup": 600}


@pytest.mark.parametrize("kind", KINDS)
def test_words_are_understood(kind: str) -> None:
    """The real program takes them, and asks for one queue with the token of the file."""
    with site("idle") as live:
        done = in_front_of(live.server.url, kind, live.token_file)
        assert (done.code, done.stderr) == (0, ""), done.stdout
        assert done.line.startswith("RODIN_QUEUES OK - ")
        assert "rodin.pack" not in done.stdout
        (request,) = live.server.requests
    assert request.headers["Authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("queue", "code"), [("rodin.mesh", 1), ("rodin.texture", 0)], ids=["own", "another"]
)
def test_only_the_own_queue_counts(kind: str, queue: str, code: int) -> None:
    """A queue without consumers fails the probes of its own workers and of no others."""
    queues = {"rodin.mesh": SOUND, "rodin.texture": SOUND, queue: STRANDED}
    with site(body=json.dumps(queues)) as live:
        assert in_front_of(live.server.url, kind, live.token_file).code == code


@pytest.mark.parametrize("kind", KINDS)
def test_mistake_in_the_manifest_fails_every_kind(kind: str) -> None:
    """Liveness too: nobody would notice a probe that cannot fail."""
    with site() as live:
        done = in_front_of(live.server.url, kind, live.token_file, "--no-such-option")
    assert done.code == 1, done.stdout
