"""Which of the thinking that a client brings back goes back to the model."""

from __future__ import annotations

from typing import Any

from isthmus.call import Capabilities
from isthmus.translate.remarks import Remarks
from isthmus.translate.responses_over_messages.sealing import Reason, Sealing, unsealed
from isthmus.wire.messages.documents import Block
from isthmus.wire.responses.documents import Item

_SAID: dict[Reason, str] = {
    "model_mismatch": "dropped, it is none of Claude's thinking as it was given out here",
    "organization_mismatch": "dropped, only the account that produced it can read it",
    "prefix_mismatch": "dropped, later thinking is missing",
}


class Thoughts:
    """The thinking of one request's reasoning items.

    On models that check what stood before a thought, one that is gone takes all that came before it
    along: what is left must be one unbroken run, the newest. `removed` lists what was left out, as
    the answer tells it.
    """

    def __init__(
        self, items: list[Item], capabilities: Capabilities, sealing: Sealing, remarks: Remarks
    ) -> None:
        self.removed: list[dict[str, Any]] = []
        self._blocks: dict[int, list[Block]] = {}
        checks = capabilities.prefix_check != "none"
        gone = False
        for index in range(len(items) - 1, -1, -1):
            item = items[index]
            if item.get("type") != "reasoning":
                continue
            found = _read(item, sealing, bound=capabilities.account_bound)
            if isinstance(found, list) and gone and checks:
                found = "prefix_mismatch"
            if isinstance(found, list):
                self._blocks[index] = found
                continue
            gone = True
            self._remove(item, found, f"input[{index}]", remarks)
        self.removed.reverse()

    def of(self, index: int) -> list[Block]:
        """Return what goes back of the item at ``index``."""
        return self._blocks.get(index, [])

    def _remove(self, item: Item, reason: Reason | None, path: str, remarks: Remarks) -> None:
        where = f"{path}.encrypted_content"
        if reason is None:
            remarks.warn("reasoning.unsealed", where, "missing, so the thinking cannot go back")
            return
        slug = "reasoning.before_gap" if reason == "prefix_mismatch" else "reasoning.foreign"
        remarks.warn(slug, where, _SAID[reason])
        if item.get("id"):
            told = {"id": item["id"], "type": "reasoning", "action": "removed", "reason": reason}
            self.removed.append(told)


def _read(item: Item, sealing: Sealing, *, bound: bool) -> list[Block] | Reason | None:
    written: str | None = item.get("encrypted_content")
    return unsealed(written, sealing, bound=bound) if written else None
