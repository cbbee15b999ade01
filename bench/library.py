"""The files to measure with, and vpo as a user runs it, in a temporary folder."""

from __future__ import annotations

import compileall
import json
import os
import shutil
import subprocess
import sys
import uuid
from itertools import chain
from pathlib import Path

from bench.timing import Cost, measure

VPO = Path(sys.executable).with_name("vpo")
SOURCE = Path(__file__).parents[1] / "src" / "vpo"


def install() -> None:
    """Compile vpo, as pip does when it installs it; else each process might do that again."""
    compileall.compile_dir(SOURCE, quiet=1)


def source(target: Path, seconds: int, video: tuple[str, ...]) -> Path:
    """Write a Matroska file with mkvmerge: subtitle, video, and audio in three languages.

    The default flags are wrong: they are on the German audio and the subtitle. The video has so
    much grain that key frames are as large as those of films at that bit rate; ffmpeg decodes one
    whenever it opens the file.
    """
    raw = target.with_suffix(".raw.mkv")
    picture = f"testsrc2=size=1280x720:rate=25:duration={seconds},noise=alls=8:allf=t"
    run("ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", picture,
        "-f", "lavfi", "-i", f"sine=440:duration={seconds}",
        "-map", "0", "-map", "1", "-map", "1", "-map", "1",
        *video, "-c:a", "ac3", "-b:a", "192k", raw)  # fmt: skip
    text = target.with_suffix(".srt")
    text.write_text("1\n00:00:00,100 --> 00:00:01,000\nHello\n", "utf-8")
    languages = [
        ("--language", f"{number}:{language}", "--track-name", f"{number}:Stereo {language}",
         "--default-track-flag", f"{number}:{int(language == 'ger')}")
        for number, language in enumerate(("ger", "eng", "fre"), 1)
    ]  # fmt: skip
    run("mkvmerge", "-q", "-o", target, "--track-order", "1:0,0:0,0:1,0:2,0:3",
        *chain.from_iterable(languages), raw,
        "--language", "0:eng", "--default-track-flag", "0:1", text)  # fmt: skip
    raw.unlink()
    return target


def small(target: Path) -> Path:
    """Write a file of about 2 MB."""
    rate = ("-b:v", "900k", "-maxrate", "2M", "-bufsize", "2M")
    return source(target, 12, ("-c:v", "libx264", "-preset", "veryfast", *rate))


def large(target: Path) -> Path:
    """Write a file of about 50 MB."""
    rate = ("-b:v", "9M", "-maxrate", "9M", "-bufsize", "5M")
    return source(target, 40, ("-c:v", "libx264", "-preset", "ultrafast", *rate))


def run(*argv: str | Path) -> None:
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)


def copies(original: Path, folder: Path, count: int) -> list[Path]:
    """Fill a new folder with copies, which are synced and in the cache."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    files = [folder / f"{number:04}{original.suffix}" for number in range(count)]
    for path in files:
        shutil.copyfile(original, path)
    os.sync()
    return files


class Vpo:
    """``vpo process`` with one policy, with a new database unless it is to keep the old one."""

    def __init__(self, folder: Path, policy: str) -> None:
        self.folder = folder
        self.policy = folder / f"{uuid.uuid4().hex}.yaml"
        self.policy.write_text(policy, "utf-8")
        self._config = folder / "config.toml"
        self.env = {"VPO_CONFIG": str(self._config), "VPO_DATA_DIR": str(folder / "data")}
        self.configure()

    def configure(self, more: str = "") -> None:
        """Write the configuration: ``more`` sections as TOML."""
        self._config.write_text(f"[processing]\nmax_workers = 64\n{more}", "utf-8")

    def argv(self, *args: str | Path) -> list[str | Path]:
        return [VPO, "process", "-q", "-p", self.policy, *args]

    def forget(self) -> None:
        shutil.rmtree(self.env["VPO_DATA_DIR"], ignore_errors=True)

    def __call__(self, *args: str | Path) -> Cost:
        return measure(self.argv(*args), self.env)

    def must_comply(self, folder: Path, count: int) -> None:
        """Check that the files comply with the policy."""
        argv = [str(VPO), "process", "-p", str(self.policy)]
        argv += ["-n", "--force", "--format", "json", str(folder)]
        env = {**os.environ, **self.env}
        said = subprocess.run(argv, env=env, capture_output=True, check=True).stdout
        found = json.loads(said)["summary"]["unchanged"]
        if found != count:
            raise RuntimeError(f"{found} of {count} files comply in {folder}")
