"""The content key: the same for every copy, another for another content or size."""

from __future__ import annotations

from pathlib import Path

import pytest

from vpo.probe.content_key import content_key

BLOCK = 64 << 10


def key_of(folder: Path, data: bytes) -> str:
    path = folder / "file"
    path.write_bytes(data)
    return content_key(str(path))


def test_copies_have_the_same_key(tmp_path: Path) -> None:
    data = bytes(range(256)) * 8192
    assert key_of(tmp_path, data) == key_of(tmp_path, data)


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, 8 * BLOCK - 1, 8 * BLOCK])
def test_key_of_small_file_covers_each_byte(tmp_path: Path, size: int) -> None:
    keys = {key_of(tmp_path, bytes(size))}
    places = {0, 1, size // 3, size // 2, size - BLOCK - 1, size - 1}
    places = {place for place in places if 0 <= place < size}
    keys |= {key_of(tmp_path, bytes(at) + b"x" + bytes(size - at - 1)) for at in places}
    assert len(keys) == len(places) + 1


def test_key_of_large_file_covers_start_end_and_places_between(tmp_path: Path) -> None:
    size = 100 * BLOCK
    places = {(size - BLOCK) * number // 7 for number in range(8)}
    keys = {key_of(tmp_path, bytes(at) + b"x" + bytes(size - at - 1)) for at in places}
    assert len(keys | {key_of(tmp_path, bytes(size))}) == 9


def test_size_counts(tmp_path: Path) -> None:
    assert key_of(tmp_path, bytes(100 * BLOCK)) != key_of(tmp_path, bytes(100 * BLOCK + 1))


def test_missing_file_raises_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        content_key(str(tmp_path / "none"))
