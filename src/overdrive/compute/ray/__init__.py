"""Runs on a Ray cluster, without a shared folder and without Overdrive on its nodes.

    controller --JSON lines--> bridge --> keeper --> tasks, which hold the places (CPUs, GPUs, ...) of the runs
    RayCompute                 driver     |  ^           | Unix socket
         ^                        ^       v  | claim     v
         |  the runs' own files   +-------- agents, one a node: launcher, working folders, mirror

`compute` is what a controller sees, and does not import Ray. The *bridge* is its driver, a process of its own: what
Ray does when a cluster vanishes ends the bridge and not the controller. The *keeper* is a detached actor that owns
the tasks, so that they outlive controllers. An *agent* is the actor of one node; it drives a local launcher and sends
home what the runs write. Keeper and agents are shared by all sweeps of the same code and leave when idle.

A run begins when its agent has *claimed* it from the keeper, once. An agent that the keeper has not answered for the
time of its *lease* loses its runs: its launcher, whose own lease is no longer renewed, kills them; only then does the
keeper say that they are lost, and they may be tried again.
"""
