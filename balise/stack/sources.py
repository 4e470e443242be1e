"""Where this machine gets its packages: the suite that serves it, and apt's sources."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from email.parser import HeaderParser
from pathlib import Path

from balise.stack.refusal import unavailable

# Debian 12 has no TimescaleDB at all; Debian 13's packages run there on the libc they bring along.
BORROWED = {"bookworm": "trixie"}
ALIASES = ("oldstable", "stable", "testing", "unstable", "sid")
POCKETS = ("", "-updates", "-security")

ONE_LINE = re.compile(r"deb\s+(?:\[(?P<options>[^]]*)\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)\s+(.*)")


@dataclass(frozen=True, slots=True)
class Source:
    """One line of an apt sources.list."""

    uri: str
    suite: str
    components: str
    keyring: str = ""

    def __str__(self) -> str:
        signed = f" [signed-by={self.keyring}]" if self.keyring else ""
        return f"deb{signed} {self.uri} {self.suite} {self.components}"


@dataclass(frozen=True, slots=True)
class Suite:
    """The suite whose packages serve this machine: its own, or one borrowed with its libc."""

    name: str
    own: str
    system: str

    @property
    def borrowed(self) -> bool:
        """Whether its programs need patching to run here."""
        return self.name != self.own


def suite() -> Suite:
    """Return the machine's suite; BALISE_DEBIAN_MIRROR lends Debian 13's to other systems."""
    release = platform.freedesktop_os_release()
    own, system = release.get("VERSION_CODENAME", ""), release.get("ID", "")
    lent = "BALISE_DEBIAN_MIRROR" in os.environ and system != "debian"
    return Suite("trixie" if lent else BORROWED.get(own, own), own, system)


def sources(chosen: Suite, etc: Path = Path("/etc/apt")) -> list[Source]:
    """Return the mirror BALISE_DEBIAN_MIRROR names, or else the machine's own for this suite."""
    if mirror := os.environ.get("BALISE_DEBIAN_MIRROR"):
        return [Source(mirror, chosen.name, "main", keyring("debian"))]
    ring = keyring(chosen.system)
    found = [
        replace(source, suite=chosen.name + pocket, keyring=source.keyring or ring)
        for source in read(etc)
        if (pocket := _pocket(source.suite, chosen.own)) is not None
    ]
    if not found:
        raise unavailable(
            f"apt names no mirror of {chosen.own or 'this distribution'} here "
            "(BALISE_DEBIAN_MIRROR can name one of Debian's)"
        )
    return found


def _pocket(name: str, own: str) -> str | None:
    base, dash, pocket = name.partition("-")
    return dash + pocket if base in (own, *ALIASES) and dash + pocket in POCKETS else None


def keyring(system: str) -> str:
    """Return the distribution's keyring: .pgp since Debian 13, .gpg before."""
    stem = f"/usr/share/keyrings/{system}-archive-keyring"
    return next((stem + end for end in (".pgp", ".gpg") if Path(stem + end).exists()), "")


def read(etc: Path) -> list[Source]:
    """Read the sources themselves: apt's lists may never have been fetched on this machine."""
    found: list[Source] = []
    for path in (etc / "sources.list", *sorted((etc / "sources.list.d").glob("*"))):
        if path.suffix == ".list" and path.is_file():
            found += _one_line(path.read_text(encoding="utf-8"))
        elif path.suffix == ".sources":
            found += _deb822(path.read_text(encoding="utf-8"))
    return found


def _one_line(text: str) -> Iterator[Source]:
    for line in text.splitlines():
        if match := ONE_LINE.match(line.partition("#")[0].strip()):
            options = dict(pair.split("=", 1) for pair in (match["options"] or "").split())
            yield Source(match["uri"], match["suite"], match[4], options.get("signed-by", ""))


def _deb822(text: str) -> Iterator[Source]:
    plain = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    for paragraph in re.split(r"\n\s*\n", plain.strip()):
        field = HeaderParser().parsestr(paragraph)
        if "deb" not in field.get("Types", "").split() or field.get("Enabled", "yes") == "no":
            continue
        signed = field.get("Signed-By", "").strip()
        signed = signed if signed.startswith("/") else ""  # else it is a key, written out
        components = " ".join(field.get("Components", "").split())
        for uri in field.get("URIs", "").split():
            for name in field.get("Suites", "").split():
                yield Source(uri, name, components, signed)
