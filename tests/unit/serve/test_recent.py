"""Values that are kept for a moment."""

from __future__ import annotations

from vpo.serve.recent import Recent


def test_value_is_made_once_for_a_while() -> None:
    now = [0.0]
    recent = Recent[int](1.0, lambda: now[0])
    made = iter(range(10))
    assert [recent.get(lambda: next(made)) for _ in range(3)] == [0, 0, 0]
    now[0] = 0.99
    assert recent.get(lambda: next(made)) == 0
    now[0] = 1.0
    assert recent.get(lambda: next(made)) == 1


def test_forgotten_value_is_made_anew() -> None:
    recent = Recent[int](60.0)
    made = iter(range(10))
    assert recent.get(lambda: next(made)) == 0
    recent.forget()
    assert recent.get(lambda: next(made)) == 1
