"""Pydantic AI, on the OpenAI door and on the Messages door: a call, a stream, a tool, a form."""

import asyncio
import os

from pydantic import BaseModel
from pydantic_ai import Agent
from pydantic_ai.models import Model
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel

MODEL = os.environ["MODEL"]
SEEN: list[str] = []


class City(BaseModel):
    city: str


def look(at: str) -> str:
    """Look at something."""
    SEEN.append(at)
    return "a cat"


def check(name: str, said: bool) -> None:
    if not said:
        raise SystemExit(f"not as expected: {name}")
    print(f"ok {name}")


async def try_out(door: str, model: Model) -> None:
    plain = Agent(model)
    check(f"{door} whole", bool((await plain.run("Hello!")).output))
    async with plain.run_stream("Hello!") as stream:
        check(f"{door} streamed", bool(await stream.get_output()))
    SEEN.clear()
    made = await Agent(model, tools=[look]).run('[[sandbox: tool=look{"at":"x"}]]')
    check(f"{door} tools", SEEN == ["x"] and "a cat" in made.output)
    formed = await Agent(model, output_type=City).run("Where?")
    check(f"{door} structured", isinstance(formed.output, City))


async def main() -> None:
    await try_out("chat", OpenAIChatModel(MODEL))
    await try_out("messages", AnthropicModel(MODEL))


asyncio.run(main())
