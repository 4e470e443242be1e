from __future__ import annotations

import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from balise.errors import StackUnavailable
from balise.stack import Endpoints, Stack
from balise.stack.process import cmdline

ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.stack


SETTINGS = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "data_checksums": "on",
    "jit": "off",
    "timescaledb.telemetry_level": "off",
}


def write(url: str, text: str) -> None:
    with psycopg.connect(url) as db:
        db.execute("CREATE TABLE IF NOT EXISTS kept (at timestamptz, text text)")
        db.execute("INSERT INTO kept VALUES (now(), %s)", [text])


def kept(url: str) -> list[str]:
    with psycopg.connect(url) as db:
        return [row[0] for row in db.execute("SELECT text FROM kept ORDER BY at")]


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2].partition("/")[0])


def answers(endpoints: Endpoints) -> bool:
    with psycopg.connect(endpoints.database_url) as db:
        return db.execute("SELECT 1").fetchone() == (1,)


def test_data_and_addresses_are_kept_from_one_start_to_the_next(home: Path):
    stack = Stack(home, prefect=False)
    first = stack.start()
    write(first.database_url, "kept")
    stack.stop()
    stack.stop()
    assert stack.pid("postgres") == stack.pid("broker") == 0
    with Stack(home, prefect=False) as again:
        assert again.endpoints == first
        assert kept(first.database_url) == ["kept"]
        assert again.endpoints.prefect_api_url == ""


def test_timescaledb_and_the_contrib_extensions_are_there(home: Path):
    with Stack(home, prefect=False) as stack:
        url = stack.endpoints.database_url
        with psycopg.connect(url) as db:
            db.execute("CREATE TABLE reading (at timestamptz NOT NULL, value float8)")
            db.execute("SELECT create_hypertable('reading', by_range('at'))")
            db.execute("INSERT INTO reading VALUES ('2026-03-29 01:30Z', 1), ('2026-06-01Z', 2)")
            chunks = db.execute("SELECT count(*) FROM show_chunks('reading')").fetchone()
            found = {row[0] for row in db.execute("SELECT extname FROM pg_extension")}
            settings = {name: db.execute(f"SHOW {name}").fetchone() for name in SETTINGS}
        assert chunks == (2,)
        assert found >= {"timescaledb", "btree_gist"}
        assert settings == {name: (value,) for name, value in SETTINGS.items()}


def test_a_killed_database_starts_again_on_its_port_with_what_was_committed(home: Path):
    with Stack(home, prefect=False) as stack:
        url = stack.endpoints.database_url
        for number in range(3):
            write(url, f"committed {number}")
            # A backend of the killed server that still works is what a restart has to wait for.
            with psycopg.connect(url) as busy:
                busy.execute("SELECT 1")
                os.kill(stack.pid("postgres"), signal.SIGKILL)
                while stack.pid("postgres"):
                    time.sleep(0.01)
                stack.restart("postgres")
                busy.close()
        assert kept(url) == ["committed 0", "committed 1", "committed 2"]
        assert stack.endpoints.database_url == url


def test_only_the_loopback_is_listened_on_and_only_with_the_password(home: Path):
    with Stack(home, prefect=False) as stack:
        url = stack.endpoints.database_url
        wrong = re.sub(":[^:@]*@", ":wrong@", url)
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(wrong)
        with psycopg.connect(url) as db:
            listening = db.execute("SHOW listen_addresses").fetchone()
            sockets = db.execute("SHOW unix_socket_directories").fetchone()
        assert (listening, sockets) == (("127.0.0.1",), ("",))
        for secret in (home / "secrets").iterdir():
            assert stat.S_IMODE(secret.stat().st_mode) == 0o600
            assert secret.read_bytes() not in b"".join(
                log.read_bytes() for log in (home / "log").iterdir()
            )


def test_a_half_made_data_folder_is_set_aside(home: Path):
    half = home / "postgres" / "data"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("17\n")
    with Stack(home, prefect=False) as stack:
        assert answers(stack.endpoints)
    aside = list(half.parent.glob("data.unfinished-*/PG_VERSION"))
    assert len(aside) == 1


def test_a_run_killed_while_it_makes_the_database_is_begun_again(home: Path):
    run = subprocess.Popen(
        [sys.executable, "-c", DIES, str(home)], stdout=subprocess.DEVNULL, cwd=ROOT
    )
    while not (home / "postgres" / "data" / "base").exists():
        assert run.poll() is None
        time.sleep(0.005)
    run.kill()
    run.wait()
    with Stack(home, prefect=False) as stack:
        assert answers(stack.endpoints)


def test_no_password_is_shown_with_the_addresses(home: Path):
    with Stack(home, prefect=False) as stack:
        shown = repr(stack.endpoints)
    for secret in (home / "secrets").iterdir():
        assert secret.read_text() not in shown


def test_a_port_taken_meanwhile_is_left_to_its_taker(home: Path):
    with Stack(home, prefect=False) as stack:
        before = stack.endpoints
    taken = (port_of(before.database_url), port_of(before.mqtt_url))
    with (
        socket.create_server(("127.0.0.1", taken[0])),
        socket.create_server(("127.0.0.1", taken[1])),
    ):
        with Stack(home, prefect=False) as stack:
            after = stack.endpoints
            assert answers(after)
        assert port_of(after.database_url) not in taken
        assert port_of(after.mqtt_url) not in taken


def test_a_restart_on_a_port_that_another_program_took_is_explained(
    home: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("balise.stack.ports.await_free.__defaults__", (0.2,))
    with Stack(home, prefect=False) as stack:
        port = port_of(stack.endpoints.mqtt_url)
        os.kill(stack.pid("broker"), signal.SIGKILL)
        while stack.pid("broker"):
            time.sleep(0.01)
        with (
            socket.create_server(("127.0.0.1", port)),
            pytest.raises(StackUnavailable, match=f"Port {port} is held by another program"),
        ):
            stack.restart("broker")
        stack.restart("broker")


def test_a_second_process_in_the_same_home_is_told_who_runs_it(home: Path):
    with (
        Stack(home, prefect=False) as stack,
        pytest.raises(StackUnavailable, match=f"already running, pid {os.getpid()};"),
    ):
        Stack(home, prefect=False).start()
    assert stack.pid("postgres") == 0


def test_two_homes_run_side_by_side(new_home: Callable[[], Path]):
    with Stack(new_home(), prefect=False) as one, Stack(new_home(), prefect=False) as two:
        write(one.endpoints.database_url, "one")
        write(two.endpoints.database_url, "two")
        assert kept(one.endpoints.database_url) == ["one"]
        assert len({one.pid("postgres"), two.pid("postgres"), 0}) == 3


DIES = """
import os, signal, sys
from pathlib import Path
from balise.stack import Stack
stack = Stack(Path(sys.argv[1]), prefect=False)
endpoints = stack.start()
print(stack.pid("postgres"), stack.pid("broker"), endpoints.database_url, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_run_left_behind_is_stopped_first(home: Path):
    dead = subprocess.run(
        [sys.executable, "-c", DIES, str(home)],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert dead.returncode == -signal.SIGKILL
    *pids, url = dead.stdout.split()
    assert all(cmdline(int(pid)) for pid in pids)
    write(url, "after the death")
    with Stack(home, prefect=False) as stack:
        assert not any(cmdline(int(pid)) for pid in pids)
        assert stack.endpoints.database_url == url
        assert kept(url) == ["after the death"]


def test_a_lock_file_naming_a_stranger_does_not_stop_the_database(home: Path):
    with Stack(home, prefect=False) as stack:
        lock = home / "postgres" / "data" / "postmaster.pid"
        text = lock.read_text()
        os.kill(stack.pid("postgres"), signal.SIGKILL)
        while stack.pid("postgres"):
            time.sleep(0.01)
        # The pid went to a process of the same user, which is what PostgreSQL can't tell apart.
        stranger = subprocess.Popen(
            ["sleep", "60"], user=lock.stat().st_uid if not os.geteuid() else None
        )
        lock.write_text(text.replace(text.split("\n")[0], str(stranger.pid), 1))
        stack.restart("postgres")
        assert answers(stack.endpoints)
        assert stranger.poll() is None
        stranger.kill()
        stranger.wait()


@pytest.mark.parametrize("torn", [b"", bytes(90)], ids=["empty", "NUL bytes"])
def test_a_lock_file_torn_by_a_power_cut_does_not_stop_the_database(home: Path, torn: bytes):
    with Stack(home, prefect=False) as stack:
        os.kill(stack.pid("postgres"), signal.SIGKILL)
        while stack.pid("postgres"):
            time.sleep(0.01)
        (home / "postgres" / "data" / "postmaster.pid").write_bytes(torn)
        stack.restart("postgres")
        assert answers(stack.endpoints)


def test_a_lost_password_is_an_error_that_says_where_it_belongs(home: Path):
    with Stack(home, prefect=False):
        pass
    (home / "secrets" / "postgres").unlink()
    with pytest.raises(StackUnavailable, match="put secrets/postgres back"):
        Stack(home, prefect=False).start()


def test_data_that_is_gone_is_not_replaced_by_an_empty_database(home: Path):
    with Stack(home, prefect=False):
        pass
    data = home / "postgres" / "data"
    data.rename(data.with_name("elsewhere"))
    with pytest.raises(StackUnavailable, match="is gone"):
        Stack(home, prefect=False).start()
    data.with_name("elsewhere").rename(data)
    with Stack(home, prefect=False) as stack:
        assert answers(stack.endpoints)


def test_data_of_another_postgresql_is_not_touched(home: Path):
    with Stack(home, prefect=False):
        pass
    (home / "postgres" / "data" / "PG_VERSION").write_text("12\n")
    with pytest.raises(StackUnavailable, match="was made by PostgreSQL 12"):
        Stack(home, prefect=False).start()


def test_a_start_that_fails_leaves_nothing_running_and_the_home_free(
    home: Path, monkeypatch: pytest.MonkeyPatch
):
    stack = Stack(home, prefect=False)
    with monkeypatch.context() as patch:
        patch.setattr("balise.stack.broker.TEMPLATES", Path("/nowhere"))
        with pytest.raises(StackUnavailable, match="runs from a checkout"):
            stack.start()
    assert stack.pid("postgres") == 0
    assert answers(stack.start())
    stack.stop()


def test_prefect_runs_on_its_own_database_and_comes_back_on_its_port(home: Path):
    with Stack(home) as stack:
        stack.wait_prefect()
        before = stack.endpoints
        admin = before.database_url
        with psycopg.connect(admin.removesuffix("balise") + "prefect") as db:
            flows = db.execute("SELECT count(*) FROM flow").fetchone()
            owner = db.execute(
                "SELECT tableowner FROM pg_tables WHERE tablename = 'flow'"
            ).fetchone()
        assert (flows, owner) == ((0,), ("prefect",))
        os.kill(stack.pid("prefect"), signal.SIGKILL)
        while stack.pid("prefect"):
            time.sleep(0.01)
        stack.restart("prefect")
        stack.wait_prefect()
        assert stack.endpoints == before
    assert stack.pid("prefect") == 0


ORDINARY = """
import os, sys
from pathlib import Path
import psycopg
from balise.stack import Stack
with Stack(Path(sys.argv[1]), prefect=False) as stack:
    with psycopg.connect(stack.endpoints.database_url) as db:
        db.execute("CREATE TABLE reading (at timestamptz NOT NULL, value float8)")
        db.execute("SELECT create_hypertable('reading', by_range('at'))")
    for part in ("postgres", "broker"):
        print(Path(f"/proc/{stack.pid(part)}").stat().st_uid)
"""


def open_python() -> str:
    """Return a Python of this version that `nobody` can run: the venv's may lie under /root."""
    ask = "import sys; print(sys.version_info[:2])"
    for python in (sys.executable, "/usr/bin/python3"):
        try:
            done = subprocess.run(
                [python, "-c", ask], check=False, capture_output=True, text=True, user=65534
            )
        except OSError:
            continue
        if done.stdout.strip() == str(sys.version_info[:2]):
            return python
    pytest.skip("no Python of this version that `nobody` can run")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_an_ordinary_user_runs_everything_as_themselves(home: Path):
    home.mkdir()
    os.chown(home, 65534, 65534)
    done = subprocess.run(
        [open_python(), "-B", "-W", "error", "-c", ORDINARY, str(home)],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
        user=65534,
        group=65534,
        extra_groups=[],
        env=os.environ | {"HOME": str(home), "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.stderr == ""
    assert done.stdout.split() == ["65534", "65534"]
    with pytest.raises(StackUnavailable, match="belongs to another user"):
        Stack(home, prefect=False).start()


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user's servers run as themselves")
def test_roots_servers_run_as_an_unprivileged_user(home: Path):
    with Stack(home, prefect=False) as stack:
        owners = [Path(f"/proc/{stack.pid(part)}").stat().st_uid for part in ("postgres", "broker")]
    assert 0 not in owners


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user's servers run as themselves")
def test_a_home_the_servers_of_root_cannot_reach_is_explained(tmp_path: Path):
    tmp_path.chmod(0o700)
    with pytest.raises(StackUnavailable, match="can't be reached by user"):
        Stack(tmp_path / "home", prefect=False).start()
