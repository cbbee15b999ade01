"""A hook of MkDocs: pages and examples that lie outside of docs/ become part of the site, too."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

ROOT = Path(__file__).parent.parent
_PAGES = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "Dockerfile", "bench/*.md")


def on_files(files: Any, config: Any) -> Any:
    """Add them under the path that they have in the repository."""
    found = [path for name in (*_PAGES, "examples/**/*") for path in sorted(ROOT.glob(name))]
    for path in filter(Path.is_file, found):
        name = path.relative_to(ROOT).as_posix()
        files.append(File.generated(config, name, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Links between the repository's folders, as they are in the site: docs/ is its root there."""
    if page.file.src_uri.startswith("bench/"):
        return re.sub(r"\]\(\.\./docs/", "](../", markdown)
    return re.sub(r"\]\((?:\.\./|docs/)(?!\))", "](", markdown)
