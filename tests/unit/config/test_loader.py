"""Reading the file and the environment: what is accepted, and what a refusal says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vpo.config.loader import from_environment, read_config_file
from vpo.errors import EXIT_USAGE, ConfigError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def refusal(path: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        read_config_file(path, required=True)
    assert caught.value.exit_code == EXIT_USAGE
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return message.removeprefix(str(path))


def test_load_reads_every_kind_of_value(path: Path) -> None:
    path.write_text(
        '[processing]\nworkers = 3\n[tools]\nffmpeg = "bin/ffmpeg"\nmkvmerge = "/opt/mkvmerge"\n'
        '[files]\nextensions = [".MKV", "mkv", "mp4"]\npreserve_mtime = false\n'
        '[logging]\nlevel = "DEBUG"\nfile = "~/vpo.log"\nformat = "json"\n'
    )
    assert read_config_file(path, required=True) == {
        "processing.workers": 3,
        "tools.ffmpeg": path.parent / "bin/ffmpeg",
        "tools.mkvmerge": Path("/opt/mkvmerge"),
        "files.extensions": ("mkv", "mp4"),
        "files.preserve_mtime": False,
        "logging.level": "debug",
        "logging.file": Path.home() / "vpo.log",
        "logging.format": "json",
    }


@pytest.mark.parametrize("text", ["", "\n", "# nothing\n", "[processing]\n", "\ufeff[logging]\r\n"])
def test_load_accepts_file_that_sets_nothing(path: Path, text: str) -> None:
    path.write_bytes(text.encode())
    assert read_config_file(path, required=True) == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[procesing]\nworkers = 1\n", ":1: unknown section [procesing]; did you mean `proc"),
        ("\n[x]\n", ":2: unknown section [x]; known: processing, tools, files, orig"),
        ("[x.y]\n", ":1: unknown section [x]"),
        ("workers = 1\n", ":1: unknown section [workers]; it belongs to [proc"),
        ("processing = 1\n", ":1: write [processing] as a section of its own"),
        ("[[processing]]\n", ":1: write [processing] as a section of its own"),
        (
            "# c\n[processing]\n\nworker = 1\n",
            ":4: [processing] has no key worker; did you mean `wo",
        ),
        ("processing.worker = 1\n", ":1: [processing] has no key worker; did you mean `workers`?"),
        ("processing = {worker = 1}\n", ":1: [processing] has no key worker; did you mean"),
        (
            "[tools]\nworkers = 1\n[processing]\nworkers = 2\n",
            ":2: [tools] has no key workers; it belongs to",
        ),
        (
            '[logging]\n"file name" = 1\n',
            ":2: [logging] has no key file name; did you mean `file`?",
        ),
        ("[logging]\nq = 1\n", ":2: [logging] has no key q; known: level, file, format"),
    ],
)
def test_load_refuses_unknown_key_or_section(path: Path, text: str, said: str) -> None:
    path.write_text(text)
    assert said in refusal(path)


WHOLE = "expected a whole number of at least 1, not"


@pytest.mark.parametrize(
    ("section", "line", "said"),
    [
        ("processing", "workers = 0", f"workers: {WHOLE} 0"),
        ("processing", "workers = -1", f"workers: {WHOLE} -1"),
        ("processing", 'workers = "2"', f'workers: {WHOLE} "2"'),
        ("processing", "workers = 2.0", f"workers: {WHOLE} 2.0"),
        ("processing", "workers = true", f"workers: {WHOLE} true"),
        ("processing", "workers = [2]", f"workers: {WHOLE} [2]"),
        ("processing", "max_workers = 0", f"max_workers: {WHOLE} 0"),
        ("tools", "stall_seconds = 0", f"stall_seconds: {WHOLE} 0"),
        ("tools", "ffmpeg = 1", "ffmpeg: expected a path in quotes, not 1"),
        ("tools", 'ffmpeg = ""', 'ffmpeg: expected a path in quotes, not ""'),
        ("tools", 'ffmpeg = "a\\u0000"', "ffmpeg: expected a path in quotes"),
        ("tools", 'ffmpeg = "~nobody-of-that-name/x"', "ffmpeg: "),
        ("files", "preserve_mtime = 1", "preserve_mtime: expected true or false, not 1"),
        ("files", 'preserve_mtime = "no"', 'preserve_mtime: expected true or false, not "no"'),
        ("files", 'extensions = "mkv"', "extensions: expected a list of strings, with at"),
        ("files", "extensions = []", "extensions: expected a list of strings, with at"),
        ("files", "extensions = [1]", "extensions: expected a list of strings, with at"),
        ("files", 'extensions = ["."]', 'extensions: "." is not a file name extension'),
        ("files", 'extensions = ["a/b"]', 'extensions: "a/b" is not a file name extension'),
        ("logging", 'level = "loud"', 'level: expected "debug" or "info" or "warning" or "error"'),
        (
            "logging",
            "level = 3",
            'level: expected "debug" or "info" or "warning" or "error", not 3',
        ),
        ("logging", f'format = "{"x" * 999}"', 'format: expected "text" or "json", not "xxx'),
    ],
)
def test_load_refuses_wrong_value_with_its_line(
    path: Path, section: str, line: str, said: str
) -> None:
    path.write_text(f"[{section}]\n# here\n{line}\n")
    message = refusal(path)
    assert message.startswith(f":3: [{section}] {said}")
    assert len(message) < 200


@pytest.mark.parametrize(
    "text",
    ["[processing", "workers 3", "a = 1\na = 2\n", "x = " + "[" * 5000, "x = " + "9" * 5000],
    ids=["section", "words", "twice", "deep", "long number"],
)
def test_load_refuses_invalid_toml(path: Path, text: str) -> None:
    path.write_text(text)
    assert ": is not valid TOML: " in refusal(path)


def test_load_reports_line_of_toml_error(path: Path) -> None:
    path.write_text("[processing]\nworkers = =\n")
    assert "line 2" in refusal(path)


def test_load_refuses_binary_file(path: Path) -> None:
    path.write_bytes(b"\n\n\x1aE\xff")
    assert refusal(path).startswith(":3: is not UTF-8 text; a TOML file is expected here")


def test_load_refuses_file_over_1_mib(path: Path) -> None:
    path.write_bytes(b"#" * (1 << 21))
    assert "is larger than 1 MiB" in refusal(path)


def test_load_refuses_folder(path: Path) -> None:
    path.mkdir()
    assert "is a folder; a TOML file is expected here" in refusal(path)


def test_read_config_file_refuses_missing_file_only_if_required(path: Path) -> None:
    assert "the file does not exist; correct VPO_CONFIG" in refusal(path)
    assert read_config_file(path, required=False) == {}
    assert read_config_file(path / "below" / "nothing", required=False) == {}


def test_load_refuses_circular_link(path: Path) -> None:
    path.symlink_to(path)
    assert "cannot be read" in refusal(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_load_refuses_unreadable_file(path: Path) -> None:
    path.touch(mode=0)
    assert "cannot be read: Permission denied; make it readable" in refusal(path)


def test_from_environment_reads_known_variables() -> None:
    environ = {"VPO_WORKERS": "4", "VPO_LOG_LEVEL": "Info", "VPO_CONFIG": "/x", "HOME": "/"}
    assert from_environment(environ) == {"processing.workers": 4, "logging.level": "info"}
    assert from_environment({"VPO_WORKERS": "", "VPO_LOG_LEVEL": ""}) == {}


@pytest.mark.parametrize("text", ["0", "-1", "two", "2.5", "true", "1_0", "\u0662", "9" * 40, " "])
def test_from_environment_refuses_wrong_number(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        from_environment({"VPO_WORKERS": text})
    assert str(caught.value).startswith(
        "environment variable VPO_WORKERS: [processing] workers: expected a whole number"
    )


def test_from_environment_refuses_unknown_choice() -> None:
    with pytest.raises(ConfigError, match=r'VPO_LOG_LEVEL: .* expected "debug" or .*, not "loud"'):
        from_environment({"VPO_LOG_LEVEL": "loud"})
