"""Whether this user may make namespaces, for tests that need a network or mounts of their own."""

from __future__ import annotations

import subprocess

import pytest

_TRIAL = [
    "unshare",
    "--net",
    "--mount",
    "sh",
    "-c",
    "ip link set lo up && mount -t tmpfs none /mnt",
]


def _allowed() -> bool:
    """Tell whether it works."""
    try:
        return subprocess.run(_TRIAL, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


needs_namespace = pytest.mark.skipif(not _allowed(), reason="may not make a namespace")
