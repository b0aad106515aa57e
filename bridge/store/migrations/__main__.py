"""Write the next revision from what `schema` says: `python -m bridge.store.migrations "title"`.

For developers: read what comes out, add what no comparison can know (how rows move), then set
`HEAD` to its number.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from alembic import command

from bridge.store.database import Database
from bridge.store.migrations import HEAD, configuration


def main(title: str) -> None:
    """Compare a database at the current revision with the tables of the code."""
    with TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{Path(folder) / 'current.sqlite3'}")
        database.migrate()
        with database.read() as conn:
            command.revision(
                configuration(conn),
                title,
                autogenerate=True,
                head=HEAD,
                rev_id=f"{int(HEAD) + 1:04}",
            )
        database.close()


if __name__ == "__main__":
    main(sys.argv[1])
