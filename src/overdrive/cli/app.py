"""The application, and the options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
Compute = Annotated[
    str | None,
    typer.Option(
        "--compute", metavar="NAME", help="Where runs run: local, slurm, or a name in the settings."
    ),
]
Changes = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A larger budget: max_total_runs=200.")
]
Id = Annotated[
    str, typer.Argument(metavar="[ID]", help="A sweep's id or its beginning, or a run's (SWEEP_NUMBER).")
]


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
