"""Links to commits and comparisons on the web pages of git hosts."""

import re
from urllib.parse import urlsplit

from deploy_core.model.errors import ConfigInvalid
from deploy_core.settings import ProjectSettings
from deploy_core.sources.address import parse_git_address

_SHA = re.compile(r"[0-9a-f]{7,64}")


def commit_url(settings: ProjectSettings, sha: str) -> str | None:
    """Return the page of a commit, or None if the project's host has no known pages."""
    page = _page(settings)
    if page is None or not _SHA.fullmatch(sha):
        return None
    base, kind = page
    match kind:
        case "gitlab":
            return f"{base}/-/commit/{sha}"
        case "bitbucket":
            return f"{base}/commits/{sha}"
        case _:
            return f"{base}/commit/{sha}"


def compare_url(settings: ProjectSettings, old: str, new: str) -> str | None:
    """Return the page that compares two commits, or None as for `commit_url`."""
    page = _page(settings)
    if page is None or not (_SHA.fullmatch(old) and _SHA.fullmatch(new)):
        return None
    base, kind = page
    match kind:
        case "gitlab":
            return f"{base}/-/compare/{old}...{new}"
        case "bitbucket":  # the newer one comes first here
            return f"{base}/branches/compare/{new}..{old}"
        case _:
            return f"{base}/compare/{old}...{new}"


def _page(settings: ProjectSettings) -> tuple[str, str] | None:
    """Return the repository's page and the kind of its host."""
    if settings.web_url:
        return _given(settings.web_url)
    try:
        address = parse_git_address(settings.git)
    except ConfigInvalid:
        return None
    kind = _kind(address.web_host)
    path = address.path.strip("/").removesuffix(".git")
    if kind is None or not path:
        return None
    return f"{address.web_origin}/{path}", kind


def _given(web_url: str) -> tuple[str, str] | None:
    parts = urlsplit(web_url.strip())
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return None
    where = parts.netloc.rpartition("@")[2]
    base = f"{parts.scheme}://{where}{parts.path}".rstrip("/").removesuffix(".git")
    return base, _kind(parts.hostname) or "github"


def _kind(host: str) -> str | None:
    """Tell the host's kind from its name; self-hosted ones mostly carry it in theirs."""
    for kind in ("github", "gitlab", "bitbucket"):
        if kind in host.split("."):
            return kind
    return None
