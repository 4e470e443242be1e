"""The validate step in a process of its own, woken by each landing: the line without Prefect."""

from __future__ import annotations

import psycopg

import sql
from balise.settings import Settings
from flows import abreast

_POLL = 1.0


def main() -> None:
    """Validate what lands until killed."""
    url = Settings().database_url
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.get("flows.listen"))
        while True:
            abreast.validate(connection, url)
            for _ in connection.notifies(timeout=_POLL, stop_after=1):
                pass


if __name__ == "__main__":
    main()
