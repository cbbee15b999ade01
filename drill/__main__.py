"""``python -m drill``: run the drills, print the results and update the page."""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path

from drill import all_drills as drills
from drill import table
from drill.bench import Bench, Skip


def main() -> int:
    wanted = _arguments()
    names = [n for n in drills.ALL if not wanted.names or any(w in n for w in wanted.names)]
    if not names:
        print(f"no such drill; there are: {', '.join(drills.ALL)}", file=sys.stderr)
        return 2
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="vpo-drill-") as folder:
        # Others than root take part in some drills.
        Path(folder).chmod(0o755)
        with ThreadPoolExecutor(2) as pool:
            jobs = [pool.submit(run, name, Path(folder), wanted) for name in names]
            results = [(name, *job.result()) for name, job in zip(names, jobs, strict=True)]
    _table(results)
    if not wanted.short:
        date = datetime.now(timezone.utc).date().isoformat()
        rows = {name: table.row(name, bench, date) for name, bench, _ in results}
        table.update(rows, list(drills.ALL))
    print(f"\nseed {wanted.seed}, {time.monotonic() - began:.0f} s")
    return 1 if any(bench.lost for _, bench, _ in results) else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m drill", description=__doc__)
    parser.add_argument("names", nargs="*", help="only drills with these words in their names")
    parser.add_argument("--short", action="store_true", help="the form of the test suite")
    parser.add_argument(
        "--media",
        type=Path,
        default=os.environ.get("DRILL_MEDIA") or None,
        help="a folder of further media for damaged input (default: DRILL_MEDIA)",
    )
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    found = parser.parse_args()
    if found.media is not None and not found.media.is_dir():
        parser.error(f"{found.media} is not a folder")
    return found


def run(name: str, folder: Path, wanted: argparse.Namespace) -> tuple[Bench, float]:
    """Run one drill; return its result and its duration in seconds."""
    place = folder / name.replace(" ", "-").replace(":", "").replace(",", "")
    place.mkdir()
    bench = Bench(place, wanted.short, random.Random(f"{wanted.seed} {name}"), wanted.media)  # noqa: S311
    began = time.monotonic()
    try:
        drills.ALL[name](bench)
    except Skip as reason:
        bench.skipped.append(str(reason))
    except Exception as error:  # noqa: BLE001 - the others go on
        bench.tried += 1
        bench.lose(f"the drill broke: {type(error).__name__}: {error}")
    seconds = time.monotonic() - began
    print(f"{name}: {bench.survived} of {bench.tried} in {seconds:.0f} s", file=sys.stderr)
    return bench, seconds


def _table(results: list[tuple[str, Bench, float]]) -> None:
    width = max(len(name) for name, _, _ in results)
    print(f"\n{'drill':{width}}  tried  survived  lost")
    for name, bench, _ in results:
        print(f"{name:{width}}  {bench.tried:5}  {bench.survived:8}  {len(bench.lost):4}")
    for name, bench, _ in results:
        for reason in bench.skipped:
            print(f"skipped  {name}: {reason}")
        for remark in bench.remarks:
            print(f"remark   {name}: {remark}")


if __name__ == "__main__":
    sys.exit(main())
