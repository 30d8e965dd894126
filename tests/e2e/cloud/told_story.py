"""A story told to a world and to its oracle."""

from __future__ import annotations

from e2e.cloud.oracle import Oracle
from e2e.cloud.reading_back import batches, end_of
from e2e.cloud.stories import VOLUME_CHAPTERS, Chapter, Story
from e2e.cloud.world import World

MOST_SHOWN = 20


class Telling:
    """Where a story is, and what it must have led to. Made by `begin`."""

    def __init__(self, world: World, oracle: Oracle, story: Story) -> None:
        self.world = world
        self.oracle = oracle
        self.story = story
        self.told = 0
        """Chapters of this volume."""
        self.records = 0

    async def send(self) -> Chapter:
        """Send the next chapter."""
        if self.told == VOLUME_CHAPTERS:
            self.story, self.told = self.story.next_volume(), 0
            await self.load()
        chapter = self.story.chapter(self.told)
        self.told += 1
        self.records += chapter.records
        await self.oracle.hear(chapter)
        await self.world.hub.send(chapter.events)
        return chapter

    async def load(self) -> None:
        """Load the story's roster on both sides."""
        await self.world.load(self.story.meters)
        await self.oracle.load(self.story.meters)

    async def tell(self, chapters: int) -> None:
        """Send so many chapters, each when the one before has led to all it leads to."""
        for _ in range(chapters):
            await self.send()
            await self.world.drained()

    async def check(self) -> None:
        """The world is as the oracle's, nobody was told anything twice, and every batch's counts add up."""
        differences = (await end_of(self.world)).differences(await self.oracle.end())
        assert not differences, "\n".join(differences[:MOST_SHOWN])
        wrong = [each for each in batches(self.world) if sum(each.tally.values()) != each.records]
        assert not wrong, f"the counts of a batch do not add up: {wrong[0]}"


async def begin(world: World, oracle: Oracle, story: Story | None = None) -> Telling:
    """Open a story."""
    telling = Telling(world, oracle, story or Story())
    await telling.load()
    return telling
