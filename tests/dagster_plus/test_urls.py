"""Where requests go, for every way in which people write the address."""

import pytest

from deploy_core.dagster_plus.urls import deployment_url, graphql_url, organization_url
from deploy_core.model.errors import ConfigInvalid, UnknownDeployment
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
