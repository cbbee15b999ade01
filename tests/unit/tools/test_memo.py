"""Values are computed once, whoever asks."""

from __future__ import annotations

import threading

import pytest

from vpo.tools.memo import Memo


def test_a_value_is_computed_once_by_many_threads() -> None:
    memo: Memo[str, int] = Memo()
    computed: list[int] = []
    start = threading.Barrier(8)

    def compute() -> int:
        computed.append(1)
        return len(computed)

    def ask() -> None:
        start.wait(30)
        assert memo.get("a", compute) == 1

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert computed == [1]


def test_another_key_does_not_wait() -> None:
    memo: Memo[str, str] = Memo()
    begun, go = threading.Event(), threading.Event()

    def slow() -> str:
        begun.set()
        assert go.wait(30)
        return "slow"

    thread = threading.Thread(target=memo.get, args=("a", slow))
    thread.start()
    assert begun.wait(30)
    assert memo.get("b", lambda: "quick") == "quick"
    go.set()
    thread.join()


def test_a_failure_is_tried_again() -> None:
    memo: Memo[str, int] = Memo()
    with pytest.raises(ZeroDivisionError):
        memo.get("a", lambda: 1 // 0)
    assert memo.get("a", lambda: 1) == 1
