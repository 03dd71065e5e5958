"""Where requests go, for every way in which people write the address."""

import pytest

from deploy_core.dagster_plus.urls import (
    DagsterPage,
    PageKind,
    deployment_url,
    graphql_url,
    location_page,
    organization_url,
    read_page,
)
from deploy_core.model.errors import ConfigInvalid, UnknownDeployment
from handlers.cards.links import CardLinks
from tests.dagster_plus.support import NO_AGENTS, Wire, answer, client_on


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (None, "https://acme.dagster.cloud"),
        ("  ", "https://acme.dagster.cloud"),
        ("https://acme.dagster.cloud", "https://acme.dagster.cloud"),
        ("https://acme.dagster.cloud/", "https://acme.dagster.cloud"),
        ("https://acme.dagster.cloud/prod", "https://acme.dagster.cloud"),
        ("https://acme.dagster.cloud/prod/", "https://acme.dagster.cloud"),
        ("https://acme.dagster.cloud/prod/graphql", "https://acme.dagster.cloud"),
        ("https://acme.dagster.cloud/graphql", "https://acme.dagster.cloud"),
        ("https://dagster.cloud/acme", "https://dagster.cloud/acme"),
        ("https://dagster.cloud/acme/prod", "https://dagster.cloud/acme"),
        ("http://127.0.0.1:4000/prod", "http://127.0.0.1:4000"),
        ("http://localhost:4000", "http://localhost:4000"),
        ("http://[::1]:4000/prod", "http://[::1]:4000"),
    ],
)
def test_the_address_of_the_organisation(url: str | None, expected: str) -> None:
    assert organization_url("acme", url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "http://acme.dagster.cloud",
        "http://127.0.0.1.evil.example",
        "ftp://acme.dagster.cloud",
        "acme.dagster.cloud",
        "https://",
        "https://u:p@acme.dagster.cloud",
        "https://acme.dagster.cloud/prod?x=1",
        "https://acme.dagster.cloud:port",
        "https://[::1",
    ],
)
def test_an_address_that_cannot_be_used(url: str) -> None:
    with pytest.raises(ConfigInvalid):
        organization_url("acme", url)


@pytest.mark.parametrize("name", ["", "a.b", "a/b", "evil.example#", "-a", "ä"])
def test_an_organisation_that_cannot_be(name: str) -> None:
    with pytest.raises(ConfigInvalid):
        organization_url(name)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a b", "ä", "a?b", "a\r\nb", "prod\n"])
def test_a_deployment_that_cannot_be(name: str) -> None:
    with pytest.raises(UnknownDeployment):
        deployment_url("https://x", name)


async def test_nothing_is_sent_for_a_deployment_that_cannot_be() -> None:
    wire = Wire(answer(NO_AGENTS))
    with pytest.raises(UnknownDeployment):
        await client_on(wire).agents("../other")
    assert wire.requests == []


def test_graphql_addresses() -> None:
    assert graphql_url("https://x", None) == "https://x/graphql"
    assert graphql_url("https://x", "prod") == "https://x/prod/graphql"


def test_pages() -> None:
    client = client_on(Wire(answer(NO_AGENTS)))
    page = "https://acme.dagster.cloud/prod/locations"
    assert client.locations_url("prod") == page
    assert client.location_url("prod", "a b/c").startswith(page)
    assert "a b" not in client.location_url("prod", "a b/c")


@pytest.mark.parametrize(
    ("path", "page"),
    [
        ("/prod", (PageKind.DEPLOYMENT, "")),
        ("/prod/", (PageKind.DEPLOYMENT, "")),
        ("/prod/locations", (PageKind.DEPLOYMENT, "")),
        ("/prod/locations?search=a%20b%2Fc", (PageKind.LOCATION, "a b/c")),
        ("/prod/locations/core", (PageKind.LOCATION, "core")),
        ("/prod/locations/a%20b", (PageKind.LOCATION, "a b")),
        ("/prod/locations/__repository__@core/jobs/daily", (PageKind.LOCATION, "core")),
        ("/prod/runs/0b9c?tab=x#y", (PageKind.RUN, "0b9c")),
        ("/prod/runs", None),
        ("/prod/assets/core", None),
        ("/staging", None),
        ("/prodx/locations/core", None),
        ("", None),
        ("/", None),
    ],
)
@pytest.mark.parametrize("base", ["https://acme.dagster.cloud", "https://dagster.cloud/acme"])
def test_what_an_address_is_the_page_of(
    base: str, path: str, page: tuple[PageKind, str] | None
) -> None:
    found = read_page(base, base + path, {"prod"})
    assert found == (None if page is None else DagsterPage(page[0], "prod", page[1]))


@pytest.mark.parametrize(
    "url",
    [
        "http://acme.dagster.cloud/prod",
        "https://other.dagster.cloud/prod",
        "https://acme.dagster.cloud.evil.example/prod",
        "https://acme.dagster.cloud:8443/prod",
        "https://x@acme.dagster.cloud/prod",
        "https://[::1/prod",
    ],
)
def test_an_address_of_another_server_is_no_page(url: str) -> None:
    assert read_page("https://acme.dagster.cloud", url, {"prod"}) is None


def test_what_we_link_to_is_read_back() -> None:
    base, name = "https://acme.dagster.cloud", "a b/c"
    page = DagsterPage(PageKind.LOCATION, "prod", name)
    assert read_page(base, location_page(base, "prod", name), {"prod"}) == page
    assert read_page(base, str(CardLinks(f"{base}/prod").page([name])), {"prod"}) == page
    run = DagsterPage(PageKind.RUN, "prod", "0b9c")
    assert read_page(base, str(CardLinks(f"{base}/prod").run("0b9c")), {"prod"}) == run
