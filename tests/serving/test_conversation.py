"""Calls of one conversation are known as such, and calls of two are told apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.serving.conversation import conversation


def user(content) -> dict:
    return {"role": "user", "content": content}


def system(content, role: str = "system") -> dict:
    return {"role": role, "content": content}


ANSWER = {"role": "assistant", "content": "Hello."}


def known(*messages: dict, tenant: str = "t", headers: dict | None = None, **more) -> bytes:
    document = {"model": "m", "messages": list(messages), **more}
    return conversation(tenant, headers or {}, document)


def test_a_conversation_stays_the_same_as_it_grows():
    begun = known(system("Be brief."), user("Hi."))
    assert known(system("Be brief."), user("Hi."), ANSWER, user("More."), ANSWER) == begun


@pytest.mark.parametrize(
    "other",
    [
        known(system("Be brief."), user("Hi."), tenant="u"),
        known(system("Be long."), user("Hi.")),
        known(system("Be brief."), user("Ho.")),
        known(user("Hi.")),
        known(system("Be brief."), user("Hi."), headers={"x-isthmus-session": "1"}),
        known(system("Be brief."), user("Hi."), prompt_cache_key="1"),
    ],
)
def test_what_differs_in_its_opening_is_another_conversation(other):
    assert known(system("Be brief."), user("Hi.")) != other


def test_texts_are_told_apart_by_where_they_end():
    assert known(system("ab"), user("c")) != known(system("a"), user("bc"))


def test_parts_are_read_like_texts_and_others_are_passed_over():
    parts = [{"type": "text", "text": "Hi."}, {"type": "image_url", "image_url": {"url": "x"}}]
    assert known(user(parts)) == known(user("Hi."))


def test_both_roles_that_instruct_count_alike():
    assert known(system("A"), user("Hi.")) == known(system("A", "developer"), user("Hi."))


def test_only_the_first_thing_a_user_said_counts():
    assert known(user("Hi."), user("There.")) == known(user("Hi."))


def test_of_long_texts_the_beginning_is_enough():
    assert known(user("a" * 4096 + "b")) == known(user("a" * 4096 + "c"))
    assert known(user("a" * 4095 + "b")) != known(user("a" * 4095 + "c"))


SESSIONS = [
    {"headers": {"x-isthmus-session": "s"}},
    {"headers": {"x-claude-code-session-id": "s"}},
    {"prompt_cache_key": "s"},
]


@pytest.mark.parametrize("named", SESSIONS)
def test_a_session_that_is_named_is_the_conversation_whatever_is_said(named):
    assert known(user("Hi."), **named) == known(system("X"), user("Ho."), **named)
    assert known(user("Hi."), **named) != known(user("Hi."), tenant="u", **named)


@pytest.mark.parametrize("named", SESSIONS)
def test_the_surest_name_of_a_session_counts(named):
    ours = {"headers": {"x-isthmus-session": "s", "x-claude-code-session-id": "other"}}
    assert known(user("Hi."), prompt_cache_key="another", **ours) == known(user("Ho."), **named)


def test_a_session_without_a_name_is_none():
    empty = known(user("Hi."), headers={"x-isthmus-session": ""}, prompt_cache_key="")
    assert empty == known(user("Hi."))


CONTENT = (
    st.none() | st.text() | st.lists(st.dictionaries(st.sampled_from(["text", "x"]), st.text()))
)


@given(
    st.lists(
        st.fixed_dictionaries(
            {"role": st.sampled_from(["system", "developer", "user", "assistant", "tool"])},
            optional={"content": CONTENT},
        )
    ),
    st.text(),
)
def test_whatever_the_messages_are_they_belong_to_a_conversation(messages, key):
    found = known(*messages, prompt_cache_key=key)
    assert len(found) == 16
    assert found == known(*messages, prompt_cache_key=key)


def test_half_a_surrogate_pair_is_no_obstacle():
    assert known(user("\ud800")) != known(user("\ud801"))
