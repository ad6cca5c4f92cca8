"""Everything the pages tell a reader to type does what they say."""

from pathlib import Path

import pytest

from tests.docs.markdown_blocks import blocks_of
from tests.docs.workspace import ROOT, BlockFailed, Workspace

PAGES = [path for pattern in ("*.md", "docs/**/*.md") for path in sorted(ROOT.glob(pattern))]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_pages_blocks_do_what_the_page_says(page: Path, tmp_path: Path) -> None:
    blocks = blocks_of(page.read_text(encoding="utf-8"))
    with Workspace(tmp_path) as workspace:
        for block in blocks:
            try:
                workspace.run(block)
            except Exception as error:
                raise BlockFailed(f"{page.relative_to(ROOT)}:{block.line}: {error}") from error
