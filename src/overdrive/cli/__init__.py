"""The command line. Here are the commands' names, options and manners; what they do lies in the modules
beside this one, imported when a command runs, so that `overdrive --help` answers at once.

Standard output carries the result and nothing else; progress, warnings and errors go to standard error.
Exit codes: 0 done, 1 failed, 2 wrongly called, 130 interrupted.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from ..errors import ConfigError, OverdriveError

app = typer.Typer(
    name="overdrive",
    help="Tune the hyperparameters of any training script.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON value for programs.")]
Folder = Annotated[
    Path | None,
    typer.Option(
        "--workspace",
        metavar="FOLDER",
        help="The project's folder; without it, the nearest one with a .overdrive from here upwards.",
    ),
]
AutoResume = Annotated[
    bool, typer.Option("--auto-resume", help="Go on with sweeps that have lost their controller.")
]
Changes = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A larger budget: max_total_runs=200.")
]
Id = Annotated[
    str, typer.Argument(metavar="[ID]", help="A sweep's id or its beginning, or a run's (SWEEP_NUMBER).")
]


@app.command()
def submit(
    spec: Annotated[Path, typer.Argument(metavar="SPEC.yml", help="A file of `type: sweep`.")],
    detach: Annotated[bool, typer.Option("--detach", help="Return at once; the sweep goes on.")] = False,
    auto_resume: AutoResume = False,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change a value, as in limits.max_total_trials=10."),
    ] = None,
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Start a sweep and watch it; Ctrl-C asks whether to cancel it or leave it running."""
    from .submit import run

    return run(spec, settings or [], workspace, detach=detach, auto_resume=auto_resume, as_json=as_json)


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
        typer.Option("--concurrency", metavar="N", min=1, help="Runs at once; as many as there are cores."),
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


@app.command("import")
def import_(
    kind: Annotated[str, typer.Argument(metavar="KIND", help="optuna, raytune, wandb or katib.")],
    path: Annotated[str, typer.Argument(metavar="PATH", help="A file, a folder, or a database's URL.")],
    study: Annotated[
        str | None,
        typer.Option("--study", metavar="NAME", help="Which study of a database that holds several."),
    ] = None,
    metric: Annotated[str | None, typer.Option("--metric", metavar="NAME", help="What counts.")] = None,
    goal: Annotated[
        str | None, typer.Option("--goal", metavar="minimize|maximize", help="Where it should go.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write the sweep file there.")
    ] = None,
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Take over an Optuna study, a Ray Tune experiment, a W&B or a Katib sweep."""
    from .import_ import run

    return run(kind, path, workspace, study=study, metric=metric, goal=goal, output=output, as_json=as_json)


@app.command()
def schema(
    kind: Annotated[
        str, typer.Argument(metavar="[KIND]", help="Of which files: sweep, command or component.")
    ] = "sweep",
) -> int:
    """Print the JSON schema of job files, for editors that check while one types."""
    from .schema import print_schema

    return print_schema(kind)


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
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Print what a run has written, byte for byte; for a sweep, what happened in it."""
    from .logs import show_logs

    return show_logs(workspace, ident, follow=follow, stdout=stdout, stderr=stderr, as_json=as_json)


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


@app.command("exec", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
def exec_(
    driver: Annotated[Path, typer.Argument(metavar="DRIVER.py", help="A script that imports azureml.")],
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="[ARGUMENTS]...", help="The script's own arguments.")
    ] = None,
) -> int:
    """Run a HyperDrive script as it is, with Overdrive behind its azureml imports."""
    from .exec import execute

    return execute(driver, arguments or [])


@app.command()
def replay(
    ident: Id = "last",
    policies: Annotated[
        list[str] | None,
        typer.Option("--policy", metavar="NAME:ARG=VALUE,...", help="Such as median:delay=5 or asha:eta=3."),
    ] = None,
    places: Annotated[
        int | None, typer.Option("--places", metavar="N", min=1, help="Runs at once; the sweep's own number.")
    ] = None,
    orders: Annotated[int, typer.Option("--orders", metavar="N", min=1, help="In so many orders.")] = 30,
    checkpoints: Annotated[
        bool, typer.Option("--checkpoints", help="The script keeps checkpoints: what is paused can go on.")
    ] = False,
    suggest: Annotated[bool, typer.Option("--suggest", help="Print only the policy to use.")] = False,
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Show what each policy would have saved and lost on the runs that a sweep let finish."""
    from .replay import replay_one

    return replay_one(
        workspace,
        ident,
        policies or [],
        places=places,
        orders=orders,
        checkpoints=checkpoints,
        suggest=suggest,
        as_json=as_json,
    )


@app.command()
def export(
    ident: Id = "last",
    mlflow: Annotated[
        str, typer.Option("--mlflow", metavar="URI", help="An MLflow server, or a folder or database of one.")
    ] = ...,  # type: ignore[assignment]
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Send a finished sweep with all its runs to an MLflow server."""
    from .export import export_to_mlflow

    return export_to_mlflow(workspace, ident, mlflow, as_json=as_json)


@app.command()
def doctor(
    script: Annotated[Path, typer.Argument(metavar="SCRIPT", help="A Python training script.")],
    python: Annotated[
        str | None,
        typer.Option("--python", metavar="PATH", help="The interpreter that runs it; this one by default."),
    ] = None,
    as_json: Json = False,
) -> int:
    """Say what a warm start saves a script, or why its runs start cold."""
    from .doctor import examine

    return examine(script, python, as_json=as_json)


@app.command("report")
def report_(
    ident: Id = "last",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="<id>.html here by default.")
    ] = None,
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Write a sweep, its charts and its runs as one HTML file that opens anywhere, without a network."""
    from .page import write_report

    return write_report(workspace, ident, output, as_json=as_json)


@app.command()
def studio(
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    port: Annotated[
        int | None, typer.Option("--port", metavar="N", min=0, max=65535, help="8484, or one that is free.")
    ] = None,
    host: Annotated[
        str,
        typer.Option(
            "--host", metavar="H", help="The address to listen on; beyond this machine with a token."
        ),
    ] = "127.0.0.1",
    token: Annotated[
        str | None, typer.Option("--token", metavar="T", help="What a browser must show; made up if needed.")
    ] = None,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Look only: nothing can be changed.")
    ] = False,
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Show the workspace's sweeps in a browser, live; Ctrl-C closes it."""
    from .studio import serve

    return serve(
        workspace,
        host=host,
        port=port,
        token=token,
        open_page=open_page,
        read_only=read_only,
        as_json=as_json,
    )


def _version(wanted: bool) -> None:
    if wanted:
        from .. import __version__

        typer.echo(f"overdrive {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command of these arguments (those of the process by default) and exit."""
    argv = sys.argv[1:] if arguments is None else arguments
    own = argv[: argv.index("--")] if "--" in argv else argv
    as_json = "--json" in own
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # no name may crash a terminal of another charset
    try:
        code = app(args=argv or ["--help"], prog_name="overdrive", standalone_mode=False)
        sys.stdout.flush()
    except OverdriveError as error:
        code = _fail(error, as_json, 1)
    except (KeyboardInterrupt, typer.Abort):
        code = 130
    except BrokenPipeError:
        code = 1
    except Exception as error:
        if not hasattr(error, "format_message"):  # what typer's own complaints all have
            if as_json:
                _fail(error, as_json, 1)
            raise
        code = _fail(error, as_json, 2)
    if code == 1:
        _hush_broken_pipe()
    sys.exit(code if isinstance(code, int) else 0)


def _fail(error: Exception, as_json: bool, code: int) -> int:
    message = str(error)
    if code == 2 and hasattr(error, "format_message"):
        command = getattr(getattr(error, "ctx", None), "command_path", "overdrive")
        message = f"{' '.join(error.format_message().split())} See: {command} --help"
    if as_json:
        answer: dict[str, Any] = {"error": message}
        if isinstance(error, ConfigError):
            answer["problems"] = [{"where": p.where, "what": p.what} for p in error.problems]
        print(json.dumps(answer), flush=True)
    else:
        for line in message.splitlines() or [type(error).__name__]:
            print(f"overdrive: {line}", file=sys.stderr)
    return code


def _hush_broken_pipe() -> None:
    """Nobody reads any more: let the interpreter's last flush go nowhere instead of complaining."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
