"""How long a start takes: `overdrive --help`, `import overdrive`, `import overdrive.runtime.context`.

Each beside an empty `python -c pass` of the same interpreter, in turn; medians.
"""

from __future__ import annotations

import sys

from _measure import command, in_turn, seconds

TIMES = 15
CASES = {
    "overdrive --help": ["-m", "overdrive", "--help"],
    "import overdrive": ["-c", "import overdrive"],
    "import overdrive.runtime.context": ["-c", "import overdrive.runtime.context"],
    "from overdrive import Run": ["-c", "from overdrive import Run"],
}

if __name__ == "__main__":
    floor = command([sys.executable, "-c", "pass"])
    print(f"{'what':<36}{'ms':>8}{'floor ms':>10}{'over the floor ms':>20}")
    for name, argv in CASES.items():
        action = command([sys.executable, *argv])
        whole, empty, _ = in_turn(lambda a=action: seconds(a), lambda: seconds(floor), TIMES)
        print(f"{name:<36}{whole * 1e3:>8.0f}{empty * 1e3:>10.0f}{(whole - empty) * 1e3:>20.0f}")
