"""Names of images: `registry/repository:tag@digest`, read as Docker reads them."""

import re
from dataclasses import dataclass

from deploy_core.model.errors import ImageNameInvalid

DOCKER_HUB = "docker.io"
_HUB_API = "registry-1.docker.io"
_HUB_NAMES = {"docker.io", "index.docker.io", "registry-1.docker.io"}
_LOOPBACK = re.compile(r"^(localhost|127(\.[0-9]{1,3}){3}|\[::1\])(:[0-9]+)?$")

# https://github.com/distribution/reference: the grammar of reference.go.
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_PART}(?:/{_PART})*")
_HOST = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*"
    r"|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?"
)
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_NOT_IN_TAG = re.compile(r"[^A-Za-z0-9_.-]+")


@dataclass(frozen=True)
class ImageRef:
    """One image: the registry's host, the repository in it, and a tag or a digest or both."""

    host: str
    repository: str
    tag: str | None = None
    digest: str | None = None

    @property
    def api_host(self) -> str:
        """The host that answers the registry's HTTP API; Docker Hub's has a name of its own."""
        return _HUB_API if self.host == DOCKER_HUB else self.host

    @property
    def is_loopback(self) -> bool:
        """Whether the registry is on this machine, the only place where plain HTTP is taken."""
        return bool(_LOOPBACK.fullmatch(self.host))

    @property
    def name(self) -> str:
        """The image without tag and digest, as a person writes it."""
        if self.host == DOCKER_HUB:
            return self.repository.removeprefix("library/")
        return f"{self.host}/{self.repository}"

    @property
    def reference(self) -> str:
        """What names the manifest in the registry: the digest if there is one, else the tag."""
        return self.digest or self.tag or "latest"

    def with_digest(self, digest: str) -> "ImageRef":
        """Return the same image by digest alone."""
        return ImageRef(self.host, self.repository, None, digest)

    def with_tag(self, tag: str) -> "ImageRef":
        """Return the same repository with that tag."""
        return ImageRef(self.host, self.repository, tag)

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.name}{tag}{digest}"


def parse_image_ref(text: str) -> ImageRef:
    """Return the parts of an image's name; a tag that isn't there stays away.

    As in Docker, the part before the first `/` is a host if it has a dot or a colon, is
    `localhost` or has capital letters; otherwise the image is on Docker Hub, in `library/` if it
    has no other part. Raises `ImageNameInvalid`.
    """
    name, at, digest = text.partition("@")
    if at and not _DIGEST.fullmatch(digest):
        raise _invalid(text, "what follows the `@` isn't a sha256 digest")
    name, tag = _split_tag(name)
    if tag is not None and not _TAG.fullmatch(tag):
        raise _invalid(text, "its tag has characters that a tag can't have")
    host, repository = _split_host(name)
    if host in _HUB_NAMES:
        host = DOCKER_HUB
        repository = repository if "/" in repository else f"library/{repository}"
    if not _HOST.fullmatch(host):
        raise _invalid(text, "its registry isn't a host name")
    if not _REPOSITORY.fullmatch(repository) or len(repository) > 255:
        raise _invalid(text, "its repository must be small letters and digits with `/ . _ -`")
    return ImageRef(host, repository, tag, digest or None)


def tag_text(text: str) -> str:
    """Return the text with everything replaced that a tag can't have."""
    return _NOT_IN_TAG.sub("-", text).lstrip(".-")[:100] or "x"


def _split_tag(name: str) -> tuple[str, str | None]:
    head, colon, tail = name.rpartition(":")
    if colon and "/" not in tail and head and "]" not in tail:
        return head, tail
    return name, None


def _split_host(name: str) -> tuple[str, str]:
    first, slash, rest = name.partition("/")
    is_host = "." in first or ":" in first or first == "localhost" or first != first.lower()
    return (first, rest) if slash and is_host else (DOCKER_HUB, name)


def _invalid(text: str, why: str) -> ImageNameInvalid:
    return ImageNameInvalid(f"`{text[:200]}` isn't the name of an image: {why}.")
