"""The mosquitto of one home: accounts, rules, and a store that may be damaged."""

from __future__ import annotations

import hashlib
import logging
import re
import signal
import time
from base64 import b64encode
from pathlib import Path

from balise.errors import StackUnavailable, UsageError
from balise.stack.home import Home
from balise.stack.mqtt import let_in
from balise.stack.process import Service
from balise.stack.programs import Finder
from balise.stack.progress import Progress
from balise.stack.refusal import unavailable

SERVICE = "service"
GATEWAY = re.compile(r"[a-z0-9][a-z0-9-]{1,63}")
TEMPLATES = Path(__file__).parents[2] / "ops" / "mosquitto"
ITERATIONS = 1000  # the passwords are 192 random bits: no dictionary finds them

# What mosquitto says to a store it can't read; it goes on after the last, flooding its log.
DAMAGE = ("Couldn't open database", "Unsupported chunk")

logger = logging.getLogger(__name__)


class Broker:
    """The MQTT broker of one home."""

    def __init__(self, home: Home, find: Finder, progress: Progress) -> None:
        self.service = Service(home, "broker")
        self.port = 0
        self._home = home
        self._find = find
        self._progress = progress
        self._folder = home.root / "broker"
        self._store = self._folder / "mosquitto.db"

    @property
    def url(self) -> str:
        """The address of the broker for Balise's own services, password included."""
        return f"mqtt://{SERVICE}:{self._password(SERVICE)}@127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the broker, on the port it had before, and wait until it lets us in."""
        self.service.stop()
        self._home.served("broker")
        self.port = self._home.port("broker", self.port)
        self._configure()
        with self._progress.step(f"Starting mosquitto on port {self.port}"):
            self._launch()

    def add_gateway(self, name: str) -> str:
        """Make an account for a gateway, unless it has one, and return its password."""
        if not GATEWAY.fullmatch(name) or name == SERVICE:
            raise UsageError(
                f"{name!r} can't be a gateway's name: 2 to 64 of a-z, 0-9 and -, "
                f"not beginning with -, and not {SERVICE!r}."
            )
        password = self._password(name)
        port = self.port or self._home.remembered_port("broker")
        if self.service.pid and not let_in(port, name, password):
            self._write_accounts()
            self.service.signal(signal.SIGHUP)
            self.service.wait(lambda: let_in(port, name, password), 10)
        return password

    def _launch(self) -> None:
        """Start it; once more and with nothing in it, if what it kept can't be read."""
        command = (str(self._find().mosquitto), "-c", str(self._folder / "mosquitto.conf"))
        self.service.launch(command, self._find().environment(), served=True)
        try:
            self.service.wait(lambda: self._is_damaged() or self._lets_us_in(), 60)
        except StackUnavailable:
            if not self._is_damaged():
                raise
        if self._is_damaged():
            self._set_store_aside()
            self._launch()

    def _lets_us_in(self) -> bool:
        return let_in(self.port, SERVICE, self._password(SERVICE))

    def _is_damaged(self) -> bool:
        said = self.service.first_words()
        return self._store.exists() and any(sign in said for sign in DAMAGE)

    def _set_store_aside(self) -> None:
        # Killed, since an orderly end would write over what may still be worth a look.
        self.service.kill()
        aside = self._store.with_name(f"{self._store.name}.damaged-{time.time_ns()}")
        self._store.rename(aside)
        text = (
            f"The broker's store is damaged and was set aside as {aside}: its queues and sessions "
            "are lost, and gateways will send again what they have no receipt for."
        )
        self.service.note(text)
        logger.error(text)

    def _configure(self) -> None:
        words = {
            "@PORT@": str(self.port),
            "@DATA@": str(self._folder),
            "@PASSWORDS@": str(self._folder / "passwords"),
            "@ACL@": str(self._folder / "acl"),
        }
        text = _template("mosquitto.conf")
        for word, value in words.items():
            text = text.replace(word, value)
        self._home.give(self._folder / "mosquitto.conf", text)
        self._home.give(self._folder / "acl", _template("acl"))
        self._write_accounts()

    def _password(self, name: str) -> str:
        return self._home.secret(f"mqtt-{name}")

    def _write_accounts(self) -> None:
        """Write the password file, which follows from the secrets and from nothing else."""
        names = sorted({SERVICE, *self._home.secrets("mqtt-")})
        text = "".join(f"{name}:{_hash(name, self._password(name))}\n" for name in names)
        self._home.give(self._folder / "passwords", text)


def _template(name: str) -> str:
    path = TEMPLATES / name
    if not path.exists():
        raise unavailable(f"{path} is missing: the local stack runs from a checkout of Balise")
    return path.read_text(encoding="utf-8")


def _hash(name: str, password: str) -> str:
    """Return mosquitto's form of a password: PBKDF2 over SHA-512."""
    # The same salt each time, as the password is random: a reload then changes nothing for the
    # accounts that were there, and drops nobody.
    salt = hashlib.sha256(f"{name} {password}".encode()).digest()[:12]
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ITERATIONS)
    return f"$7${ITERATIONS}${b64encode(salt).decode()}${b64encode(digest).decode()}"
