"""The README's picture of `-v`: small, and made by a script that still works."""

from __future__ import annotations

import struct
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engines.programs import find

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "examples/verbose.png"
LARGEST = 100_000


def size(picture: Path) -> tuple[int, int]:
    """Return width and height of a PNG, in pixels."""
    head = picture.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", head[16:])
    return width, height


def test_the_picture_is_small() -> None:
    assert PICTURE.stat().st_size < LARGEST


@pytest.mark.slow
@pytest.mark.engine
def test_the_picture_can_be_made_anew(tmp_path: Path) -> None:
    find("chromium")
    made = tmp_path / "made.png"
    subprocess.run([sys.executable, str(ROOT / "packaging/picture"), str(made)], check=True)
    assert size(made) == size(PICTURE)
    assert 20_000 < made.stat().st_size < LARGEST
