"""What `run.log("loss", 0.3)` costs a training, beside one write of the same bytes; medians of 11 rounds."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from _measure import in_turn, seconds

CALLS = 20_000

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        os.environ["OVERDRIVE_METRICS"] = f"{folder}/metrics.jsonl"
        from overdrive import Run

        run = Run.get_context()
        run.log("loss", 0.123456789)
        fd = os.open(f"{folder}/floor", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        line = Path(folder, "metrics.jsonl").read_bytes()

        def log() -> None:
            for _ in range(CALLS):
                run.log("loss", 0.123456789)

        def write() -> None:
            for _ in range(CALLS):
                os.write(fd, line)

        ours, floor, ratio = in_turn(lambda: seconds(log), lambda: seconds(write), 11)
        print(
            f"log(): {ours / CALLS * 1e6:.1f} us, a bare write of the line: {floor / CALLS * 1e6:.1f} us, "
            f"ratio {ratio:.2f}"
        )
