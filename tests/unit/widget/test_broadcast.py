"""What a widget tells its pages: small news to all, figures to who wants them, everything to who is not heard."""

import gzip
import json

import pytest

from overdrive.errors import ComputeError
from overdrive.model.metrics import Point, PrimaryMetricGoal, Series
from overdrive.model.records import RunRecord, Status, SweepRecord
from overdrive.store.base import Change, Cursor
from overdrive.studio.feed import Feed
from overdrive.widget import broadcast
from overdrive.widget.broadcast import Conversation

CURVES = '{"show":"values"}'


class Memory:
    """As much of a store as a feed reads."""

    def __init__(self):
        config = {"primary_metric_name": "acc", "limits": {"max_total_runs": 4, "max_concurrent_runs": 2}}
        self.record = SweepRecord("HD_1", "lab", "hyperdrive", config, status=Status.RUNNING)
        self.runs, self.points, self.number = {}, [], 0

    def begin(self, number, x):
        self.runs[number] = RunRecord(
            f"HD_1_{number}", number, {"x": x}, Series(PrimaryMetricGoal.MAXIMIZE), Status.RUNNING
        )
        self.number += 1

    def log(self, number, value):
        self.points.append((f"HD_1_{number}", Point("acc", value)))
        self.number += 1

    def sweep(self, _):
        return self.record

    def revision(self, _):
        return self.number

    def holder(self, _):
        return None

    def logged(self, _):
        return {}, 0

    def changes(self, _, since):
        cursor = Cursor(self.number, len(self.points), 0)
        return Change(self.record, list(self.runs.values()), self.points[since.point :], [], cursor)


@pytest.fixture
def store():
    return Memory()


@pytest.fixture
def talk(store):
    return Conversation(Feed(store, "HD_1"), lambda: None, now=0.0)


def say(kind, view="a", **more):
    return {"kind": kind, "view": view, **more}


def kinds(told):
    return [one.message["kind"] for one in told]


def wanted(*charts):
    return say("want", charts={name: CURVES if name == "curves" else "{}" for name in charts})


def figure(outgoing):
    return json.loads(gzip.decompress(outgoing.data))


def test_a_page_that_says_hello_gets_everything_but_figures(store, talk):
    store.begin(0, 0.5)
    list(talk.turn([say("hello", "another")], 0.0))
    (whole,) = talk.turn([say("hello")], 0.1)
    assert whole.message["whole"] and [row["number"] for row in whole.message["rows"]] == [0]
    assert [chart["name"] for chart in whole.message["charts"]] == ["curves", "parallel", "scatter"]
    assert list(talk.turn([], 0.2)) == []


def test_a_new_point_is_one_small_message_and_no_figure_of_the_curves(store, talk):
    store.begin(0, 0.5)
    store.log(0, 0.25)
    first = list(talk.turn([say("hello"), wanted("curves")], 0.0))
    assert kinds(first).count("figure") == 1
    store.log(0, 0.75)
    (news,) = talk.turn([], 100.0)
    assert [point[:4] for point in news.message["points"]] == [[0, "acc", 2, 0.75]]
    assert len(json.dumps(news.message)) < 2_000


def test_reshaped_curves_and_other_charts_are_drawn_again_but_not_at_once(store, talk):
    store.begin(0, 0.5)
    store.log(0, 0.25)
    reshaped = say("want", charts={"curves": '{"show":"best so far"}', "scatter": "{}"})
    assert kinds(talk.turn([say("hello"), reshaped], 0.0)).count("figure") == 2
    store.log(0, 0.75)
    assert kinds(talk.turn([], 0.1)) == ["news"]
    again = list(talk.turn([], 60.0))
    assert [one.message["name"] for one in again] == ["curves", "scatter"]
    assert figure(again[0])["data"][0]["meta"] == {"live": 0}
    assert list(talk.turn([], 120.0)) == []


def test_what_is_no_longer_wanted_is_not_drawn(store, talk):
    store.begin(0, 0.5)
    store.log(0, 0.25)
    list(talk.turn([say("hello"), wanted("scatter")], 0.0))
    store.log(0, 0.5)
    assert kinds(talk.turn([wanted()], 60.0)) == ["news"]
    assert kinds(talk.turn([wanted("scatter")], 60.1)) == ["figure"]  # at once, for a page that waits


def test_a_page_that_is_not_heard_is_told_all_twice(store, talk):
    store.begin(0, 0.5)
    store.log(0, 0.25)
    assert kinds(talk.turn([], 0.1)) == ["news", "figure", "figure", "figure"]
    everything = ["news", "figure", "figure", "figure"]
    assert kinds(talk.turn([], 2.0)) == everything
    assert kinds(talk.turn([], 10.0)) == everything
    store.log(0, 0.5)
    assert kinds(talk.turn([], 60.0)) == ["news", "figure", "figure"]  # and goes on without being asked
    assert talk.open
    store.log(0, 0.75)
    assert kinds(talk.turn([say("hello")], 120.0)) == ["news", "news"]  # figures only to who wants them


def test_a_conversation_is_open_while_a_view_is(talk):
    list(talk.turn([say("hello", "a"), say("hello", "b")], 0.0))
    list(talk.turn([say("bye", "a")], 0.1))
    assert talk.open
    list(talk.turn([say("bye", "b")], 0.2))
    assert not talk.open


def test_it_is_over_when_the_end_and_the_last_figures_are_told(store, talk):
    store.begin(0, 0.5)
    store.log(0, 0.25)
    list(talk.turn([say("hello"), wanted("scatter")], 0.0))
    assert not talk.ended
    store.record = SweepRecord("HD_1", "lab", "hyperdrive", store.record.config, status=Status.COMPLETED)
    store.number += 1
    assert not talk.ended
    assert kinds(talk.turn([], 0.1)) == ["news"]
    assert talk.ended and not talk.over  # the scatter is still the one before
    assert kinds(talk.turn([], 60.0)) == ["figure"]
    assert talk.over


@pytest.mark.parametrize("choices", ['{"x":"nowhere"}', '{"other":"a"}', "[", "7", '"text"'])
def test_choices_that_there_are_not_are_answered_with_words(store, talk, choices):
    store.begin(0, 0.5)
    told = list(talk.turn([say("hello"), say("want", charts={"scatter": choices})], 0.0))
    assert told[-1].message["choices"] == choices
    assert told[-1].message["error"] and told[-1].data is None
    assert list(talk.turn([wanted("no such chart")], 0.1)) == []


def test_cancelling_is_answered(store):
    asked = []
    talk = Conversation(Feed(store, "HD_1"), lambda: asked.append(1), now=0.0)
    assert kinds(talk.turn([say("cancel")], 0.0)) == ["asked"]
    assert asked == [1]

    def refuse():
        raise ComputeError("no")

    talk = Conversation(Feed(store, "HD_1"), refuse, now=0.0)
    (told,) = talk.turn([say("cancel")], 0.0)
    assert told.message == {"kind": "refused", "text": "no"}


def test_a_metric_that_is_not_finite_travels(store, talk):
    store.begin(0, 0.5)
    store.log(0, float("nan"))
    told = list(talk.turn([say("hello"), wanted("curves", "parallel", "scatter")], 0.0))
    assert all(json.dumps(one.message, allow_nan=False) for one in told)
    assert PrimaryMetricGoal.MAXIMIZE.value.lower() == told[0].message["sweep"]["goal"]


def test_many_rows_travel_packed_and_a_saved_notebook_keeps_the_best(store, talk, monkeypatch):
    monkeypatch.setattr(broadcast, "MANY_ROWS", 3)
    monkeypatch.setattr(broadcast, "MOST_KEPT", 2)
    for number, value in enumerate((0.25, 0.75, 0.5)):
        store.begin(number, 0.1)
        store.log(number, value)
    store.begin(3, 0.1)
    list(talk.turn([say("hello")], 0.0))
    (whole,) = talk.turn([say("hello")], 0.1)
    assert whole.message["rows"] == []
    assert [row["number"] for row in json.loads(gzip.decompress(whole.data))] == [0, 1, 2, 3]
    assert [row["number"] for row in talk.kept()["rows"]] == [1, 2]
    store.log(3, 0.9)
    (news,) = talk.turn([], 1.0)
    assert news.data is None and [row["number"] for row in news.message["rows"]] == [3]
