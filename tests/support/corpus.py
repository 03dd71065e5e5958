"""Real `dagster_cloud.yaml` files, which are read where they are and aren't copied."""

from pathlib import Path

import pytest

FILES = sorted((Path(__file__).resolve().parents[3] / "shared" / "corpus").glob("*.yaml"))

needs_corpus = pytest.mark.skipif(
    not FILES, reason="the folder with real files, ../shared/corpus, isn't here"
)
