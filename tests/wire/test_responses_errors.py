"""Every error of the gateway can be said inside of a response, in the few codes there are."""

import pytest
from openai.types.responses import ResponseError
from openai.types.responses.response_stream_event import ResponseErrorEvent

from isthmus import errors
from isthmus.wire.responses.errors import error_members, response_error
from isthmus.wire.responses.events import Numbering
from wire.test_chat_errors import example, family


@pytest.mark.parametrize("kind", family(errors.GatewayError))
def test_every_error_can_be_that_of_a_response(kind):
    said = response_error(example(kind))
    assert ResponseError.model_validate(said, strict=True).message == "said"


@pytest.mark.parametrize("kind", family(errors.GatewayError))
def test_every_error_can_be_an_event(kind):
    event = Numbering().event("error", error_members(example(kind)))
    told = ResponseErrorEvent.model_validate(event, strict=True)
    assert (told.message, told.sequence_number) == ("said", 0)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.InvalidRequest("no"), "invalid_prompt"),
        (errors.LimitReached("no"), "rate_limit_exceeded"),
        (errors.UpstreamBroken("no"), "server_error"),
        (errors.AccessDenied("no"), "server_error"),
    ],
)
def test_code_says_whose_fault_it_is(error, code):
    assert response_error(error)["code"] == code


def test_refusal_of_an_upstream_is_said_by_the_status_it_is_told_with():
    error = errors.UpstreamRefused("no", upstream_status=429, upstream_type="x")
    error.status = 429
    assert response_error(error)["code"] == "rate_limit_exceeded"
