"""The README is right: its commands run as they stand, in an empty home."""

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bridge.registry import KINDS
from tests.servers.ports import free_port

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)

# For machines without curl: the few options that the README uses.
CURL = """#!{python}
import sys, urllib.request
arguments = sys.argv[1:]
silent = "--output" in arguments
url = next(part for part in arguments if part.startswith("http"))
try:
    body = urllib.request.urlopen(url, timeout=30).read()
except OSError:
    sys.exit(22)
if not silent:
    sys.stdout.buffer.write(body)
"""


@pytest.mark.timeout(240)
@pytest.mark.covers("S4-36")
def test_the_first_ten_minutes_work_in_an_empty_home(tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    if shutil.which("curl") is None:
        (tools / "curl").write_text(CURL.format(python=sys.executable))
        (tools / "curl").chmod(0o755)
    home = tmp_path / "home"
    home.mkdir()
    lines = ["set -eu"]
    for language, text in BLOCKS:
        if language == "sh":
            lines.append(text)
        elif language == "yaml":
            lines.append(f"cat > busybridge.yaml <<'YAML'\n{text}YAML")
    script = "\n".join(lines).replace("5232", str(free_port()))
    environment = {
        "HOME": str(home),
        "PATH": f"{tools}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "LANG": "C.UTF-8",
    }
    process = subprocess.Popen(
        ["bash", "-c", script],
        cwd=home,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        # The server goes on in the background and keeps the pipe: read until the last command.
        output = ""
        for line in process.stdout:
            output += line
            if process.poll() is not None or "reloaded" in line:
                break
        assert process.wait(60) == 0, output
    finally:
        os.killpg(process.pid, signal.SIGTERM)
    assert "no problems" in output
    assert re.search(r"^FREEBUSY;FBTYPE=BUSY:", output, re.MULTILINE), output
    assert "active" in output
    assert "BUSY" in output
    assert "Cleaning" not in re.sub(r".*closures/.*", "", output), "only explain names events"


def support_table() -> str:
    """A row for each kind of source, in its own words."""
    abilities = list(dict.fromkeys(name for kind in KINDS.values() for name in kind.capabilities))
    lines = [["Source", *abilities], ["---"] * (len(abilities) + 1)]
    for kind in KINDS.values():
        names = ", ".join(f"`{name}`" for name in (kind.name, *kind.synonyms))
        cells = [kind.capabilities.get(ability, "todo") for ability in abilities]
        lines.append([f"{kind.title} ({names})", *cells])
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def test_the_support_table_is_what_the_kinds_say(update_golden: bool) -> None:
    path = ROOT / "README.md"
    parts = re.split(r"(<!-- (?:support|end of support) table[^\n]*-->\n)", path.read_text())
    assert len(parts) == 5
    parts[2] = f"\n{support_table()}\n"
    if update_golden:
        path.write_text("".join(parts))
    assert path.read_text() == "".join(parts)


def test_every_file_that_the_readme_names_is_there() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target
