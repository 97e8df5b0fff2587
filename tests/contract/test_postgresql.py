"""What is PostgreSQL's own: workspaces that share a server, a server that goes away and comes back, addresses."""

from __future__ import annotations

import signal
import threading
import time

import pytest
import sqlalchemy as sa

from overdrive.errors import NotFound, StoreError, SweepHeld
from overdrive.model.metrics import Point
from overdrive.model.records import SweepRecord
from overdrive.store.base import Holder, Turn, open_store
from overdrive.store.postgresql import LONGEST_NAME, schema_name


@pytest.fixture
def store(postgres):
    store = open_store(postgres)
    store.create_sweep(SweepRecord("HD_1", "digits", "hyperdrive", {}))
    yield store
    store.close()


def test_workspaces_of_one_database_do_not_see_each_other(store, postgres):
    other = open_store(f"{postgres}-other")
    assert other.sweeps() == []
    with pytest.raises(NotFound):
        other.sweep("HD_1")
    other.create_sweep(SweepRecord("HD_1", "mine", "hyperdrive", {}))
    assert (store.sweep("HD_1").experiment, other.sweep("HD_1").experiment) == ("digits", "mine")
    other.close()


def test_schema_names():
    assert schema_name("digits") == "overdrive_digits"
    hostile = [
        "Digits",
        "two words",
        "two-words",
        'a"; DROP',
        "größe",
        "x" * 200,
        "y" * 200,
        "%s",
        "\udcff",
        "",
    ]
    names = [schema_name(name) for name in hostile]
    assert len(set(names)) == len(hostile)
    for name in names:
        assert len(name) <= LONGEST_NAME and name.isascii() and name.replace("_", "").isalnum()
        assert name == name.lower()


def test_an_idle_reader_goes_on_after_the_server_was_restarted(store, postgres_server):
    store.wait(0)
    assert len(store.sweeps()) == 1
    postgres_server.stop(signal.SIGQUIT)  # as in a crash
    with pytest.raises(StoreError, match="postgresql://postgres@"):
        store.sweeps()
    with pytest.raises(StoreError):
        store.commit("HD_1", Turn())
    with pytest.raises(StoreError):
        store.wait(1)
    postgres_server.start()
    store.commit("HD_1", Turn())
    store.wait(1)
    assert store.revision("HD_1") == 1


def test_a_commit_whose_answer_is_lost_is_not_doubled(store, monkeypatch):
    dialect = store._engine.dialect
    commit, turn = dialect.do_commit, Turn(points=[("HD_1_0", Point("loss", 1.0))])

    def deaf(connection):
        commit(connection)
        raise dialect.dbapi.OperationalError("server closed the connection unexpectedly")

    with monkeypatch.context() as patch:
        patch.setattr(dialect, "do_commit", deaf)
        with pytest.raises(StoreError):
            store.commit("HD_1", turn)
    store.commit("HD_1", turn)
    assert len(store.changes("HD_1").points) == 1 and store.revision("HD_1") == 1


def test_who_waits_hears_of_a_commit_and_of_nothing_else(store, postgres):
    listener = open_store(postgres)
    listener.wait(60)  # begins to listen
    begun = time.monotonic()
    listener.wait(0.2)
    assert time.monotonic() - begun >= 0.2
    timer = threading.Timer(0.2, lambda: store.commit("HD_1", Turn()))
    timer.start()
    listener.wait(60)
    assert time.monotonic() - begun < 30
    timer.join()
    store.commit("HD_1", Turn())  # while nobody waits
    listener.wait(60)
    assert time.monotonic() - begun < 30
    listener.close()


def test_a_taker_waits_for_the_turn_that_is_being_written(store, postgres):
    """The old holder's turn is there whole, and only then it loses the sweep."""
    old, new = Holder(1, "a", "here"), Holder(2, "b", "there")
    taker = open_store(postgres)
    store.hold("HD_1", old, None)
    taken = []
    thread = threading.Thread(target=lambda: taken.append(taker.hold("HD_1", new, old)))

    @sa.event.listens_for(store._engine, "commit")
    def in_the_middle(_):
        if not taken and not thread.ident:
            thread.start()
            thread.join(0.3)
            assert not taken

    store.commit("HD_1", Turn(points=[("HD_1_0", Point("loss", 1.0))]), old)
    thread.join()
    assert taken == [True] and store.revision("HD_1") == 1
    with pytest.raises(SweepHeld, match="process 2 on there"):
        store.commit("HD_1", Turn(points=[("HD_1_0", Point("loss", 2.0))]), old)
    assert len(taker.changes("HD_1").points) == 1
    taker.close()


def test_a_newer_schema_is_refused(store, postgres):
    with store._engine.begin() as connection:
        connection.exec_driver_sql("UPDATE overdrive SET version = version + 1")
    with pytest.raises(StoreError, match="newer Overdrive"):
        open_store(postgres)


def test_a_database_that_cannot_hold_every_text_is_refused(store, postgres):
    with store._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("CREATE DATABASE narrow ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    with pytest.raises(StoreError, match="LATIN1"):
        open_store(postgres.replace("/postgres?", "/narrow?"))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ada:s3cret@127.0.0.1:1/x",
        "postgresql://ada@127.0.0.1:1/x?password=s3cret",
        "postgresql://ada:s3cret@127.0.0.1:port/x",
        "postgresql://ada:s3cret@127.0.0.1:1/x?workspace=",
        "mysql://ada:s3cret@127.0.0.1/x",
    ],
)
def test_an_address_that_does_not_answer_and_a_password_that_is_never_told(url):
    pytest.importorskip("psycopg")
    with pytest.raises(StoreError) as caught:
        open_store(url)
    assert "s3cret" not in str(caught.value)
