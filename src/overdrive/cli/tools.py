"""The commands around sweeps: other formats and tools, what-ifs, pages. Only their names and options; what they do
is imported when one runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .app import Folder, Id, Json, app


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
    script: Annotated[
        Path | None, typer.Argument(metavar="[SCRIPT]", help="A Python training script.")
    ] = None,
    compute: Annotated[
        str | None,
        typer.Option("--compute", metavar="NAME", help="Try this compute target with a small run instead."),
    ] = None,
    python: Annotated[
        str | None,
        typer.Option("--python", metavar="PATH", help="The interpreter that runs it; this one by default."),
    ] = None,
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Say what a warm start saves a script, or why its runs start cold; or whether a compute target works."""
    if (script is None) == (compute is None):
        raise typer.BadParameter("give a SCRIPT, or --compute NAME")
    if compute is not None:
        from .targets import try_target

        return try_target(workspace, compute, as_json=as_json)
    assert script is not None
    from .doctor import examine

    return examine(script, python, as_json=as_json)


_compute = typer.Typer(help="Where runs can run.", rich_markup_mode=None)
app.add_typer(_compute, name="compute")


@_compute.command("list")
def compute_list(as_json: Json = False, workspace: Folder = None) -> int:
    """List this machine and the targets of the settings: free places, health."""
    from .targets import list_targets

    return list_targets(workspace, as_json=as_json)


_store = typer.Typer(help="Where a workspace keeps its memory.", rich_markup_mode=None)
app.add_typer(_store, name="store")


@_store.command("copy")
def store_copy(
    source: Annotated[
        str, typer.Argument(metavar="FROM", help="A store's URL, an SQLite file, or a project's folder.")
    ],
    target: Annotated[str, typer.Argument(metavar="TO", help="The same; it must not hold anything yet.")],
    as_json: Json = False,
    workspace: Folder = None,
) -> int:
    """Copy all that one store holds into another, and check each row."""
    from .store import copy

    return copy(workspace, source, target, as_json=as_json)


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
