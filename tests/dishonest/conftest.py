"""The stages of one month, lived once for all lies."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser

from circles.client import casting
from tests import issuer_keys
from tests.dishonest import scenes
from tests.dishonest.scenes import Stages


@pytest.fixture(scope="package")
async def stages(
    tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path, browser: Browser
) -> AsyncIterator[Stages]:
    with pytest.MonkeyPatch.context() as patch:
        issuer_keys.lend(patch)
        patch.setattr(casting, "_PAUSE_SECONDS", 0.01)
        folder = tmp_path_factory.mktemp("stages")
        async with scenes.stages(folder, sqlite_template, browser) as made:
            yield made
