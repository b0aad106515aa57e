"""Example, reference page and schema say the same; what `init` writes is right as it is."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from bridge.config.init import write_example
from bridge.config.keyfile import KeyFile
from bridge.config.load import load
from bridge.config.settings import Settings
from bridge.errors import ConfigError
from bridge.registry import KINDS
from bridge.sandbox.google.delegation import ServiceAccount
from bridge.sandbox.jwt import Key
from tests.config.reference import example, page, schema_paths, written_paths

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "config.example.yaml"
PACKAGED = ROOT / "bridge/config/example.yaml"
PAGE = ROOT / "docs/configuration.md"
LAST_HEADING_BY_HAND = "## Every key"


def uncommented(text: str) -> str:
    """Put every example of the file in force: it begins with "#" right before a key."""
    return re.sub(r"^( *)#(?=[a-z]|- |  )", r"\1", text, flags=re.MULTILINE)


def test_the_example_is_what_the_schema_says(update_golden: bool) -> None:
    made = example(KINDS)
    if update_golden:
        EXAMPLE.write_text(made)
        PACKAGED.write_text(made)
    assert EXAMPLE.read_text() == made
    assert PACKAGED.read_text() == made


def test_the_reference_page_is_what_the_schema_says(update_golden: bool) -> None:
    introduction = PAGE.read_text().partition(LAST_HEADING_BY_HAND)[0]
    made = page(KINDS, introduction)
    if update_golden:
        PAGE.write_text(made)
    assert PAGE.read_text() == made


def test_every_key_stands_in_the_example(tmp_path: Path) -> None:
    document = yaml.safe_load(uncommented(EXAMPLE.read_text()))
    assert schema_paths(KINDS) - written_paths(document) == set()


def test_every_line_of_the_example_has_a_comment() -> None:
    assert [line for line in EXAMPLE.read_text().splitlines() if line and "# " not in line] == []


def test_the_example_without_its_examples_is_all_defaults(tmp_path: Path) -> None:
    (tmp_path / "example.yaml").write_text(EXAMPLE.read_text())
    written = load(tmp_path / "example.yaml", KINDS, {})
    (tmp_path / "least.yaml").write_text("version: 1")
    least = load(tmp_path / "least.yaml", KINDS, {})
    for name in Settings.model_fields:
        if name not in {"auth", "resources"}:
            assert getattr(written, name) == getattr(least, name), name


def test_the_examples_in_the_example_are_right(tmp_path: Path) -> None:
    text = uncommented(EXAMPLE.read_text())
    variables = re.findall(r"_env: (\w+)", text)
    environ = dict.fromkeys(variables, "$2b$04$" + "a" * 53)
    for name in ("ALERT_SECRET", "OLD_ALERT_SECRET"):
        environ[name] = "whsec_" + "a" * 44
    (tmp_path / "example.yaml").write_text(text)
    account = ServiceAccount("bridge@project.example", "1179", Key("key-1"))
    (tmp_path / "service-account.json").write_text(json.dumps(account.file("")))
    settings = load(tmp_path / "example.yaml", KINDS, environ)
    assert {each.provider for each in settings.resources[0].connections} == set(KINDS)


def test_yaml_of_the_page_is_right(tmp_path: Path) -> None:
    blocks = re.findall(r"^```yaml\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert blocks
    for block in blocks:
        (tmp_path / "block.yaml").write_text("version: 1\n" + block)
        load(tmp_path / "block.yaml", KINDS, {})


@pytest.mark.covers("A-01")
def test_init_writes_a_right_configuration_and_a_secret_key_file(tmp_path: Path) -> None:
    configuration, key_file = write_example(tmp_path)
    assert configuration == tmp_path / "busybridge.yaml"
    settings = load(configuration, KINDS, {})
    assert settings.warnings == ()
    assert settings.storage.encryption_key_file == key_file
    assert KeyFile.read(key_file).warnings == ()
    assert [path.stat().st_mode & 0o777 for path in (configuration, key_file)] == [0o600, 0o600]


@pytest.mark.parametrize("name", ["busybridge.yaml", "busybridge.key"])
def test_init_overwrites_nothing(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(ConfigError, match=f"{name}: exists already and is not overwritten"):
        write_example(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "mine"


def test_reading_a_configuration_needs_neither_database_nor_network(tmp_path: Path) -> None:
    """`check` answers within 300 ms: what is slow to import must stay out of its way."""
    configuration, _ = write_example(tmp_path)
    program = (
        "import sys\n"
        "from bridge.config.load import load\n"
        "from bridge.registry import KINDS\n"
        f"load({str(configuration)!r}, KINDS, {{}})\n"
        "slow = {'sqlalchemy', 'alembic', 'flask', 'httpx2', 'icalendar', 'dateutil', 'lxml',\n"
        "        'apscheduler', 'cryptography', 'argon2', 'bcrypt', 'rich', 'waitress',\n"
        "        'tldextract', 'requests', 'radicale'}\n"
        "print(*sorted(slow & set(sys.modules)))\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert run.stdout.split() == []
