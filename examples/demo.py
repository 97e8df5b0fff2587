"""`make demo`: tune the digits, with the studio open beside it.

On a terminal the studio stays open after the sweep until Ctrl-C; elsewhere it ends with the sweep.
"""

import json
import signal
import subprocess
import sys
from pathlib import Path

from overdrive import Workspace

OVERDRIVE = [sys.executable, "-m", "overdrive"]
SWEEP = Path(__file__).parent / "digits" / "sweep.yml"


def main() -> int:
    """The exit code of the sweep."""
    Workspace.find()
    # In a session of its own: Ctrl-C is a question to the sweep, and the studio is ended here.
    studio = subprocess.Popen(
        [*OVERDRIVE, "studio", "--json"], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert studio.stdout is not None
    # Nor is Ctrl-C a wish to end this very process while the sweep asks.
    signal.signal(signal.SIGINT, lambda *_: None)
    try:
        address = json.loads(studio.stdout.readline())["url"]
        print(f"Look at it in the browser: {address}", file=sys.stderr, flush=True)
        code = subprocess.call([*OVERDRIVE, "submit", str(SWEEP), *sys.argv[1:]])
        if sys.stdin.isatty() and sys.stderr.isatty():
            print(f"The studio stays open at {address}; Ctrl-C closes it.", file=sys.stderr)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            signal.pause()
    except KeyboardInterrupt:
        pass
    finally:
        studio.terminate()
        studio.wait()
        studio.stdout.close()
    return code


if __name__ == "__main__":
    sys.exit(main())
