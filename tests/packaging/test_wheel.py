"""The wheel, in an empty environment, used by somebody without rights."""

import contextlib
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHIPPED = ("bridge", "radicale_plugin", "pyproject.toml", "README.md", "LICENSE")


def unprivileged() -> dict[str, object]:
    """Keywords for subprocess that drop root's rights; nothing to drop for anybody else."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def interpreter() -> str:
    """A Python that somebody without rights can run; root's own may lie where only root looks."""
    usable = "import ensurepip, sys; sys.exit(sys.version_info < (3, 11))"
    for python in (sys._base_executable, "/usr/bin/python3"):
        with contextlib.suppress(OSError):
            tried = subprocess.run([python, "-c", usable], cwd="/", check=False, **unprivileged())
            if tried.returncode == 0:
                return python
    pytest.fail("no Python 3.11 with ensurepip that an unprivileged user can run")


@pytest.fixture(scope="module")
def installed():
    """An environment that holds the wheel and what it needs, readable by everybody."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        source = folder / "source"
        source.mkdir()
        for part in (*SHIPPED, "config.example.yaml"):
            if (ROOT / part).is_dir():
                shutil.copytree(
                    ROOT / part, source / part, ignore=shutil.ignore_patterns("__pycache__")
                )
            elif (ROOT / part).exists():
                shutil.copy(ROOT / part, source / part)
        pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", folder, source], check=True)
        subprocess.run([interpreter(), "-m", "venv", folder / "env"], check=True)
        wheel = next(folder.glob("busybridge-*.whl"))
        python = folder / "env" / "bin" / "python"
        pip = [python, "-m", "pip", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "install", wheel], check=True)
        yield folder / "env"


@pytest.mark.timeout(600)
def test_the_wheel_serves_in_an_empty_environment_for_an_unprivileged_user(installed) -> None:
    with tempfile.TemporaryDirectory() as home:
        rights = unprivileged()
        if rights:
            os.chown(home, int(rights["user"]), int(rights["group"]))
        run = {
            "cwd": home,
            "env": {"HOME": home, "PATH": f"{installed}/bin:/usr/bin:/bin"},
            "capture_output": True,
            "text": True,
            **rights,
        }
        made = subprocess.run([f"{installed}/bin/busybridge", "init"], check=False, **run)
        assert made.returncode == 0, made.stderr
        checked = subprocess.run([f"{installed}/bin/busybridge", "check"], check=False, **run)
        assert checked.returncode == 0, checked.stdout + checked.stderr
        status = subprocess.run(
            [f"{installed}/bin/busybridge", "status", "--json"], check=False, **run
        )
        assert status.returncode in (0, 3), status.stderr
        assert "Traceback" not in status.stderr
        assert {path.name for path in Path(home).iterdir()} >= {"busybridge.yaml", "busybridge.key"}
