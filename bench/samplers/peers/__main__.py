"""One peer in a process of its own: `python -m bench.samplers.peers NAME`, a JSON line in, a JSON line out.

    {"space": ..., "seed": 0, "budget": 100, "pending": 1}   begins a sweep
    {"ask": 0}                                               -> {"params": {...}, "ms": 3.1}
    {"tell": 0, "loss": 0.2, "ask": 1}                       -> the same, a result told first

What the peer prints goes to standard error. An error answers {"error": text}.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
import warnings

from .door import Door


def serve(name: str) -> None:
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    warnings.simplefilter("ignore")
    door = Door(name)
    for line in sys.stdin:
        try:
            reply = door.answer(json.loads(line))
        except Exception as error:
            traceback.print_exc()
            reply = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply, default=lambda value: value.item()), file=out)


if __name__ == "__main__":
    serve(sys.argv[1])
