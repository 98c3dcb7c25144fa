"""What is known of a model of one upstream, be it Claude or any other.

Claude's models are rows of the catalog. Of others the operator says what they accept, in the same
words; what nobody has said is taken as most OpenAI-compatible vendors have it.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from isthmus.call import Capabilities, ChatCapabilities, ChatDialect
from isthmus.routing.catalog import Catalog, ModelRow
from isthmus.routing.names import find_row

#: A model that nobody has described.
UNDESCRIBED = Capabilities(
    max_input_tokens=0,
    max_output_tokens=0,
    thinking=("disabled",),
    thinking_default="off",
    thinking_display="summarized",
    efforts=(),
    sampling="both",
    prefill=False,
    forced_tools=True,
    mid_system=True,
    prefix_check="none",
    account_bound=False,
    structured_outputs=True,
    cache_minimum=0,
)


class Description(Struct, frozen=True):
    """What the catalog knows of a model: its row, if it has one, and what it accepts."""

    row: ModelRow | None
    capabilities: Capabilities


class Descriptions:
    """Describes models of upstreams. ``dialects``: of those that speak Chat Completions."""

    def __init__(self, catalog: Catalog, dialects: Mapping[str, ChatDialect] | None = None) -> None:
        self.catalog = catalog
        self.dialects = dialects or {}

    def of(self, upstream: str, model: str) -> Description:
        """Describe a model by its id at an upstream."""
        row = find_row(self.catalog, model)
        if row is not None:
            return Description(row, row.capabilities)
        foreign = upstream in self.dialects
        return Description(None, UNDESCRIBED if foreign else self.catalog.newest.capabilities)


def chat_capabilities(capabilities: Capabilities, dialect: ChatDialect) -> ChatCapabilities:
    """Say in the words of Chat Completions what a model accepts."""
    thinks = any(kind in ("enabled", "adaptive") for kind in capabilities.thinking)
    always = capabilities.thinking_default == "always"
    switched = thinks and not always
    return ChatCapabilities(
        dialect=dialect,
        max_output_tokens=capabilities.max_output_tokens or None,
        image_input=capabilities.image_input,
        pdf_input=capabilities.pdf_input,
        thinking="always" if always else "switched" if thinks else "never",
        efforts=capabilities.efforts,
        # Where nothing else keeps a model with levels from thinking, a level does.
        effort_none=switched and bool(capabilities.efforts) and not dialect.thinks_not,
        sampling="none" if capabilities.sampling == "none" else "all",
        structured_outputs=capabilities.structured_outputs,
        forced_tools=capabilities.forced_tools,
    )
