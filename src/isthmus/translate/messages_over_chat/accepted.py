"""What this translation takes of Messages, whatever the model behind it does.

For requests that were translated to Messages first: what the model cannot do is settled once,
here, where it is known.
"""

from __future__ import annotations

from isthmus.call import EFFORTS, Capabilities

ACCEPTED = Capabilities(
    max_input_tokens=0,
    # More than any; a limit that the caller did not set is not sent.
    max_output_tokens=1 << 30,
    thinking=("enabled", "adaptive", "disabled"),
    thinking_default="off",
    thinking_display="summarized",
    efforts=EFFORTS,
    default_effort="medium",
    sampling="both",
    prefill=False,
    forced_tools=True,
    mid_system=True,
    prefix_check="none",
    account_bound=False,
    structured_outputs=True,
    cache_minimum=1 << 30,
)
