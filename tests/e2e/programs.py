"""Calendar programs of other people, each with a home of its own and no terminal."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import clients
from tests.e2e.served import Login, Periods, events_of

PATIENCE = 60


@dataclass
class Program:
    """Where a program runs, and the account that it is told."""

    home: Path
    url: str
    """Of the server, nothing more."""
    login: Login

    def __post_init__(self) -> None:
        self.home.mkdir()
        self.set_up()

    def set_up(self) -> None:
        """Write the program's own configuration."""

    def environment(self) -> dict[str, str]:
        return {"HOME": str(self.home), "PATH": clients.PATH, "LANG": "C.UTF-8", "TZ": "UTC"}

    def run(self, *command: object, said: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(part) for part in command],
            cwd=self.home,
            env=self.environment(),
            input=said,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=PATIENCE,
        )

    def write(self, name: str, text: str) -> Path:
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(text)
        return path


class CaldavSession(Program):
    """A program with python `caldav`, for as long as the `with` lasts."""

    def __enter__(self) -> CaldavSession:
        script = Path(__file__).with_name("caldav_session.py")
        with (self.home / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [str(clients.PYTHON), str(script), self.url, *self.login],
                cwd=self.home,
                env=self.environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        return self

    def __exit__(self, *_: object) -> None:
        self.process.stdin.close()
        try:
            self.process.wait(10)
        finally:
            self.process.kill()
            self.process.stdout.close()

    def told(self, do: str, **more: Any) -> dict[str, Any]:
        self.process.stdin.write(json.dumps({"do": do, **more}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, (self.home / "log").read_text()
        return json.loads(line)

    def ask(self, do: str, **more: Any) -> Any:
        told = self.told(do, **more)
        assert "answer" in told, told
        return told["answer"]


class Vdirsyncer(Program):
    """vdirsyncer between the server and a folder, and khal that shows the folder."""

    def set_up(self) -> None:
        self.configure()
        self.write(
            ".config/khal/config",
            f"[calendars]\n[[all]]\npath = {self.home}/calendars/*\ntype = discover\n"
            "[locale]\ntimeformat = %H:%M\ndateformat = %Y-%m-%d\nlongdateformat = %Y-%m-%d\n"
            "datetimeformat = %Y-%m-%d %H:%M\nlongdatetimeformat = %Y-%m-%d %H:%M\n"
            "default_timezone = UTC\nlocal_timezone = UTC\n",
        )

    def configure(self, of_pair: str = "", of_server: str = "") -> None:
        self.write(
            ".config/vdirsyncer/config",
            f'[general]\nstatus_path = "{self.home}/status"\n'
            '[pair all]\na = "here"\nb = "there"\ncollections = ["from b"]\n'
            f'implicit = "create"\nmetadata = ["displayname"]\n{of_pair}\n'
            f'[storage here]\ntype = "filesystem"\npath = "{self.home}/calendars"\n'
            'fileext = ".ics"\n'
            f'[storage there]\ntype = "caldav"\nurl = "{self.url}"\n'
            f'username = "{self.login.name}"\npassword = "{self.login.password}"\n{of_server}\n',
        )

    def vdirsyncer(self, *command: str) -> str:
        done = self.run("vdirsyncer", *command)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def folder(self, calendar: str) -> Path:
        return self.home / "calendars" / calendar

    def stored(self, calendar: str) -> Periods:
        files = self.folder(calendar).glob("*.ics")
        return sorted(events_of("\n".join(path.read_text() for path in files)))

    def khal(self, day: object) -> list[str]:
        """A line for each event of a day: calendar, times, title."""
        line = "{calendar}: {start-time}-{end-time} {title}"
        done = self.run("khal", "list", "--format", line, "--day-format", "", day, "1d")
        assert done.returncode == 0, done.stdout
        return sorted(filter(None, done.stdout.splitlines()))


class Cadaver(Program):
    """cadaver, which reads commands and knows passwords from ~/.netrc."""

    def set_up(self) -> None:
        host = re.search("//([^:/]+)", self.url)[1]
        self.write(".netrc", f"machine {host} login {self.login.name} password "
                   f"{self.login.password}\n")  # fmt: skip

    def at(self, path: str, *commands: str) -> str:
        """What it prints when it opens the server, goes to a folder and does more there."""
        said = [f"open {self.url}", *(f"cd {part}" for part in path.split("/") if part), *commands]
        done = self.run("cadaver", said="\n".join([*said, "quit", ""]))
        assert done.returncode == 0, done.stdout
        return done.stdout

    def names(self, path: str) -> list[str]:
        listing = self.at(path, "ls").rpartition("Listing")[2]
        return re.findall(r"^(?:Coll:)? +(\S+) +\d+ ", listing, re.MULTILINE)

    def downloaded(self, path: str) -> Periods:
        found = []
        for name in self.names(path):
            (self.home / name).unlink(missing_ok=True)
            told = self.at(path, f"get {name}")
            assert "succeeded" in told, told
            found += events_of((self.home / name).read_text())
        return sorted(found)


class Calcurse(Program):
    """calcurse-caldav, which wants the path of one calendar, and calcurse that shows it."""

    path = ""

    def configure(self, path: str) -> None:
        self.write(
            ".config/calcurse/caldav/config",
            f"[General]\nHostname = {self.url.split('//')[1].strip('/')}\nPath = {path}\n"
            "HTTPS = No\nDryRun = No\n"
            f"[Auth]\nUsername = {self.login.name}\nPassword = {self.login.password}\n",
        )

    def sync(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        # Its first line asks for any Python; this is the one that has what it imports.
        script = clients.find("calcurse-caldav")
        return self.run(clients.PYTHON, script, *arguments)

    def calcurse(self, *arguments: object) -> str:
        done = self.run("calcurse", *arguments)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def shown(self, day: Any) -> list[str]:
        """A line for each appointment of a day, `09:00-10:00 Busy`."""
        line = "%(start:%H:%M)-%(end:%H:%M) %m\\n"
        found = self.calcurse("-Q", "--from", f"{day:%m/%d/%Y}", f"--format-apt={line}")
        return sorted(found.splitlines()[1:])
