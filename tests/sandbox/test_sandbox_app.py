"""The sandbox over ASGI: its endpoints, its faults, and clients that leave."""

import asyncio

import pytest

from sandbox.exchange import Exchange

pytestmark = pytest.mark.anyio

MODEL = "claude-sonnet-4-6"


def ask(text: str, **more) -> dict:
    messages = [{"role": "user", "content": text}]
    return {"model": MODEL, "max_tokens": 100_000, "messages": messages, **more}


def message(text: str, **more) -> Exchange:
    return Exchange("POST", "/v1/messages", ask(text, **more))


@pytest.mark.parametrize(
    ("key", "status"),
    [
        ({}, 401),
        ({"authorization": "Bearer "}, 401),
        ({"authorization": "Basic abc"}, 401),
        ({"x_api_key": " "}, 401),
        ({"authorization": "Bearer any"}, 200),
        ({"x_api_key": "any"}, 200),
    ],
)
async def test_where_a_key_is_required_any_will_do_but_none(key, status):
    asked = await Exchange("GET", "/v1/models", **key).run(require_key=True)
    assert asked.status == status


@pytest.mark.parametrize("version", ["", "2099-01-01"])
async def test_api_version_is_required_and_known(version):
    asked = await Exchange("GET", "/v1/models", anthropic_version=version).run()
    assert (asked.status, asked.document()["error"]["type"]) == (400, "invalid_request_error")
    assert "anthropic-version" in asked.document()["error"]["message"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"a": NaN}', b"\xff", b"[" * 100_000])
async def test_body_that_is_no_object_is_refused(body):
    asked = await Exchange("POST", "/v1/messages", body).run()
    assert asked.status == 400
    assert asked.document()["request_id"] == asked.headers["request-id"]


async def test_body_over_32_mb_is_too_large():
    asked = await Exchange("POST", "/v1/messages", b" " * (32 * 1024 * 1024 + 1)).run()
    assert (asked.status, asked.document()["error"]["type"]) == (413, "request_too_large")


async def test_unknown_path_is_not_found():
    asked = await Exchange("POST", "/v1/complete").run()
    assert (asked.status, asked.document()["error"]["type"]) == (404, "not_found_error")


async def test_counting_needs_no_limit_and_fits_every_budget():
    prompt = {name: value for name, value in ask("Hello!").items() if name != "max_tokens"}
    prompt["thinking"] = {"type": "enabled", "budget_tokens": 20_000}
    asked = await Exchange("POST", "/v1/messages/count_tokens", prompt).run()
    assert (asked.status, list(asked.document())) == (200, ["input_tokens"])


@pytest.mark.parametrize("member", ["max_tokens", "stream", "stop_sequences", "metadata"])
async def test_counting_takes_nothing_but_the_prompt(member):
    prompt = {"model": MODEL, "messages": ask("Hello!")["messages"], member: 1}
    asked = await Exchange("POST", "/v1/messages/count_tokens", prompt).run()
    assert f"{member}: Extra inputs" in asked.document()["error"]["message"]


async def test_pages_of_models_follow_each_other_both_ways():
    async def listed(query: str) -> dict:
        return (await Exchange("GET", f"/v1/models?{query}").run()).document()

    first = await listed("limit=3")
    second = await listed(f"limit=3&after_id={first['last_id']}")
    back = await listed(f"limit=3&before_id={second['first_id']}")
    last = await listed(f"limit=2&before_id={second['first_id']}")
    assert (back["data"], back["has_more"]) == (first["data"], False)
    assert (last["data"], last["has_more"]) == (first["data"][1:], True)


async def test_models_are_listed_by_lifecycle():
    asked = await Exchange("GET", "/v1/models?limit=100&lifecycle[]=deprecated").run()
    assert [model["id"] for model in asked.document()["data"]] == ["claude-sonnet-4-5-20250929"]


@pytest.mark.parametrize("query", ["limit=0", "limit=x", f"limit={'9' * 5000}", "after_id=gpt-4o"])
async def test_pages_that_cannot_be_are_refused(query):
    assert (await Exchange("GET", f"/v1/models?{query}").run()).status == 400


@pytest.mark.parametrize(("stream", "position"), [(True, 5), (True, 1_000), (False, 5)])
@pytest.mark.parametrize("fault", ["break", "end", "garbage"])
async def test_spoiled_answer_never_reaches_its_end(fault, stream, position):
    asked = await message(f"[[sandbox: tokens=50 {fault}={position}]]", stream=stream).run()
    assert "message_stop" not in asked.events()
    assert not asked.body.endswith(b"}")


async def test_fault_comes_after_as_many_content_events_as_said():
    asked = await message("[[sandbox: tokens=50 end=5]]", stream=True).run()
    content = [name for name in asked.events() if name.startswith("content_block_")]
    assert (len(content), asked.complete) == (5, True)


async def test_error_of_a_whole_answer_has_the_status_of_its_type():
    asked = await message("[[sandbox: error=0:rate_limit_error]]").run()
    assert (asked.status, asked.document()["error"]["type"]) == (429, "rate_limit_error")


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("how", ["stall=3", "tokens=50 pace=60s", "tokens=90000"])
async def test_nothing_goes_on_once_the_client_has_left(how, stream):
    asked = message(f"[[sandbox: {how}]]", stream=stream)
    asked.leave()
    async with asyncio.timeout(5):
        await asked.run()
    assert "message_stop" not in asked.events()


async def test_unpaced_stream_lets_others_have_their_turn():
    long = message("[[sandbox: tokens=5000]]", stream=True)
    async with asyncio.TaskGroup() as group:
        streaming = group.create_task(long.run())
        group.create_task(message("Hello!").run()).add_done_callback(lambda _: long.leave())
    assert not streaming.result().complete


CONTEXT = "context-management-2025-06-27"


@pytest.mark.parametrize("counts", [False, True])
@pytest.mark.parametrize(("betas", "status"), [({}, 400), ({"anthropic_beta": CONTEXT}, 200)])
async def test_member_of_a_beta_is_taken_where_that_is_asked_for(counts, betas, status):
    edits = {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]}
    prompt = ask("Hello!", context_management=edits)
    if counts:
        del prompt["max_tokens"]
    path = "/v1/messages/count_tokens" if counts else "/v1/messages"
    assert (await Exchange("POST", path, prompt, **betas).run()).status == status
