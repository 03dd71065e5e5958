"""The kinds of registries that CI logs in to, told from an image's host."""

import re
from enum import StrEnum
from typing import Final

from deploy_core.artifacts.image_ref import DOCKER_HUB, parse_image_ref
from deploy_core.model.errors import ImageNameInvalid


class Registry(StrEnum):
    """A kind of registry, which each have their own way to log in."""

    GITLAB = "gitlab"
    DOCKERHUB = "dockerhub"
    ECR = "ecr"
    GCR = "gcr"
    GHCR = "ghcr"


_ECR: Final = re.compile(r"\d{12}\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?")
_KINDS: Final = (
    (re.compile(re.escape(DOCKER_HUB)), Registry.DOCKERHUB),
    (re.compile(r"ghcr\.io"), Registry.GHCR),
    (_ECR, Registry.ECR),
    (re.compile(r"(?:.+\.)?gcr\.io|.+-docker\.pkg\.dev"), Registry.GCR),
    (re.compile(r"(?:.+\.)?gitlab\..+"), Registry.GITLAB),
)


def registry_of(image: str) -> Registry | None:
    """Return the kind of the registry that an image is in; None where its host doesn't tell."""
    host = host_of(image)
    return next((kind for known, kind in _KINDS if known.fullmatch(host)), None)


def ecr_region(image: str) -> str | None:
    """Return the AWS region of an image in ECR."""
    found = _ECR.fullmatch(host_of(image))
    return None if found is None else found[1]


def host_of(image: str) -> str:
    """Return the registry's host, empty for what isn't an image's name."""
    try:
        return parse_image_ref(image).host
    except ImageNameInvalid:
        return ""
