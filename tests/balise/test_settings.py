"""Where settings come from: the environment, and files for what others must not see."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from balise.errors import Exit, UsageError
from balise.settings import Settings


@pytest.fixture
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("BALISE_DATABASE_URL", raising=False)
    monkeypatch.setenv("BALISE_SECRETS_DIR", str(tmp_path))
    return tmp_path


def test_a_secret_may_be_a_file_of_its_settings_name(secrets: Path):
    (secrets / "BALISE_OIDC_SECRET").write_text("of the file\n")
    (secrets / "balise_database_url").write_text("postgresql://file")
    found = Settings()
    assert found.oidc_secret.get_secret_value() == "of the file"
    assert found.database_url == "postgresql://file"


def test_the_environment_comes_first(secrets: Path, monkeypatch: pytest.MonkeyPatch):
    (secrets / "BALISE_DATABASE_URL").write_text("postgresql://file")
    monkeypatch.setenv("BALISE_DATABASE_URL", "postgresql://environment")
    assert Settings().database_url == "postgresql://environment"


def test_systemd_gives_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "BALISE_FHIR_TOKEN").write_text("of systemd")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert Settings().fhir_token.get_secret_value() == "of systemd"


def test_a_folder_that_is_not_there_is_said(secrets: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("BALISE_SECRETS_DIR", str(secrets / "elsewhere"))
    with pytest.raises(UsageError, match="is no folder"):
        Settings()
    done = subprocess.run(
        [sys.executable, "-m", "balise", "doctor", "disk"],
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    said = " ".join(done.stderr.split())
    assert (done.returncode, "is no folder" in said) == (Exit.USAGE, True)
