"""Many rows at once, past the objects that Django would make of each.

100,000 annotations with their events: 2 s of CPU; by bulk_create 9 s, by update_or_create 100 s and more.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import connection, models


def reserve(model: type[models.Model], count: int) -> range | list[int]:
    """Return so many fresh primary keys of the table, ascending; call it within a transaction."""
    if count == 0:
        return range(0)
    table = model._meta.db_table
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)", [table, count]
            )
            return sorted(pk for (pk,) in cursor.fetchall())
        # our transactions on SQLite are IMMEDIATE: nobody else inserts meanwhile
        cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = %s", [table])
        found = cursor.fetchone()
        first = (found[0] if found else 0) + 1
    return range(first, first + count)


def insert(
    model: type[models.Model],
    columns: Sequence[str],
    values: Iterable[Sequence[Any]],
    *,
    unique: Sequence[str] = (),
) -> None:
    """Insert rows; where one of the same `unique` columns stands already, it takes the new values."""
    name = connection.ops.quote_name
    table, places = name(model._meta.db_table), ", ".join(["%s"] * len(columns))
    statement = f"INSERT INTO {table} ({', '.join(map(name, columns))}) VALUES ({places})"
    if unique:
        sets = ", ".join(f"{name(c)} = excluded.{name(c)}" for c in columns if c not in (*unique, "id"))
        statement += f" ON CONFLICT ({', '.join(map(name, unique))}) DO UPDATE SET {sets}"
    _run(statement, values)


def update(model: type[models.Model], columns: Sequence[str], values: Iterable[Sequence[Any]]) -> None:
    """Write these columns of many rows; the last value of each is its primary key."""
    name = connection.ops.quote_name
    sets = ", ".join(f"{name(column)} = %s" for column in columns)
    _run(f"UPDATE {name(model._meta.db_table)} SET {sets} WHERE id = %s", values)


def moment(value: Any) -> datetime | None:
    """Return a stored time without its zone, which is UTC: SQLite gives text, PostgreSQL a time."""
    if isinstance(value, str):
        return datetime.fromisoformat(value)
    return value.replace(tzinfo=None) if value is not None else None


def _run(statement: str, values: Iterable[Sequence[Any]]) -> None:
    given: list[Any] = list(values)
    if connection.vendor == "sqlite":
        given = [[_text(v) if type(v) is datetime else v for v in row] for row in given]
    with connection.cursor() as cursor:
        cursor.executemany(statement, given)


def _text(moment: datetime) -> str:
    """Return the time as Django writes it into SQLite."""
    return str(moment.astimezone(UTC).replace(tzinfo=None))
