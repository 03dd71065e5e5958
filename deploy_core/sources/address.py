"""Git addresses: https, ssh (also `user@host:path`), git, file and local paths."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from deploy_core.model.errors import ConfigInvalid

_SCHEMES = {"https", "http", "ssh", "git", "file"}
_SCP_FORM = re.compile(r"(?:(?P<user>[^@/\s:]+)@)?(?P<host>[A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\]):(?!:)")
_HELPER = re.compile(r"[A-Za-z0-9]+::")
_USERINFO = re.compile(r"(?<=://)[^/@\s]+@")


@dataclass(frozen=True)
class GitAddress:
    """Where a repository is. `url` is what git gets and never holds a password."""

    url: str
    scheme: str
    host: str = ""
    port: int | None = None
    path: str = ""
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @property
    def origin(self) -> str:
        """Scheme, host and port: what a credential is good for."""
        port = f":{self.port}" if self.port else ""
        return f"{self.scheme}://{self.host}{port}"

    @property
    def web_host(self) -> str:
        """The host of the web pages; GitHub has another one for ssh through a firewall."""
        return "github.com" if self.host == "ssh.github.com" else self.host

    @property
    def web_origin(self) -> str:
        """Where the web pages are: at the same port only if git speaks HTTP too."""
        scheme = "http" if self.scheme == "http" else "https"
        port = f":{self.port}" if self.port and self.scheme in {"http", "https"} else ""
        return f"{scheme}://{self.web_host}{port}"


def parse_git_address(text: str) -> GitAddress:
    """Return the address taken apart. Raises `ConfigInvalid` if git couldn't use it safely."""
    said = text.strip()
    if not said or said.startswith("-") or any(ord(char) < 32 for char in said):
        raise ConfigInvalid(f"`{hide_userinfo(said)}` isn't an address of a git repository.")
    if _HELPER.match(said):
        raise ConfigInvalid(
            f"The git address `{hide_userinfo(said)}` would start a helper program.",
            next_step="Use https, ssh, or a path.",
        )
    if "://" in said:
        return _with_scheme(said)
    scp = _SCP_FORM.match(said)
    if scp and not said.startswith((".", "/", "~")):
        host, user = scp["host"].strip("[]"), scp["user"]
        return GitAddress(said, "ssh", host.lower(), None, said[scp.end() :].lstrip("/"), user)
    local = str(Path(said).expanduser().absolute())
    return GitAddress(local, "file", path=local)


def _with_scheme(said: str) -> GitAddress:
    try:
        parts = urlsplit(said)
        port = parts.port
    except ValueError:
        raise ConfigInvalid(f"`{hide_userinfo(said)}` isn't a valid address.") from None
    scheme = parts.scheme.lower()
    if scheme not in _SCHEMES or (scheme != "file" and not parts.hostname):
        raise ConfigInvalid(
            f"The git address `{hide_userinfo(said)}` can't be used.",
            next_step="Use https, ssh, or a path.",
        )
    host = (parts.hostname or "").lower()
    user = unquote(parts.username) if parts.username else None
    password = unquote(parts.password) if parts.password else None
    shown_host = f"[{host}]" if ":" in host else host
    userinfo = f"{quote(user, safe='')}@" if user and scheme == "ssh" else ""
    where = f"{userinfo}{shown_host}{f':{port}' if port else ''}"
    url = f"{scheme}://{where}{parts.path}"
    return GitAddress(url, scheme, shown_host, port, parts.path.lstrip("/"), user, password)


def hide_userinfo(text: str) -> str:
    """Return the text without what stands before the @ of an address in it."""
    return _USERINFO.sub("***@", text)
