"""How the gangs of a run's nodes find one another, and hear of each other's end.

    node 0 -- its address, in .run/gang.json or OVERDRIVE_GANG --> node k
    node k -- {"job", "node", "ports"} -----------------------> node 0
    node 0 -- {"nodes": [[host, ports], ...]}, {"end": true} -> node k
    node k -- {"failed": [code, words]}, {"over": true}, {"gone": true} --> node 0

A back end starts the gang once on each node, with OVERDRIVE_NODE_RANK = 0, 1, ... and OVERDRIVE_JOB_ID. Nodes that do
not share the run's folder also need OVERDRIVE_GANG = host:port, the same for all: a free port of node 0. Hosts are the
addresses over which the nodes have reached each other, whatever their names are. A connection that breaks is a node
that is gone. Standard library only, Python 3.8 and up.
"""

from __future__ import annotations

import json
import os
import random
import socket
import time
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from . import wire

PATIENCE = 600.0  # seconds for all nodes to come: their daemons may have to wake up first
LOOK = 0.1  # seconds between two looks for the address, and between two tries to connect
LOST = -9  # the exit code of a run whose node is gone: as if somebody had killed it
ANSWER = 10.0  # seconds for another node to take what is said to it
PORTS = (20000, 32768)  # below those that the system gives to outgoing connections

Failure = Tuple[int, str]
"""An exit code and the words for it."""


class Node(NamedTuple):
    """Where the processes of a node can be reached."""

    host: str
    ports: List[int]


class News(NamedTuple):
    """What another node says: that it has failed, or that all are to end. `lost`: node 0 is gone."""

    failure: Optional[Failure] = None
    lost: bool = False


class Party:
    """The other nodes, as the gang of one node sees them. This one has none."""

    node = 0

    def __init__(self, ports: int) -> None:
        self._ports = free_ports(ports)

    @property
    def gone(self) -> bool:
        """Whether no other node keeps this one from leaving."""
        return True

    @property
    def answers(self) -> bool:
        """Whether nobody else tells how the processes of this node have ended, so that its exit code must."""
        return True

    def meet(self) -> List[Node]:
        """All nodes, once they are there. OSError when they do not come."""
        return [Node("127.0.0.1", self._ports)]

    def hear(self) -> List[News]:
        """What the others have said since the last time."""
        return []

    def workers_over(self) -> bool:
        """The workers of this node have ended well: whether those of all nodes have."""
        return True

    def tell_failure(self, code: int, words: str) -> None:
        """A process of this node has failed."""

    def tell_end(self) -> None:
        """All are to end."""

    def leave(self) -> None:
        """Nothing of this node's is left."""


class Leader(Party):
    """Node 0 of several."""

    def __init__(self, nodes: int, folder: wire.RunFolder, ports: int) -> None:
        super().__init__(ports)
        self._nodes = nodes
        self._folder = folder
        self._links: Dict[int, _Link] = {}
        self._over: Dict[int, bool] = {}

    @property
    def gone(self) -> bool:
        return not self._links

    def meet(self) -> List[Node]:
        given = os.environ.get(wire.GANG)
        port = int(given.rpartition(":")[2]) if given else 0
        with socket.socket() as door:
            door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            door.bind(("", port))
            door.listen(self._nodes)
            door.settimeout(LOOK)
            if not given:
                card = {"hosts": _own_hosts(), "port": door.getsockname()[1]}
                wire.write_json(self._folder.gang, card)
            return self._gather(door)

    def _gather(self, door: socket.socket) -> List[Node]:
        there: Dict[int, Node] = {}
        strangers: List[_Link] = []
        deadline = time.monotonic() + PATIENCE
        while len(there) < self._nodes - 1:
            if time.monotonic() > deadline:
                come = "%d of %d nodes" % (1 + len(there), self._nodes)
                raise OSError("only %s have come within %g s" % (come, PATIENCE))
            _give_way()
            try:
                strangers.append(_Link(door.accept()[0]))
            except OSError:  # nobody has come just now
                pass
            for link in list(strangers):
                for hello in link.hear():
                    if hello.get("job") == os.environ.get(wire.JOB_ID, ""):
                        strangers.remove(link)
                        node = int(hello["node"])
                        there[node], self._links[node] = Node(link.peer, hello["ports"]), link
        own = self._links[1].own
        nodes = [Node(own, self._ports), *(there[node] for node in range(1, self._nodes))]
        for link in strangers:
            link.close()
        for link in self._links.values():
            link.say({"nodes": nodes})
        self._over = dict.fromkeys(self._links, False)
        return nodes

    def hear(self) -> List[News]:
        found = []
        for node, link in list(self._links.items()):
            for message in link.hear():
                if "failed" in message:
                    code, words = message["failed"]
                    found.append(News((code, words or "a process on node %d failed" % node)))
                self._over[node] = self._over[node] or "over" in message
                if "gone" in message:
                    self._drop(node)
            if link.lost and node in self._links:
                self._drop(node)
                found.append(News((LOST, "node %d of the run, %s, is gone" % (node, link.peer))))
        return found

    def _drop(self, node: int) -> None:
        self._links.pop(node).close()

    def workers_over(self) -> bool:
        return all(self._over.values())

    def tell_end(self) -> None:
        for link in self._links.values():
            link.say({"end": True})


class Follower(Party):
    """Any other node."""

    def __init__(self, node: int, folder: wire.RunFolder, ports: int) -> None:
        super().__init__(ports)
        self.node = node
        self._folder = folder
        self._link: Optional[_Link] = None
        self._said_over = False

    @property
    def answers(self) -> bool:
        return self._link is None

    def meet(self) -> List[Node]:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            _give_way()
            for address in self._addresses():
                try:
                    link = _Link(socket.create_connection(address, ANSWER))
                except OSError:
                    continue
                link.say({"job": os.environ.get(wire.JOB_ID, ""), "node": self.node, "ports": self._ports})
                nodes = self._all(link, deadline)
                if nodes:
                    self._link = link
                    return nodes
                link.close()
            time.sleep(LOOK)
        raise OSError("node 0 of the run cannot be reached within %g s" % PATIENCE)

    def _addresses(self) -> List[Tuple[str, int]]:
        given = os.environ.get(wire.GANG)
        if given:
            host, _, port = given.rpartition(":")
            return [(host.strip("[]"), int(port))]
        card = wire.read_json(self._folder.gang)
        return [(host, card["port"]) for host in card["hosts"]] if isinstance(card, dict) else []

    @staticmethod
    def _all(link: _Link, deadline: float) -> List[Node]:
        """What node 0 answers when all are there; nothing when it is gone, or is somebody else."""
        while time.monotonic() < deadline and not link.lost:
            _give_way()
            for message in link.hear():
                if "nodes" in message:
                    return [Node(*node) for node in message["nodes"]]
            time.sleep(LOOK)
        return []

    def hear(self) -> List[News]:
        if self._link is None:
            return []
        found = [News() for message in self._link.hear() if "end" in message]
        return [*found, News(lost=True)] if self._link.lost else found

    def workers_over(self) -> bool:
        if self._link is not None and not self._said_over:
            self._said_over = True
            self._link.say({"over": True})
        return False

    def tell_failure(self, code: int, words: str) -> None:
        if self._link is not None:
            self._link.say({"failed": [code, words]})

    def leave(self) -> None:
        if self._link is not None:
            self._link.say({"gone": True})
            self._link.close()


class _Link:
    """One connection: JSON, a line each."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._inbox = b""
        self.lost = False
        self.own, self.peer = connection.getsockname()[0], connection.getpeername()[0]
        connection.setblocking(False)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, seconds in (("TCP_KEEPIDLE", 15), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3)):
            if hasattr(socket, name):
                connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), seconds)

    def say(self, message: Dict[str, Any]) -> None:
        """Send it; who does not take it is lost."""
        self._socket.settimeout(ANSWER)
        try:
            self._socket.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            self.lost = True
        self._socket.setblocking(False)

    def hear(self) -> List[Dict[str, Any]]:
        """The whole messages that have come; never waits."""
        while not self.lost:
            try:
                data = self._socket.recv(1 << 16)
            except BlockingIOError:
                break
            except OSError:
                data = b""
            self._inbox += data
            self.lost = not data or len(self._inbox) > 1 << 20
        *lines, self._inbox = self._inbox.split(b"\n")
        messages = []
        for line in lines:
            try:
                messages.append(json.loads(line.decode()))
            except ValueError:  # a stranger at our door
                self.lost = True
        return [message for message in messages if isinstance(message, dict)]

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


def party(nodes: int, folder: wire.RunFolder, ports: int) -> Party:
    """The others, for the gang of this node, which wants so many ports."""
    if nodes == 1:
        return Party(ports)
    node = own_node()
    return Follower(node, folder, ports) if node else Leader(nodes, folder, ports)


def own_node() -> int:
    """The number of this node, from 0."""
    return int(os.environ.get(wire.NODE_RANK, "0"))


def free_ports(number: int) -> List[int]:
    """Ports of this machine that nobody listens at; drawn, so that two runs do not draw the same."""
    found: List[int] = []
    draw = random.Random(os.urandom(8))
    while len(found) < number:
        port = draw.randrange(*PORTS)
        with socket.socket() as probe:
            try:
                probe.bind(("", port))
            except OSError:
                continue
        if port not in found:
            found.append(port)
    return found


def _own_hosts() -> List[str]:
    """By what names other machines may reach this one, the best first."""
    found = [socket.gethostname()]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # nothing is sent; the system says over which address it would
            found.append(probe.getsockname()[0])
        except OSError:
            pass
    return found


def _give_way() -> None:
    """A TERM that comes meanwhile ends this process, though the gang has put it off."""
    import signal

    if signal.sigpending() & {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}:
        os._exit(128 + signal.SIGTERM)
