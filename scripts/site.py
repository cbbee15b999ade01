"""A hook of MkDocs: pages and examples that lie outside of docs/ become part of the site, too."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

ROOT = Path(__file__).parent.parent
_PAGES = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "bench/RESULTS.md", "bench/GROWTH.md")
_FOLDERS = ("examples",)


def on_files(files: Any, config: Any) -> Any:
    """Add them under the path that they have in the repository."""
    found = [ROOT / name for name in _PAGES]
    found += [path for name in _FOLDERS for path in sorted((ROOT / name).rglob("*")) if path.is_file()]
    for path in found:
        name = path.relative_to(ROOT).as_posix()
        files.append(File.generated(config, name, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Links between the repository's folders, as they are in the site: docs/ is its root there."""
    if page.file.src_uri.startswith("bench/"):
        return re.sub(r"\]\(\.\./docs/", "](../", markdown)
    return re.sub(r"\]\((?:\.\./|docs/)(?!\))", "](", markdown)
