"""What the file may say of a model otherwise than the catalog. Whatever is absent stays."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from isthmus.call import Effort, ThinkingType

Dollars = Annotated[float, Meta(ge=0, le=1_000_000)]
Tokens = Annotated[int, Meta(ge=1)]


class CapabilitiesConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the model accepts, where that is not what the catalog says."""

    max_input_tokens: Annotated[Tokens | None, Meta(description="The longest prompt.")] = None
    max_output_tokens: Annotated[Tokens | None, Meta(description="The longest answer.")] = None
    thinking: Annotated[
        tuple[ThinkingType, ...] | None, Meta(description="Values that `thinking.type` may take.")
    ] = None
    thinking_default: Annotated[
        Literal["off", "on", "always"] | None,
        Meta(description="What it does unasked; `always`: it cannot be told not to think."),
    ] = None
    thinking_display: Annotated[
        Literal["summarized", "omitted"] | None,
        Meta(description="What is shown of its thinking unasked."),
    ] = None
    efforts: Annotated[
        tuple[Effort, ...] | None,
        Meta(description="Levels of effort, weakest first; an empty list: it has none."),
    ] = None
    default_effort: Annotated[Effort | None, Meta(description="The level it takes unasked.")] = None
    effort_without_thinking: Annotated[
        Effort | None, Meta(description="The strongest level that goes with thinking off.")
    ] = None
    sampling: Annotated[
        Literal["none", "one_of", "both"] | None,
        Meta(description="temperature and top_p: refused, one of the two, or both."),
    ] = None
    prefill: Annotated[
        bool | None, Meta(description="Whether it continues a last assistant message.")
    ] = None
    forced_tools: Annotated[
        bool | None, Meta(description="Whether it can be made to call a tool.")
    ] = None
    mid_system: Annotated[
        bool | None, Meta(description="Whether system messages may stand inside the conversation.")
    ] = None
    prefix_check: Annotated[
        Literal["none", "new_accounts", "all_accounts"] | None,
        Meta(description="Whose thinking is checked against everything before it."),
    ] = None
    account_bound: Annotated[
        bool | None, Meta(description="Whether only the same account can read its thinking.")
    ] = None
    structured_outputs: Annotated[
        bool | None, Meta(description="Whether answers and arguments can follow a schema.")
    ] = None
    cache_minimum: Annotated[
        Annotated[int, Meta(ge=0)] | None,
        Meta(description="Shorter prompts are not cached; in tokens."),
    ] = None
    image_input: Annotated[bool | None, Meta(description="Whether it takes images.")] = None
    pdf_input: Annotated[bool | None, Meta(description="Whether it takes PDF files.")] = None
    fast_mode: Annotated[
        bool | None,
        Meta(description="Whether callers may have fast answers, which cost more."),
    ] = None


class RateConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A price in US dollars per million tokens; a list of them where it depends on the prompt."""

    input: Annotated[Dollars, Meta(description="Tokens of the prompt.")]
    output: Annotated[Dollars, Meta(description="Tokens of the answer.")]
    cache_read: Annotated[Dollars, Meta(description="Tokens read from the prompt cache.")]
    cache_write_5m: Annotated[
        Dollars | None,
        Meta(description="Written to it for 5 minutes. Absent: 1.25 times `input`."),
    ] = None
    cache_write_1h: Annotated[
        Dollars | None, Meta(description="Written to it for 1 hour. Absent: 2 times `input`.")
    ] = None
    above_tokens: Annotated[
        Annotated[int, Meta(ge=0)],
        Meta(description="It holds for prompts longer than this; the first starts at 0."),
    ] = 0
