"""A line in a project's description by which a Label Studio that was restored from an old copy is known.

It counts what we took and sent, there as here.  A count that is behind ours, or gone, means that the server
forgot something: without it the forgotten annotations would look as if people had deleted them.
"""

import re

LINE = "Kept by Seedbed; do not change this line: {name}.{mark}"
READ = re.compile(r"Kept by Seedbed; do not change this line: (\S+)\.(\d+)")


def write(description: str, name: str, mark: int) -> str:
    """Return the description with the line in it; what people wrote around it stays."""
    line = LINE.format(name=name, mark=mark)
    if READ.search(description):
        return READ.sub(line, description, count=1)
    return f"{description.rstrip()}\n\n{line}".strip()


def read(description: str, name: str) -> int | None:
    """Return the mark of this name, or None where there is none."""
    found = READ.search(description)
    return int(found[2]) if found and found[1] == name else None
