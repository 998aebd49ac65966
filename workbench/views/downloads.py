"""Files for people to keep, sent piece by piece: a model of any size takes no memory here."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from django.http import StreamingHttpResponse
from django.utils.http import content_disposition_header

CHUNK = 2**20  # bytes
LOT = 1000  # rows of a table
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would take a cell for that begins so


def file(path: Path, name: str, kind: str = "application/octet-stream") -> StreamingHttpResponse:
    """Send a file of ours under a name of ours; neither comes from the request."""
    answer = _answer(_pieces(path), name, kind)
    answer["Content-Length"] = str(path.stat().st_size)
    return answer


def table(rows: Iterable[Sequence[object]], name: str) -> StreamingHttpResponse:
    """Send rows as CSV; text that a spreadsheet would calculate is kept from it by an apostrophe."""
    return _answer(_lines(iter(rows)), name, "text/csv; charset=utf-8")


def _answer(parts: AsyncIterator[bytes], name: str, kind: str) -> StreamingHttpResponse:
    answer = StreamingHttpResponse(parts, content_type=kind)
    answer["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
    answer["Cache-Control"] = "private, no-store"
    return answer


async def _pieces(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as kept:
        while piece := await asyncio.to_thread(kept.read, CHUNK):
            yield piece


async def _lines(rows: Iterator[Sequence[object]]) -> AsyncIterator[bytes]:
    while lot := list(islice(rows, LOT)):
        yield await asyncio.to_thread(_written, lot)


def _written(rows: Iterable[Sequence[object]]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows([_safe(cell) for cell in row] for row in rows)
    return out.getvalue().encode()


def _safe(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell
