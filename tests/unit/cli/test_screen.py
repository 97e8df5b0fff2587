"""The picture of a sweep: what stands in it, and that data is never read as markup."""

import io
from dataclasses import dataclass, field

import pytest
from rich.console import Console

from overdrive.cli.follow import Lines, ask
from overdrive.cli.screen import frame, ranked, said
from overdrive.model.metrics import PrimaryMetricGoal, Series
from overdrive.model.records import RunRecord, Status, SweepRecord
from overdrive.store.base import Message

GOAL = PrimaryMetricGoal.MINIMIZE


@dataclass
class View:
    """A sweep as the command line sees it, without a store."""

    runs: list[RunRecord]
    status: Status = Status.RUNNING
    messages: list[Message] = field(default_factory=list)
    total: int = 10
    saved: int = 0
    metric: str = "loss"
    goal: PrimaryMetricGoal = GOAL

    @property
    def sweep(self):
        config = {"limits": {"max_duration": 3600}}
        return SweepRecord("HD_1", "iris", "hyperdrive", config, self.status, started=1000.0)

    @property
    def best(self):
        valued = [run for run in self.runs if run.series.best is not None]
        return min(valued, key=lambda run: run.series.best, default=None)

    def run(self, run_id):
        return next(run for run in self.runs if run.id == run_id)


def run(number, status, values=(), **params):
    return RunRecord(f"HD_1_{number}", number, params, Series(GOAL, values), status)


def drawn(view, width=80, height=24, unicode=True):
    console = Console(file=io.StringIO(), width=width, height=height)
    console.print(frame(view, 1060.0, width, height, unicode))
    return console.file.getvalue().splitlines()


RUNS = [
    run(0, Status.COMPLETED, [0.9, 0.5], lr=0.1, opt="sgd"),
    run(1, Status.CANCELED, [0.95], lr=0.2, opt="adam"),
    run(2, Status.FAILED, lr=0.3, opt="sgd"),
    run(3, Status.RUNNING, [0.8, 0.5, 0.4], lr=0.4, opt="[red]x[/red]"),
]


def test_the_header_counts_and_estimates():
    first, second = drawn(View(RUNS))[:2]
    assert first == "HD_1  iris  Running"
    # 3 of 10 have ended after 60 seconds: 7 more take 140.
    assert second == "3 of 10 runs, 1 running, 1 stopped, 1 failed   1:00, about 2:20 left"
    assert "1 failed, 7 values saved   1:00" in drawn(View(RUNS, saved=7), width=120)[1]


def test_the_best_run_with_its_parameters_as_they_are():
    assert "best loss 0.4  run 3  lr=0.4 opt=[red]x[/red]" in [line.rstrip() for line in drawn(View(RUNS))]


def test_running_runs_stand_above_the_ended_ones_best_first():
    lines = drawn(View(RUNS))
    rows = [line.split() for line in lines if line.strip()[:1].isdigit() and "of" not in line]
    assert [row[:2] for row in rows] == [
        ["3", "Running"],
        ["0", "Completed"],
        ["1", "Canceled"],
        ["2", "Failed"],
    ]
    assert rows[0][-1] == "█▃▁"  # 0.5 is a quarter of the way up: 1.75 of 7 steps, so 2
    assert [run.number for run in ranked(View(RUNS))] == [0, 1, 2]


@pytest.mark.parametrize("width", [40, 80, 200])
@pytest.mark.parametrize("height", [10, 24])
def test_it_fits(width, height):
    many = [
        run(n, Status.COMPLETED, [float(n)] * 50, **{f"parameter_number_{k}": 0.123456789 for k in range(12)})
        for n in range(40)
    ]
    many += [run(40 + n, Status.RUNNING, [1.0], **many[0].params) for n in range(30)]
    lines = drawn(View(many, total=70), width, height)
    assert max(map(len, lines)) <= width
    if width >= 80:
        assert len(lines) <= height + 6  # the best line may be folded


def test_parameters_that_do_not_fit_are_counted():
    wide = run(0, Status.RUNNING, [1.0], **{f"p{k}": "x" * 10 for k in range(9)})
    assert any("+6" in line or "+7" in line for line in drawn(View([wide])))


def test_a_plain_terminal_gets_plain_characters():
    lines = drawn(View(RUNS), unicode=False)
    assert all(line.isascii() for line in lines)


def test_nothing_has_started():
    assert drawn(View([]))[1].startswith("0 of 10 runs   1:00")


def test_a_message_is_data():
    console = Console(file=io.StringIO(), width=80)
    console.print(said("warning", "no [bold]such[/bold] metric \x1b[31m"))
    assert console.file.getvalue() == "warning: no [bold]such[/bold] metric \\x1b[31m\n"


class TestLines:
    def test_a_line_for_each_end_and_each_message_once(self):
        lines = []
        view = View(RUNS[:1], messages=[Message(0.0, "warning", "odd")])
        screen = Lines(write=lines.append)
        screen.show(view, True)
        screen.show(view, True)
        assert lines == ["run 0 Completed (1/10) loss 0.5 lr=0.1 opt=sgd <- best so far", "warning: odd"]

    def test_a_reason_is_told(self):
        stopped = run(5, Status.CANCELED, [0.9], lr=1)
        stopped.reason = "best 0.9 at interval 1, above 0.6"
        lines = []
        Lines(write=lines.append).show(View([RUNS[0], stopped]), True)
        assert lines[-1] == "run 5 Canceled (2/10) loss 0.9 lr=1 - best 0.9 at interval 1, above 0.6"

    def test_quiet_is_only_what_went_wrong(self):
        lines = []
        messages = [Message(0.0, "info", "fine"), Message(0.0, "error", "broken")]
        Lines(quiet=True, write=lines.append).show(View(RUNS, messages=messages), True)
        assert lines == ["error: broken"]


class TestCtrlC:
    @pytest.mark.parametrize(
        ("answers", "wish"),
        [(["c\n"], "c"), (["Detach\n"], "d"), (["what\n", "\n", "g\n"], "g"), ([""], "d")],
    )
    def test_the_answer(self, answers, wish):
        given = iter(answers)
        assert ask(lambda: next(given)) == wish

    def test_a_second_one_detaches(self):
        def interrupted():
            raise KeyboardInterrupt

        assert ask(interrupted) == "d"
