"""Which schedulers are used without TLS."""

from __future__ import annotations

import pytest

from vpo.cluster.nodes import refuse_plain
from vpo.errors import ClusterError


@pytest.mark.parametrize(
    "address",
    [
        "tls://nas:8786",
        "wss://nas:8786",
        "tcp://127.0.0.1:8786",
        "tcp://[::1]:8786",
        "tcp://localhost:8786",
        "127.0.0.1:8786",
        "localhost:8786",
    ],
)
def test_scheduler_that_only_friends_reach_is_used(address: str) -> None:
    refuse_plain(address)


@pytest.mark.parametrize(
    "address",
    [
        "tcp://nas:8786",
        "tcp://192.0.2.1:8786",
        "nas:8786",
        "ws://nas:8786",
        "tcp://[2001:db8::1]:1",
        "tcp://localhost.example.org:8786",
        "tcp://127.0.0.1.example.org:8786",
        "ucx://nas:1",
        "",
    ],
)
def test_scheduler_that_others_reach_is_refused_without_tls(address: str) -> None:
    with pytest.raises(ClusterError, match="require_tls"):
        refuse_plain(address)
