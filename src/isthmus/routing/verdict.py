"""What a failed attempt means: where the call may go on, and whose fault it was.

A pure table over the failure and how far the attempt had come; the same for every protocol.
"""

from __future__ import annotations

import re
from typing import Literal

from msgspec import Struct

from isthmus.call import Attempt
from isthmus.errors import UpstreamError, UpstreamRefused
from isthmus.routing.plan import Route

#: Where to go on: at any other route; with another credential, or the same for another model; with
#: another credential; at another target; nowhere.
Reach = Literal["route", "model", "credential", "target", "nowhere"]

#: What is taken out of service: a base URL that cannot be reached, at once, or one that fails,
#: after a few times; a credential for one model; a credential that is refused, or out of money. An
#: overloaded one only gets fewer calls. None: nothing.
Blame = (
    Literal["unreachable", "failing", "limited", "forbidden", "refused", "unpaid", "overloaded"]
    | None
)

#: Whoever asks for more patience than this is not asked again by the same call. Seconds.
LONGEST_PAUSE = 2.0

#: What upstreams call it, of whatever protocol.
_UNPAID_TYPES = frozenset(
    {"billing_error", "insufficient_quota", "insufficient_balance", "exceeded_current_quota_error"}
)
#: Not as a part of a name: a tool may well be called get_billing_info.
_UNPAID = re.compile(
    r"(?<![\w.-])(?:credit balance is too low|spend(?:ing)? (?:limit|cap)|usage limits|billing)"
    r"(?![\w-])",
    re.IGNORECASE,
)
#: What an upstream repeats of a request: words in quotes, but not what apostrophes enclose.
_QUOTED = re.compile(r"(?<!\w)([\"'`]).*?\1(?!\w)")


class Verdict(Struct, frozen=True):
    """What a failure before any content means.

    ``risky``: the attempt may have been billed, so trying elsewhere may cost twice. ``again``: the
    same route may be asked once more, after ``pause`` seconds or, where that is None, after a time
    of our own choice.
    """

    reach: Reach
    blame: Blame = None
    risky: bool = False
    again: bool = False
    pause: float | None = None


_BY_STATUS: dict[int, tuple[Reach, Blame]] = {
    401: ("credential", "refused"),
    402: ("credential", "unpaid"),
    403: ("model", "forbidden"),
    404: ("target", None),
    # It waited for the request in vain: nothing was done, nothing is billed.
    408: ("route", "failing"),
    429: ("model", "limited"),
    529: ("route", "overloaded"),
}


def verdict(error: UpstreamError, attempt: Attempt) -> Verdict:
    """Judge the failure of ``attempt``."""
    if isinstance(error, UpstreamRefused):
        return _of_refusal(error)
    if attempt.sent == "nothing":
        return Verdict("route", "unreachable", again=True)
    return Verdict("route", "failing", risky=True)


def allows(reach: Reach, failed: Route, following: Route) -> bool:
    """Say whether a call that failed at one route may go on at another."""
    same_credential = following.credential == failed.credential
    match reach:
        case "route":
            return True
        case "model":
            return not (same_credential and following.model == failed.model)
        case "credential":
            return not same_credential
        case "target":
            return (following.upstream, following.model) != (failed.upstream, failed.model)
        case "nowhere":
            return False


def _of_refusal(error: UpstreamRefused) -> Verdict:
    status = error.upstream_status
    if status in (400, 429) and _speaks_of_money(error):
        return Verdict("credential", "unpaid")
    # What the caller got wrong stays wrong elsewhere; anything else is the upstream's own trouble.
    otherwise = ("nowhere", None) if 400 <= status < 500 else ("route", "failing")
    reach, blame = _BY_STATUS.get(status, otherwise)
    again = blame in ("failing", "limited") and _invites(error)
    return Verdict(reach, blame, again=again, pause=error.pause)


def _invites(error: UpstreamRefused) -> bool:
    """Say whether the upstream wants to be asked again, and soon."""
    if error.should_retry is False:
        return False
    if error.pause is None:
        return error.should_retry is True
    return error.pause <= LONGEST_PAUSE


def _speaks_of_money(error: UpstreamRefused) -> bool:
    """Say whether the account is out of money, going by the upstream's words, not the caller's."""
    if error.upstream_type in _UNPAID_TYPES:
        return True
    return _UNPAID.search(_QUOTED.sub("", error.message)) is not None
