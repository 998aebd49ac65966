"""What passes between a worker and the child process that does the work: JSON objects, one a line.

They travel on a pipe of their own, so that nothing that the work prints can be taken for a message.
"""

import json
import math
from collections.abc import Mapping


def storable(value: object) -> object:
    """The value as both databases take it in a JSON column.

    SQLite refuses NaN and infinity, PostgreSQL also NUL characters and lone surrogates (as in the names of
    files that are not UTF-8); numpy's numbers become Python's.
    """
    match value:
        case Mapping():
            return {str(storable(str(key))): storable(item) for key, item in value.items()}
        case list() | tuple():
            return [storable(item) for item in value]
        case str():
            return value.replace("\0", "").encode("utf-8", "replace").decode()
        case float():
            return value if math.isfinite(value) else None
        case _ if hasattr(value, "item"):  # numpy, not imported here: a worker needs none
            return storable(value.item())
        case _:
            return value


def encode(**message: object) -> bytes:
    """One line for the pipe; raises TypeError where a value is nothing that JSON knows."""
    return json.dumps(storable(message)).encode() + b"\n"
