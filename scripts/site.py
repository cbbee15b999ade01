"""A hook of MkDocs: pages and examples that lie outside of docs/ become part of the site, too."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

ROOT = Path(__file__).parent.parent
_PAGES = (
    "README.md",
    "compose.yaml",
    "packaging/*",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "Dockerfile",
    "bench/*.md",
)


def on_files(files: Any, config: Any) -> Any:
    """Add them under the path that they have in the repository, and a list of the examples."""
    examples = []
    for pattern in (*_PAGES, "examples/**/*"):
        for path in filter(Path.is_file, sorted(ROOT.glob(pattern))):
            name = path.relative_to(ROOT).as_posix()
            file = File.generated(config, name, abs_src_path=str(path))
            file.name = path.stem  # MkDocs takes a README for the index, which is docs/index.md
            files.append(file)
            examples += [name.partition("/")[2]] if name.startswith("examples/") else []
    content = "# Examples\n\n" + "".join(f"- [{name}]({name})\n" for name in examples)
    files.append(File.generated(config, "examples/index.md", content=content))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Make links between the repository's folders those of the site, where docs/ is the root."""
    if page.file.src_uri.startswith("bench/"):
        return re.sub(r"\]\(\.\./docs/", "](../", markdown)
    inside = re.sub(r"\]\((?:\.\./|docs/)(?!\))", "](", markdown)
    return re.sub(r"\]\(examples(/cluster)?\)", "](examples/index.md)", inside)
