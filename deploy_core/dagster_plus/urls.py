"""Addresses of Dagster+: where requests go, and pages for people."""

import ipaddress
import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import parse_qs, quote, unquote, urlsplit, urlunsplit

from deploy_core.model.errors import ConfigInvalid, UnknownDeployment

_ORGANIZATION = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_DEPLOYMENT = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}")
_SHARED_HOST = "dagster.cloud"  # the old form https://dagster.cloud/ORGANIZATION/DEPLOYMENT


class PageKind(StrEnum):
    """What a page of Dagster+ is about."""

    DEPLOYMENT = "deployment"
    LOCATION = "location"
    RUN = "run"


@dataclass(frozen=True)
class DagsterPage:
    """A page; `name` is the code location's or the run's id, empty for a deployment."""

    kind: PageKind
    deployment: str
    name: str = ""


def organization_url(organization: str, url: str | None = None) -> str:
    """Return the address of the organisation, without a slash or a deployment at its end.

    `url` is what `DAGSTER_CLOUD_URL` may hold: an address with or without the deployment as the
    last part of its path. That part is dropped, because each call names its own deployment.
    Without it the address is made from the organisation's name. Raises ConfigInvalid for an
    address that can't be used, such as plain http to another machine, which would show the token.
    """
    if url is None or not url.strip():
        if not _ORGANIZATION.fullmatch(organization):
            raise ConfigInvalid(f"`{organization}` can't be the name of a Dagster+ organisation.")
        return f"https://{organization}.{_SHARED_HOST}"
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ConfigInvalid("DAGSTER_CLOUD_URL isn't an address.") from None
    if parts.scheme not in {"http", "https"} or not host:
        raise ConfigInvalid("DAGSTER_CLOUD_URL must begin with `https://` and name a host.")
    if parts.username is not None or parts.query or parts.fragment:
        raise ConfigInvalid("DAGSTER_CLOUD_URL must have no user, query or fragment in it.")
    if parts.scheme == "http" and not _is_loopback(host):
        raise ConfigInvalid(
            f"DAGSTER_CLOUD_URL is plain http to {host}, which would show the token to the network."
        )
    path = [part for part in parts.path.split("/") if part]
    if path and path[-1] == "graphql":
        path.pop()
    if path and (host != _SHARED_HOST or len(path) > 1):
        path.pop()
    shown = f"[{host}]" if ":" in host else host
    netloc = shown if port is None else f"{shown}:{port}"
    return urlunsplit((parts.scheme, netloc, "/".join(["", *path]), "", ""))


def deployment_url(base: str, deployment: str) -> str:
    """Return the address of a deployment; UnknownDeployment if none can have such a name."""
    if not _DEPLOYMENT.fullmatch(deployment):
        raise UnknownDeployment(f"`{deployment[:60]}` can't be the name of a Dagster+ deployment.")
    return f"{base}/{deployment}"


def graphql_url(base: str, deployment: str | None) -> str:
    """Return where to post GraphQL: a deployment's own address, or the organisation's root."""
    return f"{base if deployment is None else deployment_url(base, deployment)}/graphql"


def locations_page(base: str, deployment: str) -> str:
    """Return the page with the code locations of a deployment (the CLI prints the same link)."""
    return f"{deployment_url(base, deployment)}/locations"


def location_page(base: str, deployment: str, location: str) -> str:
    """Return the page of the code locations, narrowed to one name where the UI understands it."""
    return f"{locations_page(base, deployment)}?search={quote(location, safe='')}"


def read_page(base: str, url: str, deployments: Collection[str]) -> DagsterPage | None:
    """Return what an address is the page of; None for another server, another deployment than
    these, and pages of other things."""
    try:
        ours, parts = urlsplit(base), urlsplit(url)
    except ValueError:
        return None
    before = [part for part in ours.path.split("/") if part]
    path = [unquote(part) for part in parts.path.split("/") if part]
    same = (parts.scheme, parts.netloc.lower()) == (ours.scheme, ours.netloc.lower())
    if not same or path[: len(before)] != before or not path[len(before) :]:
        return None
    deployment, *rest = path[len(before) :]
    if deployment not in deployments:
        return None
    return _page_of(deployment, rest, parts.query)


def _page_of(deployment: str, rest: list[str], query: str) -> DagsterPage | None:
    match rest:
        case []:
            return DagsterPage(PageKind.DEPLOYMENT, deployment)
        case ["runs", run]:
            return DagsterPage(PageKind.RUN, deployment, run)
        case ["locations"]:
            search = parse_qs(query).get("search", [""])[0]
            kind = PageKind.LOCATION if search else PageKind.DEPLOYMENT
            return DagsterPage(kind, deployment, search)
        case ["locations", name, *_]:
            # Pages of what is inside name the repository too: `__repository__@core`.
            return DagsterPage(PageKind.LOCATION, deployment, name.rpartition("@")[2])
    return None


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
