"""Whatever pieces the stream of anomalies comes in, the same incidents come of it and the same people are told."""

from __future__ import annotations

from collections import Counter, defaultdict

from correlation_bench import GASP, MINUTE, NOW, SILENCE, ZERO, Story, closed, feeder, opened
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.domain.anomalies import Phase
from functions.domain.incidents import OVER
from functions.domain.interruptions import MOMENTARY_S

LAYOUT = feeder(laterals=2, transformers=2, meters=3)
METERS = sorted(LAYOUT.places)
TRANSFORMERS = sorted(LAYOUT.transformers)
STEP = 5 * MINUTE
END = NOW + 8 * 3_600
FEW = settings(
    max_examples=120, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), print_blob=False
)

spells = st.tuples(
    st.integers(0, 40),  # begins, in steps
    st.sampled_from([30, 120, 240, 420, 900, 1_800, 3_600, 9_000]),  # lasts
    st.sampled_from([GASP, GASP, ZERO, SILENCE]),
    st.booleans(),  # says itself when it is back
    st.booleans(),  # is never heard of again
)
histories = st.lists(
    st.tuples(st.sets(st.sampled_from(METERS) | st.sampled_from(TRANSFORMERS), min_size=1, max_size=4), spells),
    min_size=1,
    max_size=5,
)
powers = st.dictionaries(st.sampled_from(METERS), st.integers(-4, 20), max_size=3)


def stream(history):
    """Records by the moment they arrive at, each meter's in their order."""
    busy, arrivals = defaultdict(int), defaultdict(list)
    for places, (begin, lasts, signal, told, lost) in sorted(history, key=lambda each: each[1]):
        for place in sorted(places):
            meters = LAYOUT.transformers.get(place, (place,))
            for nth, meter in enumerate(meters):
                start = NOW + begin * STEP + (0 if signal is not GASP else 3 * nth)
                if start <= busy[meter]:
                    continue
                end = start + lasts
                busy[meter] = END if lost else max(end, start + 6_000 * (signal is SILENCE)) + STEP
                kind = "no_reads" if signal is SILENCE else "power_off"
                heard = start + {GASP: 0, ZERO: 900, SILENCE: 6_000}[signal]
                arrivals[on_step(heard)].append(opened(meter, kind, start, signal=signal))
                if not lost:
                    back = max(end + (0 if told else 900), heard)
                    arrivals[on_step(back)].append(closed(meter, kind, start, end=end, told=told))
    return arrivals


def on_step(moment):
    return NOW + -(-(moment - NOW) // STEP) * STEP


def run(arrivals, powers, cuts):
    """Live through a stream: the timer every minute, and every arrival in some pieces."""
    story = Story(LAYOUT)
    for now in range(NOW, END, MINUTE):
        story.powered = {meter: min(NOW + 900 * slot, now - 900) for meter, slot in powers.items()}
        if story.board.release_at is not None and story.board.release_at <= now:
            story.tell(at=now)
        for piece in cuts(arrivals.get(now, [])):
            story.tell(*piece, at=now)
    return story


def outcome(story):
    """Members and devices of every incident that is none of another, and who was told what."""
    standing = defaultdict(set)
    for trouble in story.board.troubles.values():
        standing[trouble.incident_id].add(trouble.anomaly_id)
    incidents = Counter()
    for revision in story.latest.values():
        members = standing.get(revision.incident_id)
        if members is None and revision.state in OVER and not revision.parent_id:
            members = {each.anomaly_id for name in revision.chunks for each in story.members[name]}
        if members:
            incidents[revision.kind, revision.device_kind, revision.device_id, frozenset(members)] += 1
    return incidents, sorted(story.told)


def pieces(rng):
    """Cuts of an arrival that keep each meter's order."""

    def cut(records):
        queues = defaultdict(list)
        for record in sorted(records, key=lambda each: (each.start, each.phase == Phase.closed)):
            queues[record.meter_id].append(record)
        mixed = []
        while queues:
            meter = rng.choice(sorted(queues))
            mixed.append(queues[meter].pop(0))
            if not queues[meter]:
                del queues[meter]
        found, first = [], 0
        while first < len(mixed):
            size = rng.randint(1, len(mixed))
            found.append(mixed[first : first + size])
            first += size
        return found

    return cut


def whole(records):
    return [records] if records else []


@FEW
@given(histories, powers, st.randoms(use_true_random=False))
def test_any_cut_and_any_interleaving_ends_in_the_same(history, powers, rng):
    arrivals = stream(history)
    assert outcome(run(arrivals, powers, pieces(rng))) == outcome(run(arrivals, powers, whole))


@FEW
@given(histories, powers)
def test_nobody_is_told_twice_of_one_outage_and_nobody_of_a_return_without_an_outage(history, powers):
    story = run(stream(history), powers, whole)
    said = defaultdict(list)
    for kind, customer in story.told:
        said[customer].append(kind)
    for customer, kinds in said.items():
        # One message after the other: out, back, out, back.
        assert kinds == ["outage_seen", "restored"] * (len(kinds) // 2) + ["outage_seen"] * (len(kinds) % 2), customer
        assert len(kinds) <= 2 * len(history)  # one whose own meter says nothing hears of the device above it


@FEW
@given(histories, powers)
def test_a_momentary_interruption_is_never_announced(history, powers):
    short = [(places, (begin, 240, GASP, True, False)) for places, (begin, *_) in history]
    story = run(stream(short), powers, whole)
    assert story.told == []
    for revision in story.latest.values():
        lasted = [
            member.end - member.start
            for name in revision.chunks
            for member in story.members[name]
            if member.end is not None
        ]
        assert all(each <= MOMENTARY_S for each in lasted)


@FEW
@given(histories, powers)
def test_the_whole_stream_delivered_again_changes_nothing(history, powers):
    arrivals = stream(history)
    story = run(arrivals, powers, whole)
    before = len(story.revisions), list(story.told)
    story.tell(*(record for some in arrivals.values() for record in some), at=END)
    again = [each for each in story.revisions[before[0] :] if each.revision == 1]
    assert again == []
    assert story.told[: len(before[1])] == before[1]
