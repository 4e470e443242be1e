from __future__ import annotations

import platform
from pathlib import Path

import pytest

from balise.errors import StackUnavailable
from balise.stack.sources import Source, Suite, read, sources, suite

DEB822 = """\
# Debian's own image writes this.
Types: deb deb-src
# a note in the middle
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates bookworm-backports
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 -----END PGP PUBLIC KEY BLOCK-----

Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main
Enabled: no

Types: deb-src
URIs: http://source.example/debian
Suites: bookworm
Components: main
"""

ONE_LINE = """\
# deb http://comment.example/debian bookworm main
deb http://old.example/debian stable main contrib # why
deb [arch=amd64 signed-by=/k.gpg] http://signed.example/debian   bookworm-updates   main
deb-src http://source.example/debian bookworm main
deb http://vendor.example/apt vendor-bookworm main
"""

BOOKWORM = Suite("trixie", "bookworm", "debian")


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    (tmp_path / "sources.list.d").mkdir()
    return tmp_path


@pytest.fixture(autouse=True)
def no_mirror_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("BALISE_DEBIAN_MIRROR", raising=False)


def test_deb822_sources(etc: Path):
    (etc / "sources.list.d" / "debian.sources").write_text(DEB822)
    ring = "/usr/share/keyrings/debian-archive-keyring.gpg"
    assert read(etc) == [
        Source("http://mirror.example/debian", "bookworm", "main", ring),
        Source("http://mirror.example/debian", "bookworm-updates", "main", ring),
        Source("http://mirror.example/debian", "bookworm-backports", "main", ring),
        Source("http://mirror.example/debian-security", "bookworm-security", "main", ""),
    ]


def test_one_line_sources(etc: Path):
    (etc / "sources.list").write_text(ONE_LINE)
    assert read(etc) == [
        Source("http://old.example/debian", "stable", "main contrib"),
        Source("http://signed.example/debian", "bookworm-updates", "main", "/k.gpg"),
        Source("http://vendor.example/apt", "vendor-bookworm", "main"),
    ]


def test_debian_12_borrows_the_same_pockets_of_debian_13(etc: Path):
    (etc / "sources.list.d" / "debian.sources").write_text(DEB822)
    (etc / "sources.list").write_text(ONE_LINE)
    assert [(source.uri, source.suite) for source in sources(BOOKWORM, etc)] == [
        ("http://old.example/debian", "trixie"),
        ("http://signed.example/debian", "trixie-updates"),
        ("http://mirror.example/debian", "trixie"),
        ("http://mirror.example/debian", "trixie-updates"),
        ("http://mirror.example/debian-security", "trixie-security"),
    ]


def test_a_source_is_written_with_its_keyring():
    source = Source("http://mirror.example/debian", "trixie", "main", "/k.pgp")
    assert str(source) == "deb [signed-by=/k.pgp] http://mirror.example/debian trixie main"


def test_a_mirror_that_is_named_goes_before_the_machines(
    etc: Path, monkeypatch: pytest.MonkeyPatch
):
    (etc / "sources.list").write_text(ONE_LINE)
    monkeypatch.setenv("BALISE_DEBIAN_MIRROR", "http://mine.example/debian")
    [source] = sources(BOOKWORM, etc)
    assert (source.uri, source.suite) == ("http://mine.example/debian", "trixie")


def test_a_machine_without_sources_is_told_what_to_do(etc: Path):
    with pytest.raises(StackUnavailable, match=r"BALISE_DEBIAN_MIRROR.*docker compose up"):
        sources(BOOKWORM, etc)


@pytest.mark.parametrize(
    ("release", "mirror", "expected"),
    [
        ({"ID": "debian", "VERSION_CODENAME": "bookworm"}, False, ("trixie", True)),
        ({"ID": "debian", "VERSION_CODENAME": "trixie"}, False, ("trixie", False)),
        ({"ID": "debian", "VERSION_CODENAME": "trixie"}, True, ("trixie", False)),
        ({"ID": "debian", "VERSION_CODENAME": "forky"}, True, ("forky", False)),
        ({"ID": "ubuntu", "VERSION_CODENAME": "noble"}, False, ("noble", False)),
        ({"ID": "ubuntu", "VERSION_CODENAME": "noble"}, True, ("trixie", True)),
    ],
)
def test_which_suite_serves_which_system(
    release: dict[str, str],
    mirror: bool,  # noqa: FBT001
    expected: tuple[str, bool],
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(platform, "freedesktop_os_release", lambda: release)
    if mirror:
        monkeypatch.setenv("BALISE_DEBIAN_MIRROR", "http://mine.example/debian")
    assert (suite().name, suite().borrowed) == expected
