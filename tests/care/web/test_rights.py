"""What each role may do in the database, to the column: a right nobody named is a failure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest
from psycopg import sql as build

from flows import asked
from sql import asked as wishes
from sql import people
from sql.refused import Which
from sql.roles import Role, connect

pytestmark = pytest.mark.stack

WRITES = """
SELECT relname, coalesce(attname, ''), privilege
FROM pg_class
CROSS JOIN unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE']) AS privilege
LEFT JOIN pg_attribute ON attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped
   AND privilege = 'UPDATE' AND has_column_privilege(%(role)s, pg_class.oid, attname, 'UPDATE')
   AND NOT has_table_privilege(%(role)s, pg_class.oid, 'UPDATE')
WHERE relnamespace IN ('public'::regnamespace, 'followed'::regnamespace) AND relkind IN ('r', 'v')
  AND (attname IS NOT NULL OR has_table_privilege(%(role)s, pg_class.oid, privilege)
       OR privilege = 'INSERT' AND has_any_column_privilege(%(role)s, pg_class.oid, 'INSERT'))
"""

DEFINERS = """
SELECT proname FROM pg_proc
WHERE prosecdef AND pronamespace = 'public'::regnamespace AND prorettype <> 'trigger'::regtype
  AND proname NOT LIKE 'ts\\_%%' AND has_function_privilege(%(role)s, oid, 'EXECUTE')
"""

READS = """
SELECT relname, attname FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
WHERE relnamespace IN ('public'::regnamespace, 'followed'::regnamespace)
  AND relkind IN ('r', 'v', 'p', 'm') AND attnum > 0 AND NOT attisdropped
  AND relname NOT LIKE 'geo%%' AND has_column_privilege(%(role)s, pg_class.oid, attname, 'SELECT')
"""


@pytest.fixture
def database(populated: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(populated, autocommit=True) as connection:
        yield connection


def may(database: psycopg.Connection, question: str, role: str) -> set[str]:
    rows = database.execute(question.encode(), {"role": role}).fetchall()
    return {" ".join(filter(None, row)) for row in rows}


PAGES_WRITE = {
    "consent INSERT", "dirty_subject INSERT", "dirty_subject UPDATE",
    "dirty_window generation UPDATE", "dirty_window touched_at UPDATE", "early_warning INSERT",
    "identity birth_date UPDATE", "identity birth_place UPDATE", "identity family UPDATE",
    "identity given UPDATE", "identity ins UPDATE", "identity ins_kind UPDATE",
    "identity phone UPDATE",
    "identity sex UPDATE", "identity status UPDATE", "invite used_at UPDATE",
    "invite used_key UPDATE", "invite_refusal DELETE", "invite_refusal INSERT",
    "login language UPDATE", "looked INSERT", "message INSERT", "note INSERT", "pause INSERT",
    "pause last_day UPDATE", "pause withdrawn_at UPDATE", "pause withdrawn_by UPDATE",
    "plan INSERT", "sign_in_refused DELETE", "sign_in_refused INSERT",
    "signal changed_at UPDATE", "signal state UPDATE", "signal told UPDATE",
    "signal_event INSERT",
    "source_preference INSERT", "subject pathway UPDATE", "team_member INSERT",
    "team_member left_at UPDATE",
}  # fmt: skip
KEEPER_WRITES = {
    "asked_replay INSERT", "looked boxes UPDATE", "refused changed_at UPDATE",
    "refused note UPDATE", "refused state UPDATE", "refused who UPDATE", "refused_event INSERT",
}  # fmt: skip
RECEIVER_WRITES = {
    "gateway last_contact_at UPDATE", "landing INSERT", "landing_batch INSERT", "receipt INSERT",
    "receipt UPDATE",
}  # fmt: skip
KEEPER_READS = {
    "asked_replay", "assignment", "device", "looked", "mapping", "refused", "refused_event",
    "signal", "signal_event", "subject",
}  # fmt: skip
WATCH_READS = {
    "account accepted", "account batch", "account conflicting", "account duplicate",
    "account landed", "account refused", "backup made_at", "dirty_window day",
    "dirty_window done", "dirty_window generation", "dirty_window last_at",
    "dirty_window touched_at", "dirty_subject assess_failed_at", "dirty_subject assessed",
    "dirty_subject generation", "dirty_subject summarise_failed_at", "dirty_subject summarised",
    "dirty_subject assess_since", "dirty_subject summarise_since", "contact name",
    "contact since", "flow_done at", "flow_done flow",
    "gateway last_contact_at", "gateway name", "gateway known_at", "gateway shut_out",
    "invite gateway", "invite used_at",
    "landing_batch backlog", "landing_batch id", "landing_batch messages",
    "landing_batch received_at", "landing_batch validated_at", "outbox queued_at",
    "outbox state", "outbox subject", "refused reason", "refused state",
    "schema_migration number", "signal raised_at", "signal state", "withheld subject",
}  # fmt: skip
OF_WHOM_NOBODY_FOLLOWS = {
    "subject id", "subject time_zone", "signal id", "signal rule", "signal state",
    "signal raised_at", "signal_event signal", "signal_event at", "signal_event who",
    "signal_event state", "signal_event reason", "looked id", "looked subject", "looked at",
    "looked boxes",
}  # fmt: skip
"""What a keeper reads of tables that hold values or names: none of either."""
FLOWS_WRITE = {
    "account", "asked_replay", "backfill", "dirty_subject", "dirty_window", "duplicate", "finding",
    "flow_done", "landing", "landing_batch", "landing_dropped", "looked", "outbox", "packed_beside",
    "packed_reading", "reading_revision", "receipt", "refused", "refused_event", "replay", "rollup",
    "series", "signal", "signal_event", "source", "summary", "window_last", "window_recheck",
}  # fmt: skip
"""What was measured and what follows from it; of people nothing."""
FLOWS_READ = FLOWS_WRITE | {
    "assignment", "backup", "consent", "device", "gateway", "identity", "mapping", "message",
    "pause", "plan", "reading", "schema_migration", "source_preference", "subject", "team_member",
    "well", "withheld",
}  # fmt: skip
"""A name goes into what is delivered; nobody's password, note or look is among them."""
RECEIVER_READS = {"gateway", "landing_batch", "receipt", "schema_migration"}
PAGES_READ_WHOLE = {
    "invite", "invite_refusal", "landing_batch", "landing_dropped", "login", "panel",
    "schema_migration", "sign_in_refused", "well",
}  # fmt: skip
"""What the pages read without a policy that asks who looks; `well` asks as whoever reads it."""
PAGES_DO_AS_OWNER = {
    "account_of_link", "account_outside", "accounts_for_admin", "acting", "audit_acting",
    "close_session", "end_helper", "enrol_patient", "followed", "follows_everyone",
    "follows_message", "helped_figures", "helped_patient", "invite_account", "invite_first",
    "invite_helper", "open_in_emergency", "open_session", "own_panels", "passkey_add",
    "passkey_answered", "passkey_ask", "passkey_handle", "passkey_of", "passkey_remove",
    "passkey_used", "passkeys_own", "password_of", "shut_account", "use_link", "use_link_outside",
    "visitor",
}  # fmt: skip


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        (Role.WEB, PAGES_WRITE),
        (Role.KEEP, KEEPER_WRITES),
        (Role.RECEIVE, RECEIVER_WRITES),
        (Role.WATCH, set()),
    ],
)
def test_a_role_writes_what_is_named_here_and_nothing_else(
    database: psycopg.Connection, role: Role, expected: set[str]
):
    assert may(database, WRITES, role) == expected


def tables(database: psycopg.Connection, question: str, role: Role) -> set[str]:
    return {one.split()[0] for one in may(database, question, role)}


def test_the_flows_write_what_was_measured_and_nobody_s_name(database: psycopg.Connection):
    assert tables(database, WRITES, Role.FLOWS) == FLOWS_WRITE


@pytest.mark.parametrize(
    ("role", "expected"), [(Role.FLOWS, FLOWS_READ), (Role.RECEIVE, RECEIVER_READS)]
)
def test_the_line_reads_what_is_named_here_and_nothing_else(
    database: psycopg.Connection, role: Role, expected: set[str]
):
    followed = {"reading", "rollup", "source", "finding", "duplicate", "landing"}
    assert tables(database, READS, role) - followed == expected - followed


def test_what_the_pages_read_asks_who_looks(database: psycopg.Connection):
    rows = database.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        " AND relkind IN ('r', 'v', 'p', 'm') AND relname NOT LIKE 'geo%%' AND NOT relrowsecurity"
        " AND has_any_column_privilege(%s, oid, 'SELECT')",
        (Role.WEB,),
    ).fetchall()
    assert {name for (name,) in rows} == PAGES_READ_WHOLE
    barred = database.execute(
        "SELECT count(*) FROM information_schema.columns WHERE table_schema = 'public'"
        " AND column_name IN ('subject', 'family', 'value', 'text') AND table_name = ANY(%s)",
        ([*PAGES_READ_WHOLE - {"well"}],),
    ).fetchone()
    assert barred == (0,)


@pytest.mark.parametrize(
    "question",
    [
        "SELECT FROM followed()",
        "SELECT FROM own_panels()",
        "SELECT FROM helped_patient() WHERE id IS NOT NULL",
        "SELECT FROM helped_figures()",
        "SELECT FROM accounts_for_admin()",
        "SELECT FROM passkeys_own()",
        "SELECT WHERE follows_everyone()",
    ],
)
def test_what_the_pages_do_as_owner_tells_nobody_anything(populated: str, question: str):
    with connect(populated, Role.WEB, session="nobody's") as pages:
        assert pages.execute(question.encode()).fetchall() == []


def test_a_keeper_reads_no_name_and_no_value(database: psycopg.Connection):
    read = may(database, READS, Role.KEEP)
    assert {one.split()[0] for one in read} == KEEPER_READS
    guarded = ("subject ", "signal ", "signal_event ", "looked ")
    assert {one for one in read if one.startswith(guarded)} == OF_WHOM_NOBODY_FOLLOWS


def test_who_counts_reads_what_it_counts(database: psycopg.Connection):
    assert may(database, READS, Role.WATCH) == WATCH_READS


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        (Role.RECEIVE, set()),
        (Role.WATCH, set()),
        (Role.FLOWS, {"audit_line", "drop_landing_day", "pack_landing", "refused_message"}),
        (Role.KEEP, {"refused_message"}),
        (Role.WEB, PAGES_DO_AS_OWNER),
    ],
)
def test_a_role_does_with_its_owner_s_rights_what_is_named_here(
    database: psycopg.Connection, role: Role, expected: set[str]
):
    assert may(database, DEFINERS, role) == expected
    assert role is Role.WEB or not PAGES_DO_AS_OWNER & expected


def test_the_pages_may_become_the_keeper_and_nobody_else(
    database: psycopg.Connection, populated: str
):
    rows = database.execute(
        "SELECT rolname FROM pg_roles WHERE pg_has_role('balise_web', oid, 'MEMBER')"
    ).fetchall()
    assert {name for (name,) in rows} == {"balise_web", "balise_keep"}
    with connect(populated, Role.KEEP) as keeper:
        for table in ("reading", "rollup", "identity", "landing", "summary", "note", "login"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                keeper.execute(f"SELECT * FROM {table}".encode())  # noqa: S608


def test_no_right_to_write_reaches_a_stranger_s_patient(
    database: psycopg.Connection, populated: str, nurse: httpx.Client
):
    """Every table with a patient's number that the pages may write, by a session of nobody's."""
    stranger = people.add_subject(database, "p-nobody-follows", pathway="heart_failure")
    database.execute("UPDATE panel SET everyone = false")
    token = nurse.cookies.get("balise_session", "")
    try:
        with connect(populated, Role.WEB, session=token) as pages:
            tried = [one for one in sorted(PAGES_WRITE) if _is_of_patients(database, one)]
            assert len(tried) > 20
            for right in tried:
                _refused(pages, right, stranger)
    finally:
        database.execute("UPDATE panel SET everyone = true")


def _is_of_patients(database: psycopg.Connection, right: str) -> bool:
    table = right.split(maxsplit=1)[0]
    row = database.execute(
        "SELECT EXISTS (SELECT FROM information_schema.columns WHERE table_schema = 'public'"
        " AND table_name = %s AND column_name = 'subject')",
        (table,),
    ).fetchone()
    return table == "subject" or row == (True,)


def _refused(pages: psycopg.Connection, right: str, stranger: int) -> None:
    """Hold that a write to a stranger's row changes none, or is refused by its policy."""
    table, *column, privilege = right.split()
    key = "id" if table == "subject" else "subject"
    if privilege == "INSERT":
        insert = build.SQL("INSERT INTO public.{} (subject) VALUES (%s)")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
            pages.execute(insert.format(build.Identifier(table)), (stranger,))
        return
    name = build.Identifier(column[0] if column else key)
    update = build.SQL("UPDATE public.{} SET {} = {} WHERE {} = %s").format(
        build.Identifier(table), name, name, build.Identifier(key)
    )
    assert pages.execute(update, (stranger,)).rowcount == 0, right


def test_the_bytes_of_what_was_read_are_not_the_keeper_s(
    database: psycopg.Connection, populated: str, refusals: int
):
    (read,) = database.execute(
        "SELECT id FROM landing WHERE id NOT IN (SELECT landing FROM refused) LIMIT 1"
    ).fetchall()[0]
    question = b"SELECT length(payload) FROM refused_message(%s)"
    with connect(populated, Role.KEEP) as keeper:
        assert keeper.execute(question, (refusals,)).fetchone()
        assert keeper.execute(question, (read,)).fetchone() is None


def test_a_wish_that_no_flows_answer_waits_for_them(
    database: psycopg.Connection, populated: str, refusals: int
):
    with connect(populated, Role.KEEP) as keeper:
        number = wishes.ask(keeper, Which(reason="device_unknown"), who="keeper")
        assert wishes.answer(keeper, number, 0) is None
        with connect(populated, Role.FLOWS) as line:
            assert asked.work(line) == 1
            assert asked.work(line) == 0
        answer = wishes.answer(keeper, number, 0)
    assert answer == {"found": 0, "changed": 0, "still": 1, "more": False, "failed": False}


def test_a_wish_that_fails_holds_up_no_other_and_is_told(
    database: psycopg.Connection,
    populated: str,
    refusals: int,
    monkeypatch: pytest.MonkeyPatch,
):
    real = asked.replay.replay

    def broken(connection: Any, meant: Any, *more: Any, **named: Any) -> Any:
        if meant.reason:
            raise ZeroDivisionError
        return real(connection, meant, *more, **named)

    monkeypatch.setattr(asked.replay, "replay", broken)
    with connect(populated, Role.KEEP) as keeper, connect(populated, Role.FLOWS) as line:
        first = wishes.ask(keeper, Which(reason="device_unknown"), who="keeper")
        second = wishes.ask(keeper, Which(landing=refusals), who="keeper")
        assert [asked.work(line) for _ in range(4)] == [0, 1, 0, 0]
        failed, done = (wishes.answer(keeper, one, 0) for one in (first, second))
        assert (failed and failed["failed"], done and done["failed"]) == (True, False)
        assert asked.work(line) == 0


def test_one_process_at_a_time_does_what_is_asked_for(
    database: psycopg.Connection, populated: str, refusals: int
):
    with connect(populated, Role.KEEP) as keeper, connect(populated, Role.FLOWS) as line:
        number = wishes.ask(keeper, Which(landing=refusals), who="keeper")
        with connect(populated, Role.FLOWS) as other, wishes.alone(other) as held:
            assert held
            assert asked.work(line) == 0
        assert asked.work(line) == 1
        assert wishes.answer(keeper, number, 0)


def test_while_another_replay_runs_a_wish_waits_and_is_no_attempt(
    database: psycopg.Connection,
    populated: str,
    refusals: int,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(asked.replay, "_PATIENCE", 0.0)
    with connect(populated, Role.KEEP) as keeper, connect(populated, Role.FLOWS) as line:
        number = wishes.ask(keeper, Which(landing=refusals), who="keeper")
        with asked.replay._alone(database):
            for _ in range(5):
                assert asked.work(line) == 0
            told = database.execute("SELECT attempts FROM asked_replay WHERE id = %s", (number,))
            assert told.fetchone() == (0,)
        assert asked.work(line) == 1
        assert wishes.answer(keeper, number, 0)
