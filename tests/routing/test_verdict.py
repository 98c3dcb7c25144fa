"""The table of failures, row by row: where a call may go on, and what is blamed."""

import pytest

from factories.routes import judged, refusal, route, unreachable
from isthmus.errors import UpstreamBroken, UpstreamUnavailable
from isthmus.routing.verdict import LONGEST_PAUSE, Verdict, allows

BY_STATUS = {
    302: ("route", "failing"),
    400: ("nowhere", None),
    401: ("credential", "refused"),
    402: ("credential", "unpaid"),
    403: ("model", "forbidden"),
    404: ("target", None),
    405: ("nowhere", None),
    408: ("route", "failing"),
    409: ("nowhere", None),
    413: ("nowhere", None),
    415: ("nowhere", None),
    422: ("nowhere", None),
    429: ("model", "limited"),
    499: ("nowhere", None),
    500: ("route", "failing"),
    501: ("route", "failing"),
    502: ("route", "failing"),
    503: ("route", "failing"),
    504: ("route", "failing"),
    520: ("route", "failing"),
    529: ("route", "overloaded"),
}
#: What may be asked again of the same route, where its upstream invites to it.
AGAIN = (302, 408, 429, 500, 501, 502, 503, 504, 520)
SENT = ("nothing", "some", "all", "unknown")


@pytest.mark.parametrize("status", BY_STATUS)
def test_a_refusal_is_judged_by_its_status(status):
    assert judged(refusal(status)) == Verdict(*BY_STATUS[status])


@pytest.mark.parametrize("sent", SENT)
@pytest.mark.parametrize("status", BY_STATUS)
def test_a_refusal_is_never_risky_however_much_was_sent(status, sent):
    assert judged(refusal(status), sent) == judged(refusal(status))
    assert not judged(refusal(status), sent).risky


@pytest.mark.parametrize("status", BY_STATUS)
@pytest.mark.parametrize(
    ("pause", "should_retry", "invited"),
    [
        (None, None, False),
        (None, True, True),
        (None, False, False),
        (0.0, None, True),
        (LONGEST_PAUSE, None, True),
        (LONGEST_PAUSE + 0.001, None, False),
        (3600.0, True, False),
        (1.0, True, True),
        (1.0, False, False),
    ],
)
def test_the_same_route_is_asked_again_only_where_it_is_invited(
    status, pause, should_retry, invited
):
    found = judged(refusal(status, pause=pause, should_retry=should_retry))
    assert found.again == (invited and status in AGAIN)
    assert found.pause == pause
    assert (found.reach, found.blame) == BY_STATUS[status]


MONEY = [
    (400, "invalid_request_error", "Your credit balance is too low to access the API."),
    (400, "invalid_request_error", "You have reached your specified API usage limits."),
    (400, "invalid_request_error", "This workspace has reached its spend limit."),
    (400, "invalid_request_error", "Please go to Plans & Billing to purchase credits."),
    (400, "invalid_request_error", "Your organization's billing isn't set up."),
    (400, "billing_error", "No."),
    (429, "rate_limit_error", "You have hit your organization's monthly spending cap."),
    (429, "rate_limit_error", "Check your plan and billing details."),
    (429, "billing_error", "No."),
]


@pytest.mark.parametrize(("status", "kind", "message"), MONEY)
def test_whoever_speaks_of_money_is_out_of_it(status, kind, message):
    found = judged(refusal(status, kind, message, pause=1.0, should_retry=True))
    assert found == Verdict("credential", "unpaid")


@pytest.mark.parametrize(
    "message",
    [
        "tools.0.custom.name: String 'billing_lookup!' should match pattern '^[a-z]+$'",
        "tools.0.custom.input_schema.properties.billing: is not valid under any schema",
        "metadata.billing: Extra inputs are not permitted",
        "Tool reference 'billing' not found in available tools",
        'messages: Unexpected role "credit balance is too low"',
        "messages.2: `tool_use` ids were found without `tool_result`: toolu_billing",
        "Tool get_billing_info not found in available tools",
        "Tool my-billing-tool not found in available tools",
    ],
)
def test_words_of_the_caller_do_not_park_the_credential(message):
    found = judged(refusal(400, "invalid_request_error", message))
    assert found == Verdict("nowhere")


@pytest.mark.parametrize("status", [403, 404, 413, 500, 529])
def test_only_a_400_and_a_429_may_speak_of_money(status):
    assert judged(refusal(status, message="billing")) == judged(refusal(status))


@pytest.mark.parametrize("error", [unreachable(), UpstreamBroken("No.")])
def test_what_nothing_was_sent_of_is_free_and_may_be_asked_again(error):
    assert judged(error, "nothing") == Verdict("route", "unreachable", again=True)


@pytest.mark.parametrize("sent", SENT[1:])
@pytest.mark.parametrize(
    "error",
    [
        unreachable(),
        UpstreamUnavailable("Too slow.", code="timeout", status=504),
        UpstreamBroken("Cut off."),
        UpstreamBroken("No stream.", code="invalid_answer"),
    ],
)
def test_what_may_have_been_billed_goes_elsewhere_at_a_risk(error, sent):
    assert judged(error, sent) == Verdict("route", "failing", risky=True)


FAILED = route(1, url="https://a", model="m")
FOLLOWING = {
    "same": route(1, url="https://a", model="m"),
    "url": route(1, url="https://b", model="m"),
    "model": route(1, url="https://a", model="n"),
    "credential": route(2, url="https://a", model="m"),
    "credential and model": route(2, url="https://a", model="n"),
    "upstream": route(1, upstream="other", url="https://a", model="m"),
}


@pytest.mark.parametrize(
    ("reach", "allowed"),
    [
        ("route", set(FOLLOWING)),
        ("model", {"model", "credential", "credential and model", "upstream"}),
        ("credential", {"credential", "credential and model", "upstream"}),
        ("target", {"model", "credential and model", "upstream"}),
        ("nowhere", set()),
    ],
)
def test_a_reach_allows_these_routes_and_no_others(reach, allowed):
    found = {name for name, following in FOLLOWING.items() if allows(reach, FAILED, following)}
    assert found == allowed


@pytest.mark.parametrize("status", [401, 402, 403, 429])
def test_another_base_url_is_no_way_out_for_a_refused_credential(status):
    assert not allows(judged(refusal(status)).reach, FAILED, FOLLOWING["url"])


@pytest.mark.parametrize("status", [400, 413, 422])
def test_what_the_caller_got_wrong_goes_nowhere(status):
    reach = judged(refusal(status)).reach
    assert not any(allows(reach, FAILED, following) for following in FOLLOWING.values())
