"""Live pages over server-sent events: one look at the database a second and topic, however many watch.

An event without a name carries a piece of page that htmx swaps in; the event "ended" tells that no more
will come.  A piece is the same for everybody who may watch its topic: rights are checked before.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from asgiref.sync import sync_to_async
from django.db import DatabaseError, connection
from django.http import HttpRequest, StreamingHttpResponse
from django.template.loader import render_to_string
from django.views.decorators.http import require_GET

from workbench.ledger.models import Job
from workbench.views import access
from workbench.views.access import Right
from workbench.views.contexts import jobs as contexts

logger = logging.getLogger(__name__)
LOOK_EVERY_S = 1.0
REPEAT_EVERY_S = 15.0  # an unchanged piece is sent again: proxies drop silent connections


class Topic(NamedTuple):
    job: UUID | None  # None: the list of all


@dataclass(frozen=True)
class Piece:
    html: str
    final: bool  # nothing will change any more


@dataclass
class Channel:
    """The last piece of one topic and who waits for the next; it looks only while somebody watches."""

    watchers: set[asyncio.Queue[Piece]] = field(default_factory=set)
    looking: asyncio.Task[None] | None = None
    last: Piece | None = None


class Broadcaster:
    """Looks at each watched topic once a second and hands what changed to all who watch it."""

    def __init__(self, draw: Callable[[Topic], Piece]) -> None:
        self._draw = draw
        self._channels: dict[Topic, Channel] = {}

    async def follow(self, topic: Topic) -> AsyncIterator[Piece]:
        """Give the present piece of a topic at once, then every change, and end with the final one."""
        channel = self._channels.setdefault(topic, Channel())
        queue: asyncio.Queue[Piece] = asyncio.Queue()
        if channel.last:
            queue.put_nowait(channel.last)
        channel.watchers.add(queue)
        if channel.looking is None:
            channel.looking = asyncio.create_task(self._look(topic, channel))
        try:
            while True:
                piece = await self._next(queue, channel)
                yield piece
                if piece.final:
                    return
        finally:
            channel.watchers.discard(queue)
            if not channel.watchers:
                channel.looking.cancel()
                self._channels.pop(topic, None)

    async def _next(self, queue: asyncio.Queue[Piece], channel: Channel) -> Piece:
        while True:
            with suppress(TimeoutError):
                return await asyncio.wait_for(queue.get(), REPEAT_EVERY_S)
            if channel.last:
                return channel.last

    async def _look(self, topic: Topic, channel: Channel) -> None:
        while channel.last is None or not channel.last.final:
            try:
                piece = await sync_to_async(self._look_once, thread_sensitive=False)(topic)
            except DatabaseError:
                logger.exception("cannot look at %s; trying again", topic)
            else:
                self._tell(piece, channel)
            await asyncio.sleep(LOOK_EVERY_S)

    @staticmethod
    def _tell(piece: Piece, channel: Channel) -> None:
        if piece != channel.last:
            channel.last = piece
            for queue in channel.watchers:
                queue.put_nowait(piece)

    def _look_once(self, topic: Topic) -> Piece:
        try:
            return self._draw(topic)
        finally:
            connection.close()  # this thread belongs to a pool: nobody else would


def draw(topic: Topic) -> Piece:
    if topic.job is None:
        return Piece(render_to_string("workbench/parts/job_rows.html", {"rows": contexts.latest()}), False)
    job = Job.objects.filter(pk=topic.job).first()
    if job is None:
        return Piece("<p>This job was deleted.</p>", True)
    page = contexts.job_page(job)
    return Piece(render_to_string("workbench/parts/job_live.html", {"page": page}), not page.row.is_open)


broadcaster = Broadcaster(draw)


async def _stream(topic: Topic) -> AsyncIterator[str]:
    async for piece in broadcaster.follow(topic):
        yield "".join(f"data: {line}\n" for line in piece.html.splitlines()) + "\n"
        if piece.final:
            yield "event: ended\ndata: .\n\n"


def _answer(topic: Topic) -> StreamingHttpResponse:
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # nginx would hold the events back
    return StreamingHttpResponse(_stream(topic), content_type="text/event-stream", headers=headers)


@require_GET
async def jobs(request: HttpRequest) -> StreamingHttpResponse:
    await sync_to_async(access.allow)(request, Right.JOBS)
    return _answer(Topic(None))


@require_GET
async def job(request: HttpRequest, pk: UUID) -> StreamingHttpResponse:
    found = await sync_to_async(access.job)(request, pk)
    return _answer(Topic(found.pk))
