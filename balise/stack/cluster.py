"""PostgreSQL's data folder: made once and whole, configured anew at every start."""

from __future__ import annotations

import signal
import time
from pathlib import Path

from balise.errors import StackUnavailable
from balise.stack.home import Home
from balise.stack.process import Ladder, Service, cmdline, end
from balise.stack.programs import Finder
from balise.stack.refusal import check_room

OWNER = "balise"

# INT ends sessions and writes a checkpoint; QUIT leaves the mending to the next start.
LADDER: Ladder = ((signal.SIGINT, 60), (signal.SIGQUIT, 10), (signal.SIGKILL, 5))

MAKING = 300.0
ROOM = 500_000_000

# One more than the largest pid Linux gives.
NEVER_A_PID = 4_194_305

INCLUDE = "include 'balise.conf'\n"
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "shared_preload_libraries": "timescaledb",
    "timescaledb.telemetry_level": "off",
    "max_connections": "100",
    "max_locks_per_transaction": "256",  # one for each chunk that a transaction touches
    "password_encryption": "scram-sha-256",
    "fsync": "on",  # a receipt promises storage: these three are never traded for speed
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "max_slot_wal_keep_size": "4GB",  # a copy that nobody goes on with must not fill the disk
    "jit": "off",  # its LLVM is left out of the prefix
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Without DETAIL and CONTEXT, which quote a failing row: values never go into a log.
    "log_error_verbosity": "terse",
    "log_line_prefix": "%m [%p] ",
    "log_min_error_statement": "panic",  # the text of a statement may hold a patient's value
    "log_parameter_max_length_on_error": "0",
}


class Cluster:
    """The data folder of one home."""

    def __init__(self, home: Home, find: Finder) -> None:
        self.data = home.root / "postgres" / "data"
        self._made = home.root / "postgres" / "made"
        self._home = home
        self._find = find

    def prepare(self) -> None:
        """Make the folder on the first run; check on later ones that it can be served."""
        self._home.served("postgres")
        if not self._made.exists():
            self._make()
        version, here = self._version(), self._find().major
        if version != here:
            raise StackUnavailable(
                f"{self.data} was made by PostgreSQL {version}, and the one here is {here}: dump "
                "it with the old one, or move the folder away."
            )
        if "postgres" not in self._home.secrets(""):
            raise StackUnavailable(
                f"The password of {self.data} is gone: put secrets/postgres back from a backup, "
                "or move the folder postgres away to begin anew."
            )

    def _version(self) -> int:
        try:
            return int((self.data / "PG_VERSION").read_text(encoding="ascii"))
        except FileNotFoundError as error:
            raise StackUnavailable(
                f"{self.data} is gone (a disk that is not mounted?); remove {self._made} to begin "
                "with an empty database."
            ) from error

    def configure(self, port: int) -> None:
        """Write our settings; what ALTER SYSTEM set stands above them."""
        lines = [f"{name} = '{value}'" for name, value in SETTINGS.items()]
        text = "\n".join(["# Written anew at every start.", *lines, f"port = {port}\n"])
        self._home.give(self.data / "balise.conf", text)
        # What initdb wrote stays: it tried out which kind of shared memory works here.
        main = self.data / "postgresql.conf"
        tried_out = main.read_text(encoding="utf-8")
        if INCLUDE not in tried_out:
            self._home.give(main, tried_out + INCLUDE)

    def clear_lock(self) -> None:
        """Mend a postmaster.pid that would keep the server from starting."""
        lock = self.data / "postmaster.pid"
        text = lock.read_text(encoding="utf-8") if lock.exists() else ""
        first, _, rest = text.partition("\n")
        if not first.isdigit():
            lock.unlink(missing_ok=True)  # cut short with the power; PostgreSQL would stop at it
            return
        pid = int(first)
        if str(self.data).encode() in cmdline(pid):
            end(pid, LADDER, lambda: not cmdline(pid))
        elif cmdline(pid):
            # The pid went to another program meanwhile. The rest of the file stays: by it
            # PostgreSQL finds children of the killed server that still write.
            self._home.give(lock, f"{NEVER_A_PID}\n{rest}")

    def _make(self) -> None:
        maker = Service(self._home, "initdb", LADDER)
        maker.stop()
        check_room(self._home.root, ROOM)
        if self.data.exists():
            # An earlier run was killed in the middle of this. Nothing is deleted, in case it
            # was only the mark that got lost.
            self.data.rename(self.data.with_name(f"data.unfinished-{time.time_ns()}"))
        password = self.data.with_name("password")
        self._home.give(password, self._home.secret("postgres"))
        maker.launch(self._initdb(password), self._find().environment(), served=True)
        maker.finish(MAKING)
        password.unlink()
        self._home.give(self._made, "initdb came to its end.\n")

    def _initdb(self, password: Path) -> tuple[str, ...]:
        # A collation of PostgreSQL's own can't change under the indexes with the next libc.
        builtin = ("--locale-provider=builtin",) if self._find().major >= 17 else ()
        return (
            *(str(self._find().bin / "initdb"), "-D", str(self.data), "-U", OWNER),
            *("--auth=scram-sha-256", f"--pwfile={password}", "--data-checksums"),
            *("--encoding=UTF8", "--locale=C.UTF-8", *builtin),
        )
