"""``vpo policy test`` and ``new-case``: run the cases of policies, and write them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from functools import cache

import click

from vpo.cli.options import format_option, policy_option
from vpo.cli.output import print_error, print_json, print_problem, print_warnings
from vpo.cli.paths import refuse_missing
from vpo.config.builder import Settings, build
from vpo.errors import (
    EXIT_FAILED,
    EXIT_OK,
    EXIT_USAGE,
    PolicyError,
    ProbeError,
    UsageError,
    VpoError,
)
from vpo.media.model import MediaFile
from vpo.plan.cases import Case, CaseFile, case_differences, evaluated, new_case, read_cases
from vpo.plan.evaluate import evaluate
from vpo.plugins.metadata import fetch_metadata
from vpo.policy.document import Policy
from vpo.policy.external_facts import ExternalFacts
from vpo.policy.loader import load_policy
from vpo.policy.policy_files import PolicyFiles
from vpo.probe.service import Prober
from vpo.report.cases import CaseResult, case_lines, cases_json
from vpo.report.text import Console
from vpo.run.probers import new_prober
from vpo.run.recognition import with_largest_parts, with_measured_facts
from vpo.text import printable

_EXTENSIONS = (".yaml", ".yml")


@click.command("test")
@click.argument("paths", nargs=-1, required=True, metavar="DIR...", type=click.Path(path_type=str))
@format_option
def test(paths: tuple[str, ...], output_format: str) -> int:
    """Compare the plans of policies with what cases expect.

    DIR is a folder with YAML files of cases, or one such file; policies among them are passed over.
    The exit code is 1 if a plan differs, and 2 if a case or policy is invalid.
    """
    refuse_missing(paths)
    results = list(_Runner(build({})).results(paths))
    if not results:
        raise UsageError(
            f"there are no cases in {', '.join(paths)}; write one: vpo policy new-case"
        )
    for result in results:
        if result.error is not None:
            print_problem(result.error)
    if output_format == "json":
        print_json(cases_json(results))
    else:
        console = Console(sys.stdout)
        for line, style in case_lines(results):
            console.line(line, style)
    if any(result.error for result in results):
        return EXIT_USAGE
    return EXIT_OK if all(result.passed for result in results) else EXIT_FAILED


class _Runner:
    """Runs cases; each policy is loaded once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._policy = cache(load_policy)

    def results(self, paths: Sequence[str]) -> Iterator[CaseResult]:
        for path in _case_files(paths):
            try:
                found = read_cases(path)
            except PolicyError as error:
                yield CaseResult(path, 1, "", error=str(error))
                continue
            if found is not None:
                yield from (self._result(found, line, case) for line, case in found.cases)

    def _result(self, file: CaseFile, line: int, case: Case) -> CaseResult:
        try:
            policies = [self._policy(file.beside(name)) for name in case.policy]
            media = case.media
            if case.file is not None:
                media = _probed(file.beside(case.file), policies, case.external, self._settings)
        except VpoError as error:
            # The error of a policy names its own place.
            at = (
                "" if isinstance(error, PolicyError) and error.position else f"{file.path}:{line}: "
            )
            return CaseResult(file.path, line, case.case, error=f"{at}{error}")
        found = case_differences(case, evaluated(case, policies, media))
        return CaseResult(file.path, line, case.case, found)


def _case_files(paths: Sequence[str]) -> Iterator[str]:
    for path in paths:
        if not os.path.isdir(path):
            yield path
        for folder, folders, names in os.walk(path):
            folders.sort()
            yield from (os.path.join(folder, n) for n in sorted(names) if n.endswith(_EXTENSIONS))


def _probed(
    path: str, policies: Sequence[Policy], known: ExternalFacts, settings: Settings
) -> MediaFile:
    """Return what a run would know of a file. Raises ``ProbeError``."""
    prober: Prober = new_prober(settings)
    try:
        frames = any(policy.reads_frames for policy in policies)
        media = prober.probe(os.path.realpath(path), frames)
        media, _ = with_measured_facts(media, policies, known.encoded, prober)
        return with_largest_parts(evaluate(policies, media, known=known), prober)
    except ProbeError as error:
        raise ProbeError(f"{path}: {error}") from None
    finally:
        prober.processes.close()


@click.command("new-case")
@click.argument("file", type=click.Path(path_type=str))
@policy_option
@click.option(
    "-o",
    "--output",
    metavar="CASE",
    type=click.Path(path_type=str),
    help="File to write; by default the name of FILE with .yaml, in the current folder.",
)
@format_option
def new_case_command(
    file: str, policies: tuple[str, ...], output: str | None, output_format: str
) -> int:
    """Write a case for `vpo policy test` from a video.

    It has the facts of FILE, and expects its plan as it is now. A file that exists is not
    overwritten.
    """
    if not policies:
        raise UsageError("no policy is given; name one: -p POLICY")
    refuse_missing([file])
    settings, choice = build({}), PolicyFiles(policies)
    print_warnings(choice.warnings)
    target = output or f"{os.path.splitext(os.path.basename(file))[0]}.yaml"
    text, complete = _text(file, choice, target, settings)
    _write(target, text)
    if output_format == "json":
        print_json({"path": target, "names_file": not complete})
        return EXIT_OK
    click.echo(f"wrote {printable(target)}")
    if not complete:
        print_error(
            f"{target} names {file} itself: its plan depends on what a list of tracks cannot say"
        )
    return EXIT_OK


def _text(file: str, choice: PolicyFiles, target: str, settings: Settings) -> tuple[str, bool]:
    """Return the text of the case, and whether it states all facts of the file."""
    path, folder = os.path.realpath(file), os.path.dirname(os.path.realpath(target))
    metadata = fetch_metadata(settings.config, choice, [path])
    print_warnings(metadata.warnings)
    known = ExternalFacts(metadata=metadata.of(path))
    plan = evaluate(choice.policies, _probed(file, choice.policies, known, settings), known=known)
    names = [os.path.relpath(os.path.realpath(name), folder) for name in choice.files]
    return new_case(choice.policies, names, os.path.relpath(path, folder), plan, known)


def _write(path: str, text: str) -> None:
    try:
        with open(path, "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(f"{path} exists, and is not overwritten; name another file: -o") from None
    except OSError as error:
        raise UsageError(f"cannot write the case {path}: {error.strerror}") from None
