"""The image: what can be shown without an engine."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.covers("T65")
def test_the_image_runs_without_rights_and_keeps_its_data_in_a_volume() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    final = lines[max(i for i, line in enumerate(lines) if line.startswith("FROM")) :]
    users = [line.split()[1] for line in final if line.startswith("USER")]
    assert users, "no USER: it would run as root"
    assert users[-1].split(":")[0] not in ("0", "root")
    assert "VOLUME /data" in final
    (check,) = re.findall(
        r"^HEALTHCHECK .*?CMD (\[.*?\])$", "\n".join(final), re.MULTILINE | re.DOTALL
    )
    assert json.loads(check) == ["python", "-m", "bridge.app.healthcheck"]
    assert (ROOT / "bridge/app/healthcheck.py").exists()
    assert final[0].endswith("-slim")
    assert not any(re.search(r"(?i)(password|secret|token|_key)\s*=", line) for line in lines)
    instructions = [line.split()[0] for line in final if re.match(r"[A-Z]+ ", line)]
    order = instructions.index("USER")
    assert "RUN" not in instructions[order:], "nothing is written after rights were dropped"
