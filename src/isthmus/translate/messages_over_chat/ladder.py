"""The ladder of Messages over Chat Completions, as data.

The compatibility page is generated from this table, and every slug has a test of its name.
"""

from __future__ import annotations

from isthmus.translate.ladder import Rule

LADDER: tuple[Rule, ...] = (
    # What is asked
    Rule("system.leading", "system", "map", "One message with the role that the vendor has for instructions; texts stay apart where it takes parts."),
    Rule("system.attribution", "system", "note", "A first block that tells whom Claude Code bills is not for the model, and not sent."),
    Rule("system.late", "messages[] system", "map", "Stays in place, where the vendor takes instructions later on."),
    Rule("system.late.wrapped", "messages[] system", "near", "Elsewhere it is sent as a marked user message."),
    Rule("turns.merged", "messages[]", "map", "Consecutive messages of one side become one turn."),
    Rule("user.text", "content[].text", "map", "Texts become a string or parts, in order; empty ones are left out."),
    Rule("user.empty", "messages[] user", "refuse", "A message without any content."),
    Rule("image.base64", "content[].image", "map", "Becomes a data URL."),
    Rule("image.url", "content[].image", "map", "A URL is passed on as it is; it is never fetched here."),
    Rule("image.refused", "content[].image", "refuse", "Images kept as files, and any image for a model that takes none."),
    Rule("document.pdf", "content[].document", "map", "A PDF becomes a file part, for models that take it."),
    Rule("document.text", "content[].document", "map", "Text, or content that is text, becomes a text with its title."),
    Rule("document.refused", "content[].document", "refuse", "URLs and files, since nothing is fetched here; PDF for a model that takes none."),
    Rule("search_result.text", "content[].search_result", "map", "Becomes a text with title and source."),
    Rule("block.refused", "content[].browser_state, content[].container_upload", "refuse", "They refer to what only Claude's own service holds."),
    Rule("block.dropped", "content[]", "drop", "Calls and results of Claude's own tools, and blocks that nobody here knows."),
    Rule("assistant.calls", "content[].tool_use", "map", "Calls of one turn become `tool_calls` of one message, with their input as JSON text."),
    Rule("tool_use.ids", "content[].tool_use", "map", "Ids that the vendor would refuse are replaced by a hash, the same every time."),
    Rule("tool_use.ids.duplicate", "content[].tool_use", "refuse", "The same id twice in one turn."),
    Rule("tool_result.message", "content[].tool_result", "map", "One `tool` message each, in the order of the calls, before the rest of the turn; nothing becomes `(no output)`."),
    Rule("tool_result.error", "content[].tool_result", "map", "`is_error` becomes a `[tool error]` before the text."),
    Rule("tool_result.attached", "content[].tool_result", "map", "Images and PDF go into the user message that follows; the result says so."),
    Rule("tool_result.image.dropped", "content[].tool_result", "near", "A model that takes no images is told that there was one."),
    Rule("tool_result.reference", "content[].tool_result", "map", "A reference to a tool is told in words; all tools are declared anyway."),
    Rule("tool_result.missing", "content[].tool_use", "refuse", "A call without a result; the error names it."),
    Rule("tool_result.orphan", "content[].tool_result", "refuse", "A result without a call, or a second one."),
    Rule("thinking.returned", "content[].thinking", "map", "Thinking that came through here goes back to vendors that want it, and stays behind elsewhere."),
    Rule("thinking.dropped", "content[].thinking, content[].redacted_thinking", "drop", "Thinking that was not signed here: Claude's own, or anybody's."),
    Rule("prefill.refused", "messages[] assistant, last", "refuse", "A last assistant message is continued by no model here."),
    # How it is answered
    Rule("max_tokens.kept", "max_tokens", "map", "Becomes `max_tokens` or `max_completion_tokens`, as the vendor calls it."),
    Rule("max_tokens.clamped", "max_tokens", "near", "More than the model's maximum: the maximum."),
    Rule("max_tokens.zero", "max_tokens", "map", "0 asks for nothing but a warm cache: answered here, with an empty message."),
    Rule("temperature.kept", "temperature", "map", "Passed on to models that take it."),
    Rule("temperature.dropped", "temperature", "drop", "Some models take none, or none while they think."),
    Rule("top_p.kept", "top_p", "map", "Passed on to models that take it."),
    Rule("top_p.dropped", "top_p", "drop", "Some models take none, or none while they think."),
    Rule("top_k.kept", "top_k", "map", "Passed on to vendors that know it."),
    Rule("top_k.dropped", "top_k", "drop", "Other vendors, and models that take no sampling parameters."),
    Rule("sampling.refused", "temperature, top_p, top_k", "refuse", "From callers of version 2026-10-21, which has none of them."),
    Rule("stop_sequences.kept", "stop_sequences", "map", "Becomes `stop`, each once."),
    Rule("stop_sequences.watched", "stop_sequences", "map", "More than the vendor takes are looked for here; the answer ends there and names the sequence."),
    Rule("stop_sequences.blank", "stop_sequences", "drop", "Entries of white space alone."),
    Rule("stream.options", "stream", "map", "Asked for with usage, always."),
    Rule("user_id.kept", "metadata.user_id", "map", "Becomes `user` or `safety_identifier`, as the vendor calls it."),
    Rule("user_id.hashed", "metadata.user_id", "near", "Hashed when longer than 128 characters."),
    Rule("user_id.dropped", "metadata.user_id", "drop", "Where the vendor has no such member."),
    # Thinking
    Rule("thinking.on", "thinking", "map", "Switches thinking on as the vendor does: by members of its own, or an effort."),
    Rule("thinking.off", "thinking", "map", "Disabled or absent: switched off where that can be done."),
    Rule("thinking.always", "thinking", "near", "A model that always thinks does so, as little as it can."),
    Rule("thinking.unknown", "thinking", "drop", "For models that do not think."),
    Rule("thinking.with_tools", "thinking", "near", "Some models do not think where they have tools."),
    Rule("thinking.budget", "thinking.budget_tokens", "map", "Goes on to vendors that take one."),
    Rule("thinking.budget.approximated", "thinking.budget_tokens", "near", "Elsewhere an effort stands for it: less than 4,000 low, less than 16,000 medium, else high."),
    Rule("effort.kept", "output_config.effort", "map", "Becomes `reasoning_effort`."),
    Rule("effort.clamped", "output_config.effort", "near", "The next lower level that the model has, else its lowest."),
    Rule("effort.dropped", "output_config.effort", "drop", "For models without levels."),
    # Tools
    Rule("tools.function", "tools[]", "map", "Name, description and schema become a function."),
    Rule("tools.client", "tools[]", "map", "`bash`, `text_editor`, `memory` and `computer` get the schema that Claude knows by heart."),
    Rule("tools.hosted.dropped", "tools[]", "drop", "Tools that Claude's own service runs, and types that nobody here knows."),
    Rule("tools.member.dropped", "tools[].defer_loading, tools[].allowed_callers, tools[].eager_input_streaming, tools[].input_examples", "drop", "Members that only Claude understands."),
    Rule("tools.strict", "tools[].strict", "map", "Kept where the vendor enforces schemas and this one is closed, with all members required."),
    Rule("tools.strict.dropped", "tools[].strict", "drop", "Elsewhere."),
    Rule("tools.refused", "tools[]", "refuse", "Two tools of one name."),
    Rule("tool_choice.auto", "tool_choice", "near", "Models that cannot be made to call decide by themselves."),
    Rule("tool_choice.kept", "tool_choice", "map", "`auto`, `any`, `tool` and `none` become `auto`, `required`, the function, `none`."),
    Rule("tool_choice.refused", "tool_choice", "refuse", "A demand for a tool that is not declared, or that was left out."),
    Rule("tool_choice.parallel", "tool_choice.disable_parallel_tool_use", "map", "Becomes `parallel_tool_calls: false`."),
    Rule("tool_choice.parallel.dropped", "tool_choice.disable_parallel_tool_use", "drop", "Where the vendor has no such member."),
    # Formats
    Rule("output_format.schema", "output_config.format", "map", "Becomes a strict `json_schema`."),
    Rule("output_format.loose", "output_config.format", "near", "Schemas with open objects or optional members are not strict."),
    Rule("output_format.described", "output_config.format", "near", "Models that follow no schema are told it in words, and asked for a JSON object."),
    Rule("output_format.refused", "output_config.format", "refuse", "Any other type."),
    # Caching
    Rule("cache_control.mark", "content[].cache_control", "map", "Becomes `prompt_cache_breakpoint`, for vendors that know it."),
    Rule("cache_control.dropped", "cache_control, content[].cache_control, tools[].cache_control", "drop", "Elsewhere, and on tools, calls and results; vendors cache by themselves."),
    # What only Claude has
    Rule("container.refused", "container", "refuse", "Containers are Claude's own."),
    Rule("mcp_servers.refused", "mcp_servers", "refuse", "Only Claude's own service calls MCP servers."),
    Rule("thread.refused", "thread", "refuse", "No conversations are kept here."),
    Rule("service_tier.dropped", "service_tier", "drop", "Tiers are Claude's own (`auto` says nothing)."),
    Rule("speed.dropped", "speed", "drop", "Speeds are Claude's own (`standard` says nothing)."),
    Rule("inference_geo.dropped", "inference_geo", "drop", "Where a model runs is for the operator to say."),
    Rule("diagnostics.dropped", "diagnostics", "drop", "Nothing is known of other vendors' caches."),
    Rule("context_management.dropped", "context_management", "drop", "The conversation goes on as it is."),
    Rule("unknown.ignored", "any other", "drop", "Fields that nobody here knows."),
)  # fmt: skip

RULES = {rule.slug: rule for rule in LADDER}
