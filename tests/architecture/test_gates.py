"""What no module may do, read from its syntax: run text as code, unpickle, build SQL from text."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PRODUCT = sorted(
    path for folder in ("bridge", "radicale_plugin") for path in (ROOT / folder).rglob("*.py")
)

CODE_FROM_TEXT = {"eval", "exec", "compile", "__import__"}
CODE_FROM_DATA = {"pickle", "cPickle", "dill", "marshal", "shelve", "cloudpickle", "jsonpickle"}
SHELL = {("os", "system"), ("os", "popen"), ("subprocess", "getoutput")}
SHELL |= {("subprocess", "getstatusoutput"), ("asyncio", "create_subprocess_shell")}
YAML = {("yaml", name) for name in ("load", "load_all", "unsafe_load", "full_load", "Loader")}
YAML |= {("yaml", name) for name in ("UnsafeLoader", "FullLoader", "unsafe_load_all")}
SQL = re.compile(
    r"\b(SELECT\b.+\bFROM|INSERT\s+INTO|UPDATE\b.+\bSET|DELETE\s+FROM|(CREATE|DROP|ALTER)\s+[A-Z]+)\b",
    re.DOTALL,
)

STATEMENTS_OF_THE_SCHEMA = {
    "bridge/store/bulk.py": "names of tables and columns come from `schema`, values are parameters"
}


def test_no_text_is_run_as_code() -> None:
    def offends(node: ast.AST) -> bool:
        return isinstance(node, ast.Call) and name(node.func) in CODE_FROM_TEXT

    assert found(offends) == []


@pytest.mark.covers("T64")
def test_no_data_is_unpickled_and_no_shell_is_started() -> None:
    def offends(node: ast.AST) -> bool:
        if isinstance(node, ast.Import):
            return any(alias.name.split(".")[0] in CODE_FROM_DATA for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            return (node.module or "").split(".")[0] in CODE_FROM_DATA
        if isinstance(node, ast.Call):
            return attribute(node.func) in SHELL or any(is_shell(key) for key in node.keywords)
        return False

    assert found(offends) == []


def is_shell(keyword: ast.keyword) -> bool:
    off = isinstance(keyword.value, ast.Constant) and keyword.value.value is False
    return keyword.arg == "shell" and not off


def test_yaml_is_read_by_the_safe_loader_only() -> None:
    assert found(lambda node: attribute(node) in YAML) == []


@pytest.mark.covers("T63")
def test_no_statement_is_put_together_from_text() -> None:
    def offends(node: ast.AST) -> bool:
        return SQL.search(assembled(node)) is not None

    modules = {place.rpartition(":")[0] for place in found(offends)}
    assert modules == set(STATEMENTS_OF_THE_SCHEMA)


def assembled(node: ast.AST) -> str:
    """Give the constant text of an expression that mixes it with other values."""
    if isinstance(node, ast.JoinedStr) and any(
        isinstance(part, ast.FormattedValue) for part in node.values
    ):
        parts: list[ast.expr] = node.values
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Mod):
        parts = [node.left, node.right]
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        parts = [node.func.value] if node.func.attr in {"format", "join", "replace"} else []
    else:
        parts = []
    texts = [part.value for part in parts if isinstance(part, ast.Constant)]
    return " ".join(text for text in texts if isinstance(text, str))


def found(offends: Callable[[ast.AST], bool]) -> list[str]:
    """Name the places, `file:line`, of all nodes that offend."""
    return [
        f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
        for path in PRODUCT
        for node in ast.walk(ast.parse(path.read_text()))
        if offends(node)
    ]


def name(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def attribute(node: ast.AST) -> tuple[str, str]:
    return (name(node.value), node.attr) if isinstance(node, ast.Attribute) else ("", "")


BAD = [
    ("eval('1')", test_no_text_is_run_as_code),
    ("import pickle", test_no_data_is_unpickled_and_no_shell_is_started),
    ("from marshal import loads", test_no_data_is_unpickled_and_no_shell_is_started),
    ("import os\nos.system('ls')", test_no_data_is_unpickled_and_no_shell_is_started),
    ("run(['ls'], shell=True)", test_no_data_is_unpickled_and_no_shell_is_started),
    ("run(['ls'], shell=yes)", test_no_data_is_unpickled_and_no_shell_is_started),
    ("import yaml\nyaml.load('a')", test_yaml_is_read_by_the_safe_loader_only),
    ("f'SELECT {a} FROM b'", test_no_statement_is_put_together_from_text),
    ("'DELETE FROM ' + a", test_no_statement_is_put_together_from_text),
    ("'INSERT INTO %s' % a", test_no_statement_is_put_together_from_text),
    ("'UPDATE {} SET a = 1'.format(a)", test_no_statement_is_put_together_from_text),
]


@pytest.mark.parametrize(("text", "gate"), BAD, ids=[text for text, _ in BAD])
def test_each_gate_closes(
    text: str, gate: Callable[[], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bad.py"
    path.write_text(text)
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    monkeypatch.setitem(globals(), "PRODUCT", [path])
    with pytest.raises(AssertionError):
        gate()
