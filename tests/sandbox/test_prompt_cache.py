"""The prompt cache reads what was there before, writes what follows, and adds up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.sandbox.models import find
from isthmus.sandbox.prompt import Prompt
from isthmus.sandbox.prompt_cache import CacheUsage, PromptCache

SONNET = find("claude-sonnet-4-6")
SHORT = {"cache_control": {"type": "ephemeral"}}
HOUR = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
LONG = "word " * SONNET.cache_minimum


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def text(value: str, **more) -> dict:
    return {"type": "text", "text": value, **more}


def ask(*blocks: dict, **more) -> dict:
    return {"messages": [{"role": "user", "content": list(blocks)}]} | more


def use(cache: PromptCache, document: dict, model=SONNET, key: str = "k") -> CacheUsage:
    used = cache.use(Prompt(document), model, key)
    total = used.uncached + used.read + used.written_5m + used.written_1h
    assert total == Prompt(document).tokens
    return used


def is_hit(cache: PromptCache, document: dict, **more) -> bool:
    return use(cache, document, **more).read > 0


def test_without_breakpoints_nothing_is_cached():
    cache = PromptCache()
    for _ in range(2):
        assert use(cache, ask(text(LONG))) == CacheUsage(Prompt(ask(text(LONG))).tokens)


def test_what_was_written_is_read_by_the_next_request():
    cache, asked = PromptCache(), ask(text(LONG, **SHORT), text("a question"))
    first, second = use(cache, asked), use(cache, asked)
    assert first.read == second.written_5m == 0
    assert first.written_5m == second.read >= SONNET.cache_minimum
    assert first.uncached == second.uncached == Prompt(ask(text("a question"))).tokens - 9


def test_conversation_that_goes_on_reads_its_beginning_and_writes_the_rest():
    cache, asked = PromptCache(), ask(text(LONG), **SHORT)
    before = use(cache, asked)
    answer, again = {"role": "assistant", "content": "a"}, {"role": "user", "content": "b"}
    after = use(cache, {**asked, "messages": [*asked["messages"], answer, again]})
    assert (after.read, after.uncached) == (before.written_5m, 0)
    assert after.written_5m > 0


@pytest.mark.parametrize(
    "change",
    [
        {"tools": [{"name": "g", "input_schema": {"type": "object"}}]},
        {"system": "other"},
        {"messages": [{"role": "user", "content": [text("X" + LONG, **SHORT)]}]},
    ],
)
def test_change_before_a_breakpoint_misses(change):
    tool = {"name": "f", "input_schema": {"type": "object"}}
    cache, asked = PromptCache(), ask(text(LONG, **SHORT), system="said", tools=[tool])
    use(cache, asked)
    assert is_hit(cache, asked)
    assert not is_hit(cache, {**asked, **change})


def test_messages_may_change_behind_a_breakpoint_in_the_system_text():
    cache = PromptCache()
    use(cache, ask(text("a"), system=[text(LONG, **SHORT)]))
    assert is_hit(cache, ask(text("b"), system=[text(LONG, **SHORT)]))


@pytest.mark.parametrize(
    "same",
    [
        ask(
            messages=[{"role": "user", "content": LONG}, {"role": "user", "content": "b"}], **SHORT
        ),
        ask(text(LONG), text("b", **HOUR)),
        ask(text(LONG, **SHORT), text("b", **SHORT)),
    ],
)
def test_form_of_the_same_prompt_does_not_matter(same):
    cache, first = PromptCache(), ask(text(LONG), text("b"), **SHORT)
    use(cache, first)
    assert use(cache, same).read == Prompt(first).tokens


@pytest.mark.parametrize("other", [{"key": "other"}, {"model": find("claude-sonnet-4-5")}])
def test_nobody_reads_what_another_key_or_model_wrote(other):
    cache, asked = PromptCache(), ask(text(LONG, **SHORT))
    use(cache, asked)
    assert not is_hit(cache, asked, **other)


@pytest.mark.parametrize(("more", "cached"), [(0, True), (-1, False)])
def test_prefix_under_the_models_minimum_is_silently_uncached(more, cached):
    frame = Prompt(ask(text("a"))).tokens - 1
    document = ask(text(" a" * (SONNET.cache_minimum - frame + more), **SHORT))
    assert (use(PromptCache(), document).written_5m > 0) is cached


@pytest.mark.parametrize(("mark", "seconds"), [(SHORT, 300), (HOUR, 3600)])
def test_entry_lives_for_its_lifetime_from_its_last_use(mark, seconds):
    clock = Clock()
    cache, asked = PromptCache(clock), ask(text(LONG, **mark))
    use(cache, asked)
    for _ in range(3):
        clock.now += seconds - 1
        assert is_hit(cache, asked)
    clock.now += seconds
    assert not is_hit(cache, asked)


def test_lifetimes_are_counted_apart():
    document = ask(text(LONG, **HOUR), text("b c d", **SHORT), text("e"))
    used = use(PromptCache(), document)
    assert used.written_1h >= SONNET.cache_minimum
    assert (used.written_5m, used.uncached) == (6, 4)
    created = used.document()["cache_creation"]
    assert sum(created.values()) == used.document()["cache_creation_input_tokens"]


@pytest.mark.parametrize(("between", "hit"), [(19, True), (20, False)])
def test_breakpoint_looks_back_twenty_blocks(between, hit):
    cache, more = PromptCache(), [text(f"t{at}") for at in range(between)]
    use(cache, ask(text(LONG, **SHORT)))
    more[-1] |= SHORT
    assert is_hit(cache, ask(text(LONG), *more)) is hit


def test_breakpoint_inside_of_a_result_stands_at_its_end():
    call = {"type": "tool_use", "id": "a", "name": "f", "input": {"cache_control": "data"}}
    result = {"type": "tool_result", "tool_use_id": "a", "content": [text(LONG, **SHORT)]}
    said = [("user", [text("hi")]), ("assistant", [call]), ("user", [result])]
    document = {"messages": [{"role": role, "content": content} for role, content in said]}
    cache = PromptCache()
    written = use(cache, document).written_5m
    assert written == use(cache, document).read == Prompt(document).tokens


def test_thinking_carries_no_automatic_breakpoint():
    thought = {"type": "thinking", "thinking": "t", "signature": "s"}
    said = [("user", [text(LONG)]), ("assistant", [thought])]
    document = {"messages": [{"role": role, "content": content} for role, content in said]}
    assert use(PromptCache(), {**document, **SHORT}).uncached > 0


def test_least_recently_used_prefix_makes_room():
    cache = PromptCache(capacity=2)
    one, two, three = (ask(text(name + LONG, **SHORT)) for name in "abc")
    for document in (one, two, one, three):
        use(cache, document)
    assert is_hit(cache, one)
    assert not is_hit(cache, two)


def test_tool_that_is_loaded_later_is_no_part_of_the_prompt():
    deferred = {"name": "f", "input_schema": {"type": "object"}, "defer_loading": True}
    assert Prompt(ask(text("a"), tools=[deferred])).tokens == Prompt(ask(text("a"))).tokens


@given(st.lists(st.lists(st.tuples(st.integers(0, 2), st.booleans()), min_size=1), max_size=6))
def test_figures_always_add_up_to_the_whole_prompt(requests):
    cache = PromptCache()
    for request in requests:
        blocks = [text(("abc"[at] + " x") * 400, **(SHORT if on else {})) for at, on in request]
        used = use(cache, ask(*blocks))
        assert min(used.uncached, used.read, used.written_5m) >= 0
