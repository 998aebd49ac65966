"""Live pages: one look for all who watch, every change to each of them, and an end."""

import asyncio

import pytest

from workbench.ledger.dispatch import submit
from workbench.ledger.models import Job
from workbench.views import live
from workbench.views.live import Broadcaster, Piece, Topic

TOPIC = Topic(None)


@pytest.fixture(autouse=True)
def fast(monkeypatch):
    monkeypatch.setattr(live, "LOOK_EVERY_S", 0.01)
    monkeypatch.setattr(live, "REPEAT_EVERY_S", 0.2)


class Play:
    """Draws one prepared piece after the other, and the last one for ever."""

    def __init__(self, *pieces: Piece) -> None:
        self.pieces, self.looks = pieces, 0

    def __call__(self, topic: Topic) -> Piece:
        self.looks += 1
        return self.pieces[min(self.looks, len(self.pieces)) - 1]


async def read(broadcaster: Broadcaster, count: int) -> list[str]:
    pieces = broadcaster.follow(TOPIC)
    read = [piece.html async for piece, _ in _zip(pieces, count)]
    await pieces.aclose()
    return read


async def _zip(pieces, count):
    for number in range(count):
        try:
            yield await anext(pieces), number
        except StopAsyncIteration:
            return


def test_nobody_watching_costs_no_look():
    play = Play(Piece("a", False))

    async def story():
        broadcaster = Broadcaster(play)
        await read(broadcaster, 1)
        seen = play.looks
        await asyncio.sleep(0.1)
        assert play.looks <= seen + 1

    asyncio.run(story())


def test_an_unchanged_piece_is_not_sent_at_every_look():
    play = Play(Piece("a", False), Piece("a", False), Piece("a", False), Piece("b", True))
    assert asyncio.run(read(Broadcaster(play), 9)) == ["a", "b"]


def test_a_silent_stream_repeats_itself():
    assert asyncio.run(read(Broadcaster(Play(Piece("a", False))), 3)) == ["a"] * 3


def test_a_hundred_watchers_share_the_looks():
    play = Play(Piece("a", False), Piece("b", False), Piece("c", True))

    async def story():
        broadcaster = Broadcaster(play)
        return await asyncio.gather(*(read(broadcaster, 9) for _ in range(100)))

    assert asyncio.run(story()) == [["a", "b", "c"]] * 100
    assert play.looks == 3


def test_a_latecomer_gets_the_present_piece_at_once():
    play = Play(Piece("a", False))

    async def story():
        broadcaster = Broadcaster(play)
        watcher = asyncio.create_task(read(broadcaster, 3))
        await asyncio.sleep(0.1)
        looks = play.looks
        assert await read(broadcaster, 1) == ["a"]
        assert play.looks <= looks + 1
        await watcher

    asyncio.run(story())


@pytest.mark.django_db
def test_a_job_is_final_when_it_has_ended():
    job = submit("labeling.jobs.sync", "Fetch", dataset_id=1)
    assert not live.draw(Topic(job.pk)).final
    Job.objects.filter(pk=job.pk).update(state=Job.State.DONE, result={"annotations": 3})
    piece = live.draw(Topic(job.pk))
    assert piece.final
    assert "annotations" in piece.html


@pytest.mark.django_db
def test_a_deleted_job_ends_its_page():
    job = submit("labeling.jobs.sync", "Fetch", dataset_id=1)
    pk = job.pk
    job.delete()
    assert live.draw(Topic(pk)).final
