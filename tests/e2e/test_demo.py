"""`make demo`: it says where to look, ends by itself, and leaves nothing running."""

from __future__ import annotations

import re
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("sklearn")
DEMO = Path(__file__).parents[2] / "examples" / "demo.py"


def test_the_demo_says_where_to_look_and_ends(tmp_path: Path) -> None:
    words = [sys.executable, str(DEMO), "--set", "limits.max_total_trials=1"]
    done = subprocess.run(words, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    address = re.search(r"http://127\.0\.0\.1:\d+/", done.stderr)
    assert address and "Completed" in done.stdout
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(address[0], timeout=5)
