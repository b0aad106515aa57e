"""What a YAML file may be, and what it cannot do to its reader."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from bridge.config.document import MAX_SIZE, read
from bridge.errors import ConfigError
from tests.config import files
from tests.config.files import problems


def values(directory: Path, text: str, environ: dict[str, str] | None = None) -> dict[str, object]:
    document = read(files.write(directory, text), environ or {})
    assert document.problems == []
    return document.data


def test_words_are_text_unless_json_has_them(tmp_path: Path) -> None:
    text = """
        yes: [yes, on, NO, 12:30, 2026-01-01, 0x10, 1_000, "5", 'true', !!str 7, ! 8]
        values: [true, False, 7, -3, 1.5, 2e3, !!int 4]
        """
    assert values(tmp_path, text) == {
        "yes": ["yes", "on", "NO", "12:30", "2026-01-01", "0x10", "1_000", "5", "true", "7", "8"],
        "values": [True, False, 7, -3, 1.5, 2000.0, 4],
    }


def test_aliases_and_merges_stand_for_what_they_name(tmp_path: Path) -> None:
    text = """
        base: &base {a: 1, b: {c: 2}}
        more: &more {b: 3, d: 4}
        one: {<<: *base, a: 5}
        two: {<<: [*base, *more]}
        """
    data = values(tmp_path, text)
    assert data["one"] == {"a": 5, "b": {"c": 2}}
    assert data["two"] == {"a": 1, "b": {"c": 2}, "d": 4}


@pytest.mark.covers("T47")
@pytest.mark.parametrize(
    "tag",
    [
        "!!python/object/apply:os.system [touch {canary}]",
        "!!python/object/new:os.system [touch {canary}]",
        "!!python/name:os.system",
        "!!python/module:os",
        "!!binary aGVsbG8=",
        "!!set {{a}}",
        "!own {{a: 1}}",
    ],
)
def test_a_tag_never_makes_an_object(tmp_path: Path, tag: str) -> None:
    canary = tmp_path / "canary"
    text = f"version: 1\nenvironment: {tag.format(canary=canary)}"
    found = problems(tmp_path, text)
    assert any("is not allowed (write the plain value)" in line for line in found)
    assert not canary.exists()


@pytest.mark.covers("T47")
def test_an_alias_bomb_is_refused_before_it_is_written_out(tmp_path: Path) -> None:
    levels = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    for level in range(1, 10):
        aliases = ", ".join([f"*a{level - 1}"] * 9)
        levels.append(f"a{level}: &a{level} [{aliases}]")
    started = time.process_time()
    assert problems(tmp_path, "\n".join(levels)) == [
        "4: aliases (*name) repeat more than 10000 values from here"
    ]
    assert time.process_time() - started < 1


def test_an_alias_cannot_contain_itself(tmp_path: Path) -> None:
    found = problems(tmp_path, "version: 1\nresources: &a [*a]")
    assert found[0] == "2: *a stands for nothing (write &a above)"


@pytest.mark.parametrize("opening", ["[", "{a: "])
def test_depth_is_bounded(tmp_path: Path, opening: str) -> None:
    text = "version: " + opening * 20_000
    assert problems(tmp_path, text) == ["1: nested more than 40 levels deep"]


def test_a_tab_is_named(tmp_path: Path) -> None:
    assert problems(tmp_path, "version: 1\nserver:\n\tbind: 127.0.0.1:1\n") == [
        "3: this is not YAML: found a tab character where spaces indent"
    ]


def test_a_chain_of_merges_is_bounded(tmp_path: Path) -> None:
    lines = ["a0: &a0 {k: v}"]
    lines += [f"a{n}: &a{n} {{<<: *a{n - 1}, k{n}: v}}" for n in range(1, 2000)]
    (found,) = problems(tmp_path, "\n".join(lines))
    assert "repeat more than 10000 values" in found


def test_size_is_bounded(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"busybridge\.yaml: larger than 4 MiB"):
        read(files.write(tmp_path, "#" * (MAX_SIZE + 1)), {})


def test_a_key_stands_once(tmp_path: Path) -> None:
    text = "version: 1\nsync:\n  interval: 1m\n  interval: 2m\n"
    assert problems(tmp_path, text) == ["4: sync.interval is given twice (first on line 3)"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "1: the file is empty (`busybridge init` writes an example)"),
        ("# nothing\n", "1: the file is empty (`busybridge init` writes an example)"),
        ("- version: 1", "1: the file must hold keys with values (version: 1)"),
        ("version: 1\n---\nversion: 1", "2: a second document (---) begins here"),
        ("version: 1\nserver: [", "2: this is not YAML: did not find expected node content"),
        ("version: 1\n\tserver: x", "2: this is not YAML: found a tab character that violates"),
        ("version: 1\n\x07", "2: a control character that YAML does not allow"),
        ("version: 1\n? [a, b]\n: 1", "2: a key must be a single word"),
        ("version: 1\n<<: 5", "2: << needs a mapping (<<: *name)"),
    ],
)
def test_what_is_no_configuration_is_refused_with_its_line(
    tmp_path: Path, text: str, message: str
) -> None:
    assert problems(tmp_path, text)[0].startswith(message)


def test_text_that_is_not_utf8_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "busybridge.yaml"
    path.write_bytes(b"version: 1\nname: \xff\n")
    with pytest.raises(ConfigError, match=r"busybridge.yaml:2: this is not UTF-8"):
        read(path, {})


@pytest.mark.covers("T48")
def test_only_a_whole_value_is_a_placeholder(tmp_path: Path) -> None:
    environ = {"ZONE": "Europe/Berlin", "NAME": "x"}
    text = """
        version: 1
        server: {timezone: "${ZONE}"}
        privacy: {title: "At ${NAME}"}
        """
    assert problems(tmp_path, text, environ=environ) == [
        "3: privacy.title: ${NAME} is only a part of the value (it must be the whole value)"
    ]
    assert values(tmp_path, "a: '${ZONE}'\nb: $ZONE\nc: ${1}", environ) == {
        "a": "Europe/Berlin",
        "b": "$ZONE",
        "c": "${1}",
    }


@pytest.mark.covers("T48")
@pytest.mark.parametrize(
    "hostile",
    [
        "x\nadmin: true",
        "{a: b}",
        "[1, 2]",
        "true",
        "*alias",
        "!!python/object/apply:os.system [id]",
        "${OTHER}",
        "x # comment",
    ],
)
def test_the_text_of_a_variable_is_never_read_as_yaml(tmp_path: Path, hostile: str) -> None:
    environ = {"VALUE": hostile, "OTHER": "other"}
    assert values(tmp_path, "title: ${VALUE}", environ) == {"title": hostile}


@pytest.mark.covers("T39")
def test_a_wrong_value_from_the_environment_is_not_shown(tmp_path: Path) -> None:
    text = "version: 1\nsync: {interval: '${SECRET}'}\nserver: {role: '${SECRET}'}"
    found = problems(tmp_path, text, environ={"SECRET": "canary-7c1e"})
    assert found == [
        "2: sync.interval: the value of ${SECRET} is not valid here",
        "3: server.role: the value of ${SECRET} is not valid here",
    ]
