"""The commands for sweeps: start, look at, steer. Only their names and options; what they do is imported when
one runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .app import AutoResume, Changes, Compute, Folder, Id, Json, app


@app.command()
def submit(
    spec: Annotated[Path, typer.Argument(metavar="SPEC.yml", help="A file of `type: sweep`.")],
    detach: Annotated[bool, typer.Option("--detach", help="Return at once; the sweep goes on.")] = False,
    auto_resume: AutoResume = False,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change a value, as in limits.max_total_trials=10."),
    ] = None,
    compute: Compute = None,
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Start a sweep and watch it; Ctrl-C asks whether to cancel it or leave it running."""
    from .submit import run

    changes = [*(settings or []), *([f"compute={compute}"] if compute else [])]
    return run(spec, changes, workspace, detach=detach, auto_resume=auto_resume, as_json=as_json)


@app.command(context_settings={"allow_interspersed_args": False})
def sweep(
    command: Annotated[
        list[str],
        typer.Argument(metavar="-- COMMAND...", help="The program, with laws where values vary."),
    ],
    metric: Annotated[
        str | None,
        typer.Option("--metric", metavar="NAME", help="What the program reports, to be optimized."),
    ] = None,
    goal: Annotated[
        str | None,
        typer.Option("--goal", metavar="minimize|maximize", help="Without it, what the metric's name says."),
    ] = None,
    pattern: Annotated[
        str | None,
        typer.Option("--metric-pattern", metavar="REGEX", help="Where a line has it: 'loss is ([-0-9.e]+)'."),
    ] = None,
    runs: Annotated[int, typer.Option("--runs", metavar="N", min=1, help="At most so many runs.")] = 20,
    concurrency: Annotated[
        int | None,
        typer.Option(
            "--concurrency", metavar="N", min=1, help="Runs at once; as many as the machine has room for."
        ),
    ] = None,
    sampling: Annotated[
        str, typer.Option("--sampling", metavar="NAME", help="random, grid, sobol or bayesian.")
    ] = "random",
    policy: Annotated[
        str | None,
        typer.Option(
            "--policy", metavar="NAME:ARG=VALUE,...", help="Such as bandit:slack_factor=0.1,delay=5."
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="The experiment; the folder's name.")
    ] = None,
    max_time: Annotated[
        str | None, typer.Option("--max-time", metavar="TIME", help="For the whole sweep: 90s, 30m, 2h, 1d.")
    ] = None,
    run_time: Annotated[
        str | None, typer.Option("--run-time", metavar="TIME", help="For each run: 90s, 30m, 2h, 1d.")
    ] = None,
    retries: Annotated[
        int, typer.Option("--retries", metavar="N", min=0, help="Try a run that failed so often again.")
    ] = 0,
    seed: Annotated[
        int | None, typer.Option("--seed", metavar="N", help="The same seed draws the same values.")
    ] = None,
    constraints: Annotated[
        list[str] | None,
        typer.Option("--constraint", metavar="EXPR", help="Such as 'width * layers <= 4096'."),
    ] = None,
    params: Annotated[
        list[str] | None,
        typer.Option(
            "--param", metavar="NAME=LAW", help="A value that only templates or the program ask for."
        ),
    ] = None,
    templates: Annotated[
        list[Path] | None,
        typer.Option("--template", metavar="FILE", help="A file with {{name}} where values go."),
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option("--source", metavar="FOLDER", help="What each run gets a copy of; this folder."),
    ] = None,
    resume_from: Annotated[
        list[str] | None,
        typer.Option("--resume-from", metavar="ID", help="An earlier sweep whose runs are prior knowledge."),
    ] = None,
    compute: Compute = None,
    gpus: Annotated[
        float | None,
        typer.Option("--gpus", metavar="N", help="For each run; 0.5: two runs share a GPU."),
    ] = None,
    cores: Annotated[
        int | None, typer.Option("--cores", metavar="N", min=1, help="For each run; else an equal share.")
    ] = None,
    pin_cores: Annotated[bool, typer.Option("--pin-cores", help="Tie each run to its --cores.")] = False,
    processes: Annotated[
        int | None,
        typer.Option(
            "--processes", metavar="N", min=1, help="So many processes that train together are one run."
        ),
    ] = None,
    nodes: Annotated[
        int | None,
        typer.Option("--nodes", metavar="N", min=1, help="The machines that a run's processes are on."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="One run; show what it reports and how long a sweep takes.")
    ] = False,
    detach: Annotated[bool, typer.Option("--detach", help="Return at once; the sweep goes on.")] = False,
    auto_resume: AutoResume = False,
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Tune a command as it stands: overdrive sweep --metric loss -- python train.py --lr 'loguniform(-9, -2)'."""
    from ..adapters.commandline import Wanted
    from .sweep import run

    wanted = Wanted(
        metric=metric,
        goal=goal,
        pattern=pattern,
        runs=runs,
        concurrency=concurrency,
        sampling=sampling,
        policy=policy,
        name=name,
        max_time=max_time,
        run_time=run_time,
        retries=retries,
        seed=seed,
        constraints=tuple(constraints or ()),
        params=tuple(params or ()),
        templates=tuple(templates or ()),
        source=source,
        compute=compute,
        gpus=gpus,
        cores=cores,
        pin_cores=pin_cores,
        processes=processes,
        nodes=nodes,
    )
    if dry_run:
        from .dryrun import rehearse

        return rehearse(command, wanted, workspace, as_json=as_json)
    return run(
        command,
        wanted,
        workspace,
        resume_from=resume_from or [],
        detach=detach,
        auto_resume=auto_resume,
        as_json=as_json,
    )


@app.command("list")
def list_(
    number: Annotated[
        int, typer.Option("--number", "-n", metavar="N", min=1, help="At most so many.")
    ] = 1000,
    auto_resume: AutoResume = False,
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """List the sweeps of the workspace, newest first."""
    from .report import list_sweeps

    return list_sweeps(workspace, number, auto_resume=auto_resume, as_json=as_json)


@app.command()
def show(
    ident: Id = "last", auto_resume: AutoResume = False, as_json: Json = False, workspace: Folder = None
) -> int:
    """Show a sweep and all its runs, or one run; the newest sweep by default."""
    from .report import show_one

    return show_one(workspace, ident, auto_resume=auto_resume, as_json=as_json)


@app.command()
def best(ident: Id = "last", as_json: Json = False, workspace: Folder = None) -> int:
    """Show the best run of a sweep: its value, its parameters, its folder."""
    from .report import show_best

    return show_best(workspace, ident, as_json=as_json)


@app.command()
def logs(
    ident: Id = "last",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until it ends.")] = False,
    stdout: Annotated[bool, typer.Option("--stdout", help="Only the run's standard output.")] = False,
    stderr: Annotated[bool, typer.Option("--stderr", help="Only the run's standard error.")] = False,
    rank: Annotated[
        int, typer.Option("--rank", metavar="N", min=0, help="Of several processes, the one that is meant.")
    ] = 0,
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Print what a run has written, byte for byte; for a sweep, what happened in it."""
    from .logs import show_logs

    return show_logs(
        workspace, ident, follow=follow, stdout=stdout, stderr=stderr, as_json=as_json, rank=rank
    )


@app.command()
def cancel(
    ident: Id = "last",
    number: Annotated[
        int | None, typer.Option("--run", metavar="N", min=0, help="Only run number N of the sweep.")
    ] = None,
    wait: Annotated[bool, typer.Option(help="Wait until every process has gone.")] = True,
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """End a sweep and all its runs, or one run of it."""
    from .cancel import cancel_one

    return cancel_one(workspace, ident, number, wait=wait, as_json=as_json)


@app.command()
def pause(ident: Id = "last", as_json: Json = False, workspace: Folder = None) -> int:
    """Start no new run of a sweep; those that run go on. `resume` continues."""
    from .steer import pause_one

    return pause_one(workspace, ident, as_json=as_json)


@app.command()
def resume(
    ident: Id = "last",
    settings: Changes = None,
    every: Annotated[
        bool, typer.Option("--all", help="Every sweep of the workspace that has lost its controller.")
    ] = False,
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Go on with a sweep that is paused, has lost its controller, or has ended with budget left."""
    from .steer import resume_all, resume_one

    if every:
        return resume_all(workspace, as_json=as_json)
    return resume_one(workspace, ident, settings or [], as_json=as_json)


@app.command("set")
def set_(
    ident: Annotated[str, typer.Argument(metavar="ID", help="A sweep's id, its beginning, or `last`.")],
    changes: Annotated[
        list[str], typer.Argument(metavar="NAME=VALUE...", help="Such as max_total_runs=200.")
    ],
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Change the limits of a sweep while it runs."""
    from .steer import set_limits

    return set_limits(workspace, ident, changes, as_json=as_json)


@app.command()
def enqueue(
    ident: Annotated[str, typer.Argument(metavar="ID", help="A sweep's id, its beginning, or `last`.")],
    values: Annotated[
        list[str] | None, typer.Argument(metavar="NAME=VALUE...", help="A value of each hyperparameter.")
    ] = None,
    like: Annotated[
        int | None,
        typer.Option("--like", metavar="N", min=0, help="The values of run N where none is given."),
    ] = None,
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Ask for one run with these values, next; `--like N` alone runs N again with another seed."""
    from .steer import enqueue_one

    return enqueue_one(workspace, ident, values or [], like, as_json=as_json)
