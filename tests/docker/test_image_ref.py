"""Names of images are read as Docker reads them."""

import pytest

from deploy_core.artifacts.image_ref import ImageRef, parse_image_ref, tag_text
from deploy_core.model.errors import ImageNameInvalid

DIGEST = f"sha256:{'a1' * 32}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("python", ImageRef("docker.io", "library/python")),
        ("python:3.11-slim", ImageRef("docker.io", "library/python", "3.11-slim")),
        ("acme/core:1", ImageRef("docker.io", "acme/core", "1")),
        ("index.docker.io/acme/core", ImageRef("docker.io", "acme/core")),
        ("docker.io/python", ImageRef("docker.io", "library/python")),
        ("localhost/core", ImageRef("localhost", "core")),
        ("localhost:5000/core", ImageRef("localhost:5000", "core")),
        ("registry:5000/a/b/c:x", ImageRef("registry:5000", "a/b/c", "x")),
        ("[::1]:5000/core:x", ImageRef("[::1]:5000", "core", "x")),
        ("ghcr.io/a/b", ImageRef("ghcr.io", "a/b")),
        (f"ghcr.io/a/b@{DIGEST}", ImageRef("ghcr.io", "a/b", None, DIGEST)),
        (f"ghcr.io/a/b:v1@{DIGEST}", ImageRef("ghcr.io", "a/b", "v1", DIGEST)),
        (
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team__a/core-x:T.1_",
            ImageRef("123456789012.dkr.ecr.eu-west-1.amazonaws.com", "team__a/core-x", "T.1_"),
        ),
    ],
)
def test_parts(text: str, expected: ImageRef) -> None:
    assert parse_image_ref(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", ":tag", "a b", "ghcr.io/", "ghcr.io/A/b", "a/b:", "a/b:-x", "a/b@sha256:12", "a//b",
     "a/../b", "https://ghcr.io/a/b", "user:pw@ghcr.io/a", "ghcr.io/a/b\n", "-x/y"],
)  # fmt: skip
def test_what_is_no_image_is_refused(text: str) -> None:
    with pytest.raises(ImageNameInvalid):
        parse_image_ref(text)


@pytest.mark.parametrize("text", ["python", "acme/core:1", f"ghcr.io/a/b:v1@{DIGEST}"])
def test_a_name_is_written_as_it_was_read(text: str) -> None:
    assert str(parse_image_ref(text)) == text


def test_what_names_the_manifest() -> None:
    ref = parse_image_ref("ghcr.io/a/b:v1")
    assert [ref.reference, ref.with_digest(DIGEST).reference] == ["v1", DIGEST]
    assert parse_image_ref("a/b").reference == "latest"
    assert parse_image_ref("python").api_host == "registry-1.docker.io"


@pytest.mark.parametrize(
    ("host", "loopback"),
    [("localhost:5000", True), ("127.0.0.1", True), ("127.evil.com", False), ("ghcr.io", False)],
)
def test_loopback(host: str, loopback: bool) -> None:
    assert parse_image_ref(f"{host}/a").is_loopback is loopback


def test_any_text_becomes_a_tag() -> None:
    assert [tag_text("core"), tag_text("a b/ü"), tag_text(".x"), tag_text("")] == [
        "core",
        "a-b-",
        "x",
        "x",
    ]
