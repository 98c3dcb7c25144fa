"""Which connection has to go when there is one too many."""

from isthmus.serving.crowd import Crowd


class Visitor:
    def __init__(self, crowd: Crowd) -> None:
        self.crowd = crowd
        self.dismissed = False

    def dismiss(self) -> None:
        self.dismissed = True
        self.crowd.leave(self)


def visitors(crowd: Crowd, count: int) -> list[Visitor]:
    made = [Visitor(crowd) for _ in range(count)]
    assert all(crowd.enter(one) for one in made)
    return made


def test_idle_longest_goes_first():
    crowd = Crowd(3)
    first, second, third = visitors(crowd, 3)
    crowd.busy(first)
    crowd.idle(first)
    assert crowd.enter(Visitor(crowd))
    assert (first.dismissed, second.dismissed, third.dismissed) == (False, True, False)


def test_nobody_with_a_request_is_sent_away():
    crowd = Crowd(2)
    for visitor in visitors(crowd, 2):
        crowd.busy(visitor)
    late = Visitor(crowd)
    assert not crowd.enter(late)
    crowd.leave(late)


def test_there_is_room_again_when_somebody_leaves():
    crowd = Crowd(1)
    (only,) = visitors(crowd, 1)
    crowd.busy(only)
    crowd.leave(only)
    assert crowd.enter(Visitor(crowd))
