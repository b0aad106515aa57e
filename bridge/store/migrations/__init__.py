"""The schema's history: alembic revisions, run by `Database.migrate`, without an ini file."""

from __future__ import annotations

from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from sqlalchemy import Connection

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0016"
"""The revision of this version; kept here, so that a current database is opened without alembic."""

_ALEMBIC = Lock()  # it keeps what it works on in its modules
_FOLDER = Path(__file__).parent


def known() -> frozenset[str]:
    """Name every revision that this program can read: `r0001_title.py` is revision 0001."""
    files = (_FOLDER / "versions").glob("r*.py")
    return frozenset(file.stem[1:].partition("_")[0] for file in files)


def upgrade(conn: Connection) -> None:
    """Run the missing revisions inside the caller's transaction."""
    from alembic import command

    with _ALEMBIC:
        command.upgrade(configuration(conn), HEAD)


def configuration(conn: Connection) -> Config:
    """Tell alembic where the revisions are and which connection it works on."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.set_main_option("file_template", "r%%(rev)s_%%(slug)s")
    config.attributes["connection"] = conn
    return config
