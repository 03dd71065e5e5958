"""A location as a person says it: its name, its source, and what is live under it."""

import pytest

from deploy_core.model.adding import require_code_source, require_name, with_said
from deploy_core.model.errors import CodeSourceInvalid, LocationNameInvalid
from deploy_core.model.plan import Document

MODULE: Document = {"code_source": {"module_name": "shop"}}


@pytest.mark.parametrize("name", ["shop", "shop-2", "Shop_eu.west", "7", "a" * 100])
def test_names_that_can_be(name: str) -> None:
    require_name(name)


@pytest.mark.parametrize(
    "name",
    ["", " ", "my shop", "a/b", "..", "a..b", ".shop", "-shop", "a:b", "caf\u00e9", "a\n", "<b>"],
)
def test_names_that_can_not_be(name: str) -> None:
    with pytest.raises(LocationNameInvalid):
        require_name(name)


def test_a_name_that_is_too_long_is_told_how_long_it_is() -> None:
    with pytest.raises(LocationNameInvalid, match="300 characters"):
        require_name("a" * 300)


@pytest.mark.parametrize(
    "source",
    [{}, None, "shop", {"module_name": ""}, {"module_name": "a", "python_file": "b.py"}],
)
def test_the_source_is_said_exactly_once(source: object) -> None:
    document: Document = {"location_name": "shop", "code_source": source}  # type: ignore[dict-item]
    with pytest.raises(CodeSourceInvalid):
        require_code_source(document)
    require_code_source(MODULE)


def test_what_is_not_said_stays() -> None:
    live: Document = {
        **MODULE,
        "image": "a:1",
        "git": {"commit_hash": "abc"},
        "container_context": {"k8s": {"namespace": "a", "labels": {"team": "x"}}},
    }
    said: Document = {
        "code_source": {"python_file": "defs.py"},
        "container_context": {"k8s": {"namespace": "b"}},
    }
    assert with_said(live, said) == {
        "code_source": {"python_file": "defs.py"},
        "image": "a:1",
        "git": {"commit_hash": "abc"},
        "container_context": {"k8s": {"namespace": "b", "labels": {"team": "x"}}},
    }


def test_another_image_forgets_the_commit_and_the_pex_files() -> None:
    live: Document = {
        **MODULE,
        "image": "a:1",
        "git": {"commit_hash": "abc"},
        "pex_metadata": {"pex_tag": "files=x"},
    }
    assert with_said(live, {"image": "a:2"}) == {**MODULE, "image": "a:2"}
    assert with_said(live, {"image": "a:1"}) == {
        **MODULE,
        "image": "a:1",
        "git": {"commit_hash": "abc"},
    }
