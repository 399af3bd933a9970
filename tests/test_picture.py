"""The README's picture of `-v` is small, and its script works."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engines.programs import find
from tests.tree import ROOT

PICTURE = ROOT / "examples/verbose.png"

#: The largest picture that a page of the documentation loads, in bytes.
LARGEST = 100_000


def size(picture: Path) -> tuple[int, int]:
    """Return width and height of a PNG, in pixels."""
    head = picture.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", head[16:])
    return width, height


@pytest.mark.slow
@pytest.mark.engine
def test_picture_can_be_made(tmp_path: Path) -> None:
    find("chromium")
    made = tmp_path / "made.png"
    subprocess.run([sys.executable, str(ROOT / "packaging/picture"), str(made)], check=True)
    assert size(made) == size(PICTURE)
    assert all(20_000 < picture.stat().st_size < LARGEST for picture in (made, PICTURE))
