"""Addresses that a card links to."""

from dataclasses import dataclass
from urllib.parse import quote


@dataclass(frozen=True)
class CardLinks:
    """`dagster` is the deployment's page in Dagster+, such as `https://acme.dagster.cloud/prod`."""

    dagster: str | None = None

    def run(self, run_id: str) -> str | None:
        """Return the page of a run."""
        if self.dagster is None:
            return None
        return f"{self.dagster.rstrip('/')}/runs/{quote(run_id, safe='', errors='replace')}"

    def page(self, names: list[str]) -> str | None:
        """Return the page for these locations: the one's own, or the deployment's list."""
        if self.dagster is None:
            return None
        every = f"{self.dagster.rstrip('/')}/locations"
        if len(names) != 1:
            return every
        return f"{every}/{quote(names[0], safe='', errors='replace')}"
