"""How long an attempt may take, as its answer arrives. Time leaps, so nobody waits."""

import asyncio
import math

import pytest

from factories import messages as make
from factories.leaping_loop import leap
from isthmus.serving.timers import SLOW_START_FACTOR, Watch
from isthmus.upstreams.upstream import Timers
from isthmus.wire.messages.events import TextRun, is_content

TIMERS = Timers(
    first_byte=10, first_content=20, stall=5, content_idle=12, total=100, unary_total=50
)

START, PING = make.stream(make.message(make.text("Hi.")))[:2]
TEXT = TextRun(0, "text_delta", [b'"Hi."'])
STOP = {"type": "content_block_stop", "index": 0}


def opened(kind: str) -> dict:
    return {"type": "content_block_start", "index": 0, "content_block": {"type": kind}}


BEGUN = [(0, [START, opened("text"), TEXT])]
#: For as long as anybody looks: pings, one every four seconds.
PINGS = [(4, [PING])] * 100


def ended(steps: list, timers: Timers = TIMERS, **how) -> float:
    """Return after how many seconds an attempt is given up. Steps: so long after, this arrives."""
    options = {"slow_start": False, "deadline": math.inf, **how}

    async def attempt() -> float:
        watch, has_content = Watch(timers, **options), False
        try:
            with watch.limit:
                for seconds, arrived in steps:
                    await asyncio.sleep(seconds)
                    watch.heard(arrived)
                    if not has_content and any(map(is_content, arrived)):
                        has_content = True
                        watch.content()
                await asyncio.sleep(1e6)
        except TimeoutError:
            return asyncio.get_running_loop().time()
        raise AssertionError("nothing ended it")

    return round(leap(attempt()), 6)


def test_the_first_byte_has_its_time():
    assert ended([]) == 10


def test_the_first_content_has_its_time_however_much_else_comes():
    assert ended([(1, [START]), *PINGS]) == 20


def test_bytes_that_complete_no_event_are_a_sign_of_life():
    assert ended([(4, [])] * 3) == 17


def test_silence_before_the_first_content_is_a_stall():
    assert ended([(1, [START])]) == 6


def test_silence_after_content_is_a_stall():
    assert ended([*BEGUN, (3, [TEXT])]) == 8


def test_pings_alone_are_not_enough_for_long():
    assert ended([*BEGUN, *PINGS]) == 12


@pytest.mark.parametrize("event", [TEXT, STOP, {"type": "content_block_delta"}, {"type": "new"}])
def test_any_other_event_is_a_sign_of_work(event):
    assert ended([*BEGUN, (4, [PING]), (4, [event]), *PINGS]) == 20


@pytest.mark.parametrize("kind", ["thinking", "redacted_thinking", "tool_use", "server_tool_use"])
def test_while_the_model_thinks_or_writes_a_call_pings_are_enough(kind):
    assert ended([(0, [START, opened(kind)]), *PINGS]) == 100


@pytest.mark.parametrize("kind", ["thinking", "tool_use"])
def test_while_the_model_thinks_or_writes_a_call_silence_is_still_a_stall(kind):
    assert ended([(0, [START, opened(kind)]), (4, [PING])]) == 9


def test_a_block_that_has_ended_is_no_excuse():
    assert ended([(0, [START, opened("thinking")]), *PINGS[:5], (0, [STOP]), *PINGS]) == 32


def test_a_text_after_the_thinking_is_no_excuse():
    begun = [(0, [START, opened("thinking")]), (4, [STOP, opened("text")])]
    assert ended([*begun, *PINGS]) == 16


SHORT_IDLE = Timers(first_byte=100, first_content=100, stall=60, content_idle=30, total=1000)


def test_thinking_that_begins_right_after_other_bytes_is_not_cut_short():
    steps = [*BEGUN, (10, [TEXT]), (0.1, [STOP, opened("thinking")])]
    assert ended(steps, SHORT_IDLE) == pytest.approx(70.1)


def test_thinking_that_ends_right_after_other_bytes_is_no_excuse():
    steps = [(0, [START, opened("thinking")]), (10, [PING]), (0.1, [STOP])]
    assert ended(steps, SHORT_IDLE) == pytest.approx(40.1)


def test_the_whole_has_its_time_however_lively_it_is():
    assert ended([*BEGUN, *[(1, [TEXT])] * 200]) == 100


@pytest.mark.parametrize("steps", [[], [(1, [START]), *PINGS], [*BEGUN, *[(1, [TEXT])] * 200]])
def test_the_calls_own_deadline_ends_it_at_any_time(steps):
    assert ended(steps, deadline=7.5) == 7.5


def test_slow_starts_have_longer_for_what_comes_first_only():
    assert ended([], slow_start=True) == 10 * SLOW_START_FACTOR
    assert ended([(1, [START]), *PINGS], slow_start=True) == 20 * SLOW_START_FACTOR
    assert ended([*BEGUN, *PINGS], slow_start=True) == 12


def test_the_start_has_no_longer_than_the_whole():
    assert ended([], Timers(first_byte=300, total=100)) == 100


def blocked(seconds: float, timers: Timers = TIMERS, **how) -> float:
    """Return when an attempt is given up whose client took nothing for so long."""

    async def attempt() -> float:
        now = asyncio.get_running_loop().time
        options = {"slow_start": False, "deadline": math.inf, **how}
        watch = Watch(timers, **options, blocked=lambda: now() < seconds)
        try:
            with watch.limit:
                watch.heard([TEXT])
                watch.content()
                await asyncio.sleep(1e6)
        except TimeoutError:
            return now()
        raise AssertionError("nothing ended it")

    return round(leap(attempt()), 6)


def test_while_the_client_takes_nothing_the_upstream_is_not_blamed():
    assert blocked(39) == 40


def test_while_the_client_takes_nothing_the_whole_is_still_limited():
    assert blocked(1000) == 100
    assert blocked(1000, deadline=30.0) == 30


def test_after_a_pause_the_time_without_content_begins_anew():
    timers = Timers(first_byte=10, first_content=20, stall=50, content_idle=12, total=100)
    assert blocked(37, timers) == 48
