"""The site's authority hands over to the next one, and no box is lost on the way."""

from __future__ import annotations

import shutil
import subprocess
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from balise import certificates, published, sealed
from balise.authority import Authority
from balise.checkup import trust
from balise.errors import AuthorityForeign, BoxRevoked, BrokerDown, Exit, UsageError
from balise.settings import Settings
from balise.stack import Stack
from balise.succession import Succession, check, hand_over
from bench.waiting import until
from ingest.gateway import enrol
from ingest.gateway.certificate import Identity, enrolled
from ingest.gateway.enrol import read_uri
from ingest.gateway.remote import RemoteSettings
from ingest.gateway.spool import Spool
from ingest.mqtt import Broker, retained

if TYPE_CHECKING:
    from conftest import Site

SHORT = 1 / 86400  # days of a certificate that lasts a second


@dataclass(frozen=True)
class Box:
    """A box that was let in, in a home of its own."""

    site: Site
    home: Path
    found: Identity

    @classmethod
    def let_in(cls, site: Site, home: Path, days: float | None = None) -> Box:
        known = read_uri(site.invite(site.name())["address"])
        with site.serving(days):
            return cls(site, home, enrol.enrol(home, known))

    @property
    def name(self) -> str:
        return self.found.folder.name

    @property
    def settings(self) -> Settings:
        return enrolled(Settings(home=self.home))

    def renew(self) -> None:
        with self.site.serving():
            enrol.renew(self.found)

    def gets_in(self) -> bool:
        try:
            Broker(self.settings).check(5)
        except (BoxRevoked, BrokerDown):
            return False
        return True

    def remote(self) -> RemoteSettings:
        return RemoteSettings(self.found.folder, self.settings)


def done(site: Site, *arguments: str) -> str:
    result = site.command("authority", *arguments)
    assert result.returncode == Exit.OK, result.stderr
    return result.stdout


# paho leaves its own pair of sockets to the garbage collector at each start of its thread.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.stack
def test_every_box_goes_over_to_the_next_authority(own_site: tuple[Site, Stack], tmp_path: Path):
    site, stack = own_site
    on, cupboard, asleep, gone = (
        Box.let_in(site, tmp_path / name, days)
        for name, days in (("on", None), ("cupboard", None), ("asleep", SHORT), ("gone", None))
    )
    shutil.copytree(gone.home, tmp_path / "thief")
    thief = Box(site, tmp_path / "thief", Identity(tmp_path / "thief/gateway" / gone.name))
    printed = read_uri(site.invite(site.name())["address"])
    spool = tmp_path / "spool.db"
    Spool(spool).close()
    with site.publishing(on.settings, spool) as publisher:
        until(lambda: publisher.connected)
        said = done(site, "--hand-over")
        assert all(box.name in said for box in (on, cupboard, gone))
        assert asleep.name not in said

        # The broker has not started again, and yet it lets in who comes with the heir's.
        on.renew()
        publisher.renew()
        until(lambda: publisher.connected)
        assert len(on.found.trusted) == 2
        with site.serving():
            late = Box(site, tmp_path / "late", enrol.enrol(tmp_path / "late", printed))
            now = read_uri(site.invite(site.name())["address"])
            assert Box(site, tmp_path / "now", enrol.enrol(tmp_path / "now", now)).gets_in()
        assert late.gets_in()
        assert on.name not in done(site)

        refused = site.command("authority", "--retire")
        assert (refused.returncode, cupboard.name in refused.stderr) == (Exit.USAGE, True)
        cupboard.renew()
        gone.renew()
        assert "retired" in done(site, "--retire")
        stack.restart("broker")
        until(lambda: publisher.connected)
    assert [box.gets_in() for box in (on, cupboard, gone, late)] == [True] * 4
    assert not thief.gets_in()  # its certificate is of the former, and would be good for weeks

    # One that slept through it all renews, and follows; those who are on leave the former behind.
    asleep.renew()
    on.renew()
    assert asleep.gets_in()
    assert [len(box.found.trusted) for box in (asleep, on)] == [1, 1]
    done(site, "--hand-over")  # and once more
    on.renew()
    done(site, "--retire", "--stolen")
    stack.restart("broker")
    assert on.gets_in()
    with pytest.raises(BoxRevoked):
        asleep.renew()


@pytest.mark.stack
def test_settings_outlive_the_hand_over(own_site: tuple[Site, Stack], tmp_path: Path):
    site, stack = own_site
    box, other = Box.let_in(site, tmp_path / "box"), Box.let_in(site, tmp_path / "other")
    authority_ = Authority(site.settings.home)
    _, old = authority_.set(box.name, lambda _held: {"gateway_phone": "01 23"})
    remote = box.remote()
    remote.take(old)
    done(site, "--hand-over")
    topic = sealed.topic(box.name)
    new = retained(Broker(site.settings), [topic], 5)[topic]
    assert new != old
    remote.take(new)  # it knows the former only, and has these settings already
    assert remote.standing().refused == ""
    box.renew()
    done(site, "--retire", "--stolen")
    stack.restart("broker")
    box.renew()
    assert len(box.found.trusted) == 1
    assert box.remote().settings.gateway_phone == "01 23"
    sent, newer = authority_.set(box.name, lambda held: held | {"log_level": "error"})
    assert sent.values == {"gateway_phone": "01 23", "log_level": "error"}
    kept = box.remote()
    kept.take(newer)
    assert kept.standing().version == sent.version
    assert not other.gets_in()  # it had not renewed when the key was known to be stolen


def test_a_code_that_was_printed_before_is_good_after(tmp_path: Path):
    site = Authority(tmp_path)
    site.ensure(())
    printed = site.digest("12345678")
    site.hand_over()
    assert site.digest("12345678") == printed
    site.retire(())
    assert site.digest("12345678") == printed
    site.hand_over()
    site.retire((), stolen=True)
    assert site.digest("12345678") != printed  # whoever has the key could try all codes


def test_nobody_renews_but_boxes_and_what_was_signed_for_them(tmp_path: Path):
    site = Authority(tmp_path)
    site.ensure(())
    key = certificates.new_key().public_key()
    service = certificates.bundle(site.service.certificate.read_bytes())[0]
    with pytest.raises(UsageError):
        site.renew(service, key, timedelta(days=1))
    own = site.admit("box-1", key)
    former = site.signer
    site.hand_over()
    period = certificates.Period(own.not_valid_before_utc, own.not_valid_after_utc)
    with pytest.raises(BoxRevoked):  # by who has the key of the former
        site.renew(certificates.signed(former, key, "box-1", period), key, timedelta(days=1))
    assert certificates.is_signed_by(site.renew(own, key, timedelta(days=1)), site.trusted[0])


def test_a_box_is_behind_until_it_has_shown_the_heirs_certificate(tmp_path: Path):
    site = Authority(tmp_path)
    site.ensure(())
    key = certificates.new_key().public_key()
    first, old = site.admit("box-1", key), site.admit("box-old", key)
    site.hand_over()
    lost = site.renew(first, key, timedelta(days=1))  # the answer may never have arrived
    site.renew(old, key, timedelta(days=1), follows=False)  # its program knows of no heir
    assert site.behind() == ["box-1", "box-old"]
    site.renew(lost, key, timedelta(days=1))
    assert site.behind() == ["box-old"]
    assert site.retire((), stolen=True) == ["box-old"]


def test_a_revocation_that_was_cut_short_is_published_by_the_next(tmp_path: Path):
    site = Authority(tmp_path)
    site.ensure(())
    site.admit("box-1", certificates.new_key().public_key())
    before = set(site.lists.iterdir())
    site.ledger.revoke("box-1")  # and then the power went
    assert site.revoke("box-1") == 0
    (newer,) = set(site.lists.iterdir()) - before
    assert certificates.is_list_of(newer.read_bytes(), site.signer, site.ledger.revoked())


def test_openssl_finds_an_heir_by_the_name_it_was_given(tmp_path: Path):
    site = Authority(tmp_path)
    site.ensure(())
    for number in (2, 3):
        site.hand_over()
        site.retire(())
        asked = ["openssl", "x509", "-noout", "-hash", "-subject", "-in", str(site.file)]
        answer = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split()
        assert answer[-1] == str(number)
        assert certificates.subject_hash(site.trusted[0]) == answer[0]
        assert (site.lists / f"{answer[0]}.0").exists()
        assert (site.lists / published.FIRST_LIST).exists()  # mosquitto.conf names it


def test_a_power_cut_in_the_midst_of_retiring_is_mended(tmp_path: Path):
    site = Authority(tmp_path)
    site.ensure(())
    site.hand_over()
    (tmp_path / "ca/heir/key.pem").rename(tmp_path / "ca/key.pem")  # and no more
    again = Authority(tmp_path)
    assert again.heir is None  # whoever reads now reads the heir, for good
    assert certificates.is_pair(again.signer)
    again.ensure(("192.0.2.1",))
    assert again.heir is None
    assert certificates.bundle(again.file.read_bytes()) == again.trusted
    made = again.admit("box-1", certificates.new_key().public_key())
    assert certificates.is_signed_by(made, again.trusted[0])
    for pair in (again.broker, again.service):
        served = certificates.bundle(pair.certificate.read_bytes())[0]
        assert certificates.is_signed_by(served, again.trusted[0])


def test_there_is_nothing_to_retire_before_a_hand_over(tmp_path: Path):
    site = Authority(tmp_path)
    site.ensure(())
    with pytest.raises(UsageError, match="--hand-over"):
        site.retire(())
    site.admit("box-1", certificates.new_key().public_key())
    site.hand_over()
    site.hand_over()  # which tells the boxes again, and makes no other heir
    assert len(site.successions) == 1
    assert "balise authority" in trust.certificates(Settings(home=tmp_path))  # says the doctor
    assert site.behind() == ["box-1"]
    assert site.behind(now=datetime.now(UTC) + timedelta(days=31)) == []
    site.revoke("box-1")
    site.retire(())
    assert site.heir is None
    assert trust.certificates(Settings(home=tmp_path)) == "none is used"


@pytest.fixture(scope="module")
def line() -> list[certificates.Signer]:
    """Four authorities, each to be the heir of the one before it."""
    now = datetime.now(UTC)
    period = certificates.Period(now, now + timedelta(days=1))
    keys = [certificates.new_key() for _ in range(4)]
    return [
        certificates.Signer(key, certificates.self_signed(key, f"authority {number}", period))
        for number, key in enumerate(keys)
    ]


def print_of(*signers: certificates.Signer) -> list[bytes]:
    return [certificates.fingerprint(one.certificate) for one in signers]


def test_a_box_follows_any_number_of_hand_overs(line: list[certificates.Signer]):
    first, second, third, other = line
    told = [hand_over(first, second.certificate), hand_over(second, third.certificate)]
    check([third.certificate], print_of(first), told)
    check([third.certificate, second.certificate], print_of(second, first), told)
    check([first.certificate], print_of(first), ())
    for offered, known in (
        ([other], [first]),  # a stranger
        ([third, other], [first]),  # a stranger beside an heir
        ([first], [second, first]),  # an old answer, said again
        ([first, second], [second, first]),
        ([second], [third]),
        ([], [first]),
    ):
        with pytest.raises(AuthorityForeign):
            check([one.certificate for one in offered], print_of(*known), told)


def test_nobody_names_an_heir_but_who_is_trusted(line: list[certificates.Signer]):
    first, second, third, other = line
    good, forged = hand_over(first, second.certificate), hand_over(other, third.certificate)
    taken = msgspec.structs.replace(good, heir=forged.heir)
    claimed = msgspec.structs.replace(forged, former=good.former)
    junk = Succession(former="", heir="é", seal="=")
    # Who has the key of the one that handed over names another heir to a box that trusts both.
    stolen = hand_over(first, other.certificate)
    with pytest.raises(AuthorityForeign):
        check([other.certificate, second.certificate], print_of(second, first), [good, stolen])
    settings = sealed.seal(
        sealed.Sent(gateway="b", version=1, at=datetime.now(UTC), values={}), first.key
    )
    other_seal = msgspec.json.decode(settings, type=sealed.Envelope).seal
    for told in (forged, taken, claimed, junk, msgspec.structs.replace(taken, seal=other_seal)):
        with pytest.raises(AuthorityForeign):
            check([third.certificate], print_of(first), [told])


@pytest.mark.stack
def test_the_boxes_of_long_ago_wait_for_nobody(own_site: tuple[Site, Stack], tmp_path: Path):
    """A hand-over can end once no certificate of the former is good any more."""
    site, _ = own_site
    Box.let_in(site, tmp_path / "box", SHORT)
    done(site, "--hand-over")
    time.sleep(1)
    assert "none" in done(site)
    done(site, "--retire")
