"""The warm process of one interpreter: it imports once, and forks for each run.

    launcher  -- {"import": [...]} | {"run": id, ...} + descriptors -->  zygote  -- fork, fork -->  run

It is run as a text, not imported, so that nothing of ours stands in a run's `sys.modules`. A run is the child
of a child that leaves at once: so the launcher, which adopts orphans, is its parent, as of a cold one, and sees
how it ends. Standard library only, Python 3.9 and later, Linux.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import gc
import importlib.machinery
import importlib.util
import json
import os
import re
import shutil
import signal
import socket
import sys
import threading
import time
import traceback
import warnings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

MARK = b"OVERDRIVE_JOB_ID="
POOLS = re.compile(r"/lib(openblas|scipy_openblas|mkl_rt|blis|gomp|omp|iomp)[^/]*$")
"""Libraries that keep a pool of threads and put it in order again around a fork."""

OPENMP = re.compile(r"/lib(gomp|omp|iomp)[^/]*$")

PACKAGES = ("site-packages", "dist-packages")
ROOTS = tuple(
    place + os.sep
    for place in sys.path
    if os.path.basename(place) in PACKAGES
    or place.startswith((sys.prefix + os.sep, sys.base_prefix + os.sep))
)
"""Where modules lie that are nobody's work in progress."""


class Zygote:
    """Imports and forks as it is told. `serve` returns in a child only: with what it is to become."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._inbox = b""
        self._descriptors: list[int] = []
        self._places = {path: _changed(path) for path in sys.path if os.path.basename(path) in PACKAGES}
        self._own = _opened()

    def serve(self) -> dict[str, Any]:
        while True:
            order = self._receive()
            if order is None:
                os._exit(0)
            if "import" in order:
                begun = time.monotonic()
                failed = _prepare(order) if "prepare" in order else ""
                missing = [name for name in order["import"] if not _import(name)]
                gc.freeze()  # a collection in a run would copy what they share
                took = time.monotonic() - begun
                self._answer({"seconds": took, "missing": missing, "refused": failed or self._unsafe()})
                continue
            why = self._refusal(order)
            pid = 0 if why else self._fork(order)
            if pid is None:  # we are the run
                return order
            for fd in self._descriptors:
                os.close(fd)
            self._descriptors = []
            self._answer(
                {"run": order["run"], "pid": pid, "refused": why or ("" if pid else "a fork has failed")}
            )

    def become(self, order: dict[str, Any]) -> None:
        """Take on the descriptors, folder, environment and arguments of this run, once the gate opens."""
        gate, out, err = self._descriptors[:3]  # one more stays open: it says that the run lives
        self._channel.close()
        if os.read(gate, 1) != b"g":  # the launcher has died, or the run was cancelled
            os._exit(0)
        os.dup2(out, 1)
        os.dup2(err, 2)
        for fd in (gate, out, err):
            os.close(fd)
        os.chdir(order["folder"])
        os.environ.clear()
        os.environ.update(order["env"])
        _start_afresh()

    def _fork(self, order: dict[str, Any]) -> int | None:
        """The pid of a grandchild; None in it."""
        reading, writing = os.pipe()
        with warnings.catch_warnings():  # since Python 3.12 it warns of the threads that we have weighed
            warnings.simplefilter("ignore")
            middle = os.fork()
            if middle == 0:
                os.close(reading)
                if os.fork():
                    os._exit(0)
                os.setsid()
                _label(order)
                os.write(writing, str(os.getpid()).encode())
                os.close(writing)
                return None
        os.close(writing)
        os.waitpid(middle, 0)
        pid = int(os.read(reading, 32) or b"0")
        os.close(reading)
        return pid

    def _refusal(self, order: dict[str, Any]) -> str:
        """Why this run must start cold; "" when it need not."""
        for path, before in self._places.items():
            if _changed(path) != before:
                return f"stale: {path or 'the path'} has changed"
        folder = os.path.dirname(os.path.join(order["folder"], order["argv"][0]))
        try:
            names = {name.partition(".")[0] for name in os.listdir(folder) if _is_module(folder, name)}
        except OSError as error:
            return str(error)
        hidden = sorted(names & (sys.modules.keys() - {"__main__"}) - _SHARED)
        if hidden:  # a fresh interpreter would find the script's own module of that name first
            return f"the script's folder holds {hidden[0]!r}, which is imported already"
        return ""

    def _unsafe(self) -> str:
        """Why no run may be forked from what has been imported; "" when it may."""
        if threading.active_count() > 1:
            return f"an import has started a thread ({threading.enumerate()[-1].name})"
        threads = len(os.listdir("/proc/self/task"))
        pools = sum(1 for path in _mapped() if POOLS.search(path))
        if threads > 1 + pools * (max(os.cpu_count() or 1, 1) - 1):
            return f"imports have started {threads - 1} threads"
        for link in _opened() - self._own:
            if link.startswith(("socket:", "/dev/nvidia")):
                return f"an import has opened {link}"
        return ""

    def _receive(self) -> dict[str, Any] | None:
        while b"\n" not in self._inbox:
            data, fds, _, _ = socket.recv_fds(self._channel, 1 << 16, 4)
            self._descriptors += fds
            if not data:
                return None
            self._inbox += data
        line, self._inbox = self._inbox.split(b"\n", 1)
        order: dict[str, Any] = json.loads(line)
        return order

    def _answer(self, message: dict[str, Any]) -> None:
        try:
            self._channel.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            os._exit(0)


def _is_module(folder: str, name: str) -> bool:
    return name.endswith((".py", ".so")) or os.path.exists(os.path.join(folder, name, "__init__.py"))


def _import(name: str) -> bool:
    """Import `module`, or what `from module import name` needs for `module:name`; False when that fails.

    What lies outside the folders of installed packages is the user's own, and may change between runs.
    """
    module, _, inner = name.partition(":")
    try:
        spec = importlib.util.find_spec(module.partition(".")[0])
        origin = (spec and spec.origin) or ""
        if origin not in ("built-in", "frozen") and not origin.startswith(ROOTS):
            return False
        found = importlib.import_module(module)
        if inner and not hasattr(found, inner):
            importlib.import_module(f"{module}.{inner}")
    except (Exception, SystemExit):
        return False
    return True


_SHARED: set[str] = set()
"""The script's own modules that preparing its data has imported: the same text, from another copy."""


def _prepare(order: dict[str, Any]) -> str:
    """Import the user's module from a working copy, and call what it has to prepare; what is wrong, or ""."""
    folder, path = order["folder"], os.path.join(order["folder"], order["prepare"])
    before = set(sys.modules)
    try:
        if not os.path.isdir(folder):
            aside = f"{folder}.{os.getpid()}"
            shutil.copytree(order["source"], aside, symlinks=True)
            os.rename(aside, folder)
        os.chdir(folder)
        sys.path.insert(0, os.path.dirname(path))
        importlib.import_module(os.path.splitext(os.path.basename(path))[0])
        with _one_thread():
            for function in sys.modules["overdrive.runtime.prepare"].PREPARED:
                function()
    except BaseException:
        traceback.print_exc()
        return f"{order['prepare']} has failed: {traceback.format_exc(limit=0).splitlines()[-1]}"
    finally:
        sys.path[:] = [place for place in sys.path if place != os.path.dirname(path)]
        os.chdir("/")
    own = os.path.join(os.path.realpath(folder), "")
    for name in sys.modules.keys() - before:
        if os.path.realpath(getattr(sys.modules[name], "__file__", None) or "").startswith(own):
            _SHARED.add(name.partition(".")[0])
    return ""


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """OpenMP with one thread: a pool that has worked does not survive a fork (libgomp)."""
    torch, libraries = sys.modules.get("torch"), []
    for path in sorted(_mapped()):
        if OPENMP.search(path):
            library = ctypes.CDLL(path)
            libraries.append((library, library.omp_get_max_threads()))
    threads = torch.get_num_threads() if torch is not None else 1
    for library, _ in libraries:
        library.omp_set_num_threads(1)
    if torch is not None:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        if torch is not None:
            torch.set_num_threads(threads)
        for library, before in libraries:
            library.omp_set_num_threads(before)


def _mapped() -> set[str]:
    """The files that stand in our memory."""
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as file:
        return {"/" + line.rstrip("\n").partition("/")[2] for line in file if "/" in line}


def _opened() -> set[str]:
    """What stands behind our descriptors."""
    links = set()
    for fd in os.listdir("/proc/self/fd"):
        try:
            links.add(os.readlink(f"/proc/self/fd/{fd}"))
        except OSError:  # that of the list itself
            pass
    return links


def _changed(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0


def _label(order: dict[str, Any]) -> None:
    """Make the process known as the run's: its mark for whoever ends the run, its command line for `ps`.

    The kernel shows the memory in which the program was started; it is ours to write.
    """
    with open("/proc/self/stat", "rb") as file:
        stat = file.read()
    arg_start, arg_end, env_start, env_end = map(int, stat[stat.rfind(b")") + 2 :].split()[45:49])
    environment = ctypes.string_at(env_start, env_end - env_start)
    at = (b"\0" + environment).index(b"\0" + MARK) + len(MARK)
    room = environment.index(b"\0", at) - at
    ctypes.memmove(env_start + at, order["run"].encode().ljust(room, b"\0"), room)
    words = b" ".join(map(os.fsencode, [sys.executable, *order["argv"]]))
    room = arg_end - arg_start - 2  # a last byte other than 0 tells the kernel that this is another title
    ctypes.memmove(arg_start, words[:room].ljust(room + 1, b"\0") + b".", room + 2)


def _start_afresh() -> None:
    """What a fresh interpreter would draw or look up anew."""
    loaded = sys.modules.get
    random, torch = loaded("numpy.random"), loaded("torch")  # the standard library's reseeds itself
    if random is not None:
        random.seed()
    if torch is not None:
        torch.default_generator.seed()
    process = loaded("multiprocessing.process")
    if process is not None:
        process.ORIGINAL_DIR = os.getcwd()  # type: ignore[attr-defined]


def _execute(argv: list[str]) -> None:
    """Run the script as the interpreter runs one: it may end this process in any way it likes."""
    path = os.path.abspath(argv[0])
    sys.argv[:] = argv
    sys.orig_argv[:] = (
        [*sys.orig_argv[: sys.orig_argv.index("-c")], *argv] if hasattr(sys, "orig_argv") else []
    )
    if not getattr(sys.flags, "safe_path", False):
        sys.path.insert(0, os.path.dirname(os.path.realpath(path)))
    sys.modules["__main__"] = type(sys)("__main__")  # anew: what was frozen would not be collected at the end
    main = vars(sys.modules["__main__"])
    loader = importlib.machinery.SourceFileLoader("__main__", path)
    main.update(
        __name__="__main__",
        __doc__=None,
        __package__=None,
        __loader__=loader,
        __spec__=None,
        __annotations__={},
        __builtins__=sys.modules["builtins"],
        __file__=path,
        __cached__=None,
    )
    try:
        with open(path, "rb") as file:
            source = file.read()
    except OSError as error:
        words = f"{sys.executable}: can't open file {path!r}: [Errno {error.errno}] {error.strerror}\n"
        sys.stderr.write(words)
        sys.exit(2)
    try:
        exec(compile(source, path, "exec", dont_inherit=True), main)
    except SystemExit:
        raise
    except BaseException as error:
        _report(error)
        if isinstance(error, KeyboardInterrupt):
            _end_by_interrupt()
        sys.exit(1)


def _report(error: BaseException) -> None:
    """Show it as the interpreter would: without the frames that are ours."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    error.__traceback__ = trace
    sys.last_type, sys.last_value, sys.last_traceback = type(error), error, trace
    sys.excepthook(type(error), error, trace)


def _end_by_interrupt() -> None:
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGINT)


def _leave_names(path: str, known: set[str]) -> None:
    """At the end of a run, tell what else it has imported that is not its own."""
    names = []
    for name, module in list(sys.modules.items()):
        origin = getattr(getattr(module, "__spec__", None), "origin", None) or ""
        if name not in known and origin.startswith(ROOTS):
            names.append(name)
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(names))
    except OSError:
        pass


def main() -> None:
    """Serve; in a child, be the run."""
    ctypes.CDLL(None).prctl(
        1, signal.SIGKILL, 0, 0, 0
    )  # PR_SET_PDEATHSIG: not a moment longer than the launcher
    if not sys.path[0]:
        del sys.path[0]  # the current folder, because of -c
    zygote = Zygote(socket.socket(fileno=int(sys.argv[2])))
    order = zygote.serve()
    zygote.become(order)
    atexit.register(_leave_names, order["names"], set(sys.modules))
    _execute(order["argv"])


main()
