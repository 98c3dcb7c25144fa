"""One call's way through its routes: where it goes on, and when it gives up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories.routes import Clock, Recorder, judged, refusal, route, unreachable
from isthmus.errors import UpstreamBroken, UpstreamError, UpstreamUnavailable
from isthmus.routing.failover import Failover, Step
from isthmus.routing.health import Health
from isthmus.routing.plan import Route
from isthmus.routing.verdict import Verdict, allows

A, B, C, D = (route(number, url=f"https://{number}") for number in (1, 2, 3, 4))
A_BACKUP = route(1, url="https://1-backup")
TIMEOUT = UpstreamUnavailable("Too slow.", code="timeout", status=504)
BROKEN = UpstreamBroken("Cut off.")


class Call:
    """One call that fails as a test says. ``left``: seconds until its deadline."""

    def __init__(self, *routes: Route, left: float = 1e9) -> None:
        self.clock = Clock()
        self.health = Health(self.clock, Recorder())
        self.failover = Failover(
            routes,
            self.health,
            clock=self.clock,
            deadline=self.clock() + left,
            jitter=lambda low, high: high,
        )
        self.at: Route | None = None

    def begin(self) -> Route:
        self.at = self.failover.first()
        return self.at

    def fails(
        self, error: UpstreamError, sent: str = "all", *, has_content: bool = False
    ) -> Step | None:
        """Fail at the route it is at; go on to the next."""
        assert self.at is not None
        verdict = judged(error, sent)
        self.health.trial(self.at).close()
        self.health.failed(self.at, verdict)
        step = self.failover.after(self.at, error, verdict, has_content=has_content)
        self.at = step.route if step is not None else None
        return step

    def path(self, *errors: UpstreamError, sent: str = "all") -> list[Route]:
        """Return where it goes when these errors meet it, one after the other."""
        went = [self.begin()]
        for error in errors:
            step = self.fails(error, sent)
            if step is None:
                break
            went.append(step.route)
        return went


def hurt(call: Call, where: Route, error: UpstreamError, sent: str = "all") -> None:
    """Let other calls have failed there before."""
    for _ in range(5):
        call.health.trial(where).close()
        call.health.failed(where, judged(error, sent))


# Where it goes on -------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [401, 402, 403, 408, 429, 500, 502, 503, 504, 529])
def test_a_refusal_moves_on_to_every_other_route_once_and_costs_nothing(status):
    call = Call(A, B, C, D)
    assert call.path(*[refusal(status)] * 9) == [A, B, C, D]
    assert call.health.budget("main").retries == 0


def test_what_cannot_be_reached_moves_on_to_every_other_route_once():
    call = Call(A, B, C, D)
    assert call.path(*[unreachable()] * 4, sent="nothing")[:4] == [A, B, C, D]


@pytest.mark.parametrize("status", [401, 402, 403, 429])
def test_a_refused_credential_is_not_tried_at_another_base_url(status):
    call = Call(A, A_BACKUP, B)
    assert call.path(*[refusal(status)] * 9) == [A, B]


def test_a_refused_credential_is_not_tried_again_after_a_detour():
    call = Call(A, B, A_BACKUP)
    assert call.path(refusal(401), refusal(500), refusal(500)) == [A, B]


@pytest.mark.parametrize("status", [403, 429])
def test_a_model_out_of_reach_leaves_other_models_of_the_credential(status):
    other = route(1, url="https://1", model="claude-haiku-4-5")
    assert Call(A, A_BACKUP, other).path(*[refusal(status)] * 9) == [A, other]


@pytest.mark.parametrize("status", [400, 413, 422, 405, 409])
def test_what_the_caller_got_wrong_is_tried_nowhere_else(status):
    assert Call(A, B, C).path(refusal(status)) == [A]


def test_an_unknown_model_is_tried_at_other_targets_only():
    elsewhere = route(1, upstream="other")
    assert Call(A, A_BACKUP, B, elsewhere).path(refusal(404), refusal(404)) == [A, elsewhere]


# What may have been billed ----------------------------------------------------------------------


@pytest.mark.parametrize("error", [TIMEOUT, BROKEN])
@pytest.mark.parametrize("sent", ["some", "all", "unknown"])
def test_at_most_three_attempts_may_have_been_billed(error, sent):
    assert Call(A, B, C, D).path(*[error] * 9, sent=sent) == [A, B, C]


def test_refusals_between_do_not_count_as_risks():
    errors = [BROKEN, refusal(529), BROKEN, refusal(503), BROKEN]
    routes = [route(number, url=f"https://{number}") for number in range(1, 8)]
    assert Call(*routes).path(*errors) == routes[:5]


def test_a_risky_attempt_takes_of_the_budget_and_a_refusal_does_not():
    call = Call(A, B, C)
    call.begin()
    assert call.fails(BROKEN) == Step(B, retries=True)
    assert call.fails(refusal(529)) == Step(C)


@pytest.mark.parametrize(("error", "goes_on"), [(BROKEN, False), (refusal(529), True)])
def test_without_a_budget_only_what_is_free_goes_on(error, goes_on):
    call = Call(A, B)
    call.health.budget("main").retries = 3
    call.begin()
    assert (call.fails(error) is not None) is goes_on


def test_the_budget_is_that_of_the_upstream_that_would_be_asked():
    elsewhere = route(1, upstream="other")
    call = Call(A, elsewhere)
    call.health.budget("main").retries = 3
    assert call.path(BROKEN) == [A, elsewhere]


def test_an_upstream_without_a_budget_is_passed_over_for_one_that_has_some():
    elsewhere = route(1, upstream="other")
    call = Call(A, B, elsewhere)
    call.health.budget("main").retries = 3
    assert call.path(BROKEN) == [A, elsewhere]


@pytest.mark.parametrize("error", [BROKEN, refusal(529)])
def test_after_content_only_one_more_route_is_tried(error):
    call = Call(A, B, C)
    call.begin()
    assert call.fails(error, has_content=True) == Step(B, retries=True)
    assert call.fails(BROKEN) is None


# The same route again ---------------------------------------------------------------------------


def test_the_only_route_is_tried_again_once_where_nothing_was_sent():
    call = Call(A)
    call.begin()
    step = call.fails(unreachable(), "nothing")
    assert step == Step(A, pause=0.25, retries=True)
    assert call.fails(unreachable(), "nothing") is None


def test_the_only_route_is_tried_again_twice_after_the_pause_it_asks_for():
    call = Call(A)
    call.begin()
    for pause in (0.0, 1.5):
        step = call.fails(refusal(429, pause=pause))
        assert step == Step(A, pause=pause, retries=True)
    assert call.fails(refusal(429, pause=1.0)) is None


def test_without_a_pause_told_the_pauses_grow():
    call = Call(A)
    call.begin()
    pauses = [call.fails(refusal(503, should_retry=True)) for _ in range(2)]
    assert [step.pause for step in pauses if step] == [0.25, 0.5]


@pytest.mark.parametrize(
    "error", [refusal(503), refusal(429, pause=2.1), refusal(529, pause=0.5), BROKEN, TIMEOUT]
)
def test_the_only_route_is_not_tried_again_where_that_does_not_help(error):
    assert Call(A).path(error) == [A]


def test_other_routes_come_before_the_same_one_again():
    call = Call(A, B)
    assert call.path(*[refusal(503, pause=0.1)] * 9) == [A, B, B, B]


def test_the_same_route_is_not_tried_again_without_a_budget():
    call = Call(A)
    call.health.budget("main").retries = 3
    assert call.path(unreachable(), sent="nothing") == [A]


# Deadlines --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("left", "goes_on"), [(1.0, True), (0.99, False)])
def test_nothing_new_is_begun_in_the_last_second(left, goes_on):
    call = Call(A, B, left=left)
    call.begin()
    assert (call.fails(refusal(529)) is not None) is goes_on


@pytest.mark.parametrize(("left", "goes_on"), [(6.01, True), (5.99, False)])
def test_nothing_new_is_begun_where_the_usual_wait_is_longer_than_what_is_left(left, goes_on):
    call = Call(A, B, left=left)
    trial = call.health.trial(B)
    before = call.clock.now
    call.clock.now += 5
    trial.answered()
    trial.close()
    call.clock.now = before
    call.begin()
    assert (call.fails(refusal(529)) is not None) is goes_on


@pytest.mark.parametrize(("left", "goes_on"), [(2.51, True), (2.49, False)])
def test_a_pause_that_the_deadline_does_not_leave_is_not_begun(left, goes_on):
    call = Call(A, left=left)
    call.begin()
    assert (call.fails(refusal(429, pause=1.5)) is not None) is goes_on


def test_a_slow_route_is_passed_over_for_one_that_can_answer_in_time():
    call = Call(A, B, C, left=10.0)
    trial = call.health.trial(B)
    call.clock.now += 30
    trial.answered()
    trial.close()
    call.clock.now -= 30
    assert call.path(refusal(529), refusal(529)) == [A, C]


# Whom it begins with ----------------------------------------------------------------------------


def test_a_call_begins_with_the_first_route_that_is_well():
    call = Call(A, B, C)
    hurt(call, A, unreachable(), "nothing")
    assert call.path(*[refusal(529)] * 3) == [B, C, A]


def test_what_is_due_is_tried_in_its_place_by_one_call_only():
    call = Call(A, B)
    hurt(call, A, unreachable(), "nothing")
    call.clock.now += 5
    assert call.begin() == A
    call.health.trial(A)
    assert Failover([A, B], call.health, clock=call.clock, deadline=1e9).first() == B


def test_the_last_one_standing_is_asked_although_it_is_out():
    call = Call(A)
    hurt(call, A, BROKEN)
    assert call.health.standing(A) == "out"
    assert call.begin() == A


def test_where_all_are_out_the_one_that_is_due_soonest_is_asked():
    call = Call(A, B, C)
    for where, pause in ((A, 30.0), (B, 10.0), (C, 20.0)):
        hurt(call, where, refusal(429, pause=pause))
    assert call.path(*[refusal(529)] * 3) == [B, C, A]


def test_a_refused_credential_is_not_asked_after_any_other():
    call = Call(A, B, C)
    hurt(call, A, refusal(401))
    assert call.path(*[refusal(529)] * 3) == [B, C]


def test_a_refused_credential_comes_after_whatever_else_is_out():
    call = Call(A, B)
    hurt(call, A, refusal(401))
    hurt(call, B, refusal(429, pause=60.0))
    assert call.path(refusal(429)) == [B]


def test_refused_credentials_are_asked_where_there_are_no_others():
    call = Call(A, B)
    hurt(call, A, refusal(402))
    hurt(call, B, refusal(401))
    assert call.begin() == B


def test_crowded_routes_come_after_free_ones_and_before_those_that_are_out():
    call = Call(A, B, C)
    hurt(call, B, unreachable(), "nothing")
    running = [call.health.trial(A) for _ in range(4)]
    call.health.failed(A, judged(refusal(529)))
    assert call.health.standing(A) == "crowded"
    assert call.path(*[refusal(500)] * 3) == [C, A, B]
    for trial in running:
        trial.close()


# What the caller is told ------------------------------------------------------------------------

TELLING = [refusal(401), unreachable(), TIMEOUT, refusal(503)]


@pytest.mark.parametrize("errors", [TELLING, TELLING[::-1]])
def test_the_error_that_says_most_is_told(errors):
    call = Call(A, B, C, D)
    call.path(*errors, sent="nothing")
    assert call.failover.error is TELLING[-1]


@pytest.mark.parametrize("less", range(len(TELLING) - 1))
def test_each_kind_of_error_says_more_than_the_one_before(less):
    for errors in (TELLING[less : less + 2], TELLING[less : less + 2][::-1]):
        call = Call(A, B)
        call.path(*errors, sent="nothing")
        assert call.failover.error is TELLING[less + 1]


def test_of_two_alike_the_later_is_told():
    call, first, second = Call(A, B), refusal(503), refusal(529)
    call.path(first, second)
    assert call.failover.error is second


def test_what_the_caller_got_wrong_is_told_even_after_other_refusals():
    call, wrong = Call(A, B), refusal(400)
    call.path(refusal(529), wrong)
    assert call.failover.error is wrong


# Any plan, any failures -------------------------------------------------------------------------

ROUTES = st.builds(
    lambda upstream, number, url, model: route(
        number, upstream=upstream, url=f"https://{url}", model=model
    ),
    st.sampled_from(["main", "other"]),
    st.integers(1, 3),
    st.integers(1, 3),
    st.sampled_from(["m", "n"]),
)
STATUSES = [302, 400, 401, 402, 403, 404, 408, 409, 413, 422, 429, 500, 503, 529]
FAILURES = st.tuples(
    st.builds(
        refusal,
        st.sampled_from(STATUSES),
        pause=st.none() | st.sampled_from([0.0, 0.5, 2.0, 60.0]),
        should_retry=st.none() | st.booleans(),
    )
    | st.sampled_from([unreachable(), TIMEOUT, BROKEN]),
    st.sampled_from(["nothing", "some", "all", "unknown"]),
    st.booleans(),
)
FAILED = tuple[Route, Verdict]


@given(
    st.lists(ROUTES, min_size=1, unique=True),
    st.lists(FAILURES, max_size=20),
    st.lists(FAILURES, min_size=1),
    st.floats(0.0, 100.0),
)
def test_any_call_ends_and_never_goes_where_it_may_not(routes, before, failures, left):
    call, failed, risks, again = Call(*routes, left=left), [], 0, 0
    for number, (error, sent, _) in enumerate(before):
        hurt(call, routes[number % len(routes)], error, sent)
    call.begin()
    for number in range(len(routes) + 4):
        error, sent, has_content = failures[number % len(failures)]
        failed.append((call.at, judged(error, sent)))
        step = call.fails(error, sent, has_content=has_content)
        if step is None:
            break
        again += may_go_on(step, failed)
        risks += step.retries
        call.clock.now += step.pause
        assert call.clock() + 1 <= call.failover._deadline
    assert step is None
    assert risks <= 2
    assert len(failed) <= len(routes) + again
    assert call.failover.error is not None


def may_go_on(step: Step, failed: list[FAILED]) -> bool:
    """Check one step; return whether it asks the same route again."""
    if any(step.route is where for where, _ in failed):
        where, verdict = failed[-1]
        assert step.route is where
        assert verdict.again
        assert step.retries
        return True
    assert all(allows(verdict.reach, where, step.route) for where, verdict in failed)
    return False
