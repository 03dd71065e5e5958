"""The three-way merge of documents, and what is different between two of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy_core.model.documents import (
    REPLACED_WHOLE,
    clean,
    diff_documents,
    merge_documents,
    version_of,
    with_image,
)
from deploy_core.model.plan import Document, FieldChange

WHOLE: Document = {"code_source": {"module_name": "shop"}}


@pytest.mark.parametrize(
    ("applied", "live", "wanted", "merged"),
    [
        pytest.param(None, None, {"a": 1}, {"a": 1}, id="first deploy"),
        pytest.param({"a": 1}, {"a": 1}, {"a": 2}, {"a": 2}, id="git changed it"),
        pytest.param({"a": 1}, {"a": 3}, {"a": 2}, {"a": 2}, id="both changed it: the file wins"),
        pytest.param({"a": 1, "b": 1}, {"a": 1, "b": 1}, {"a": 1}, {"a": 1}, id="git removed it"),
        pytest.param({"a": 1}, {"a": 1, "b": 9}, {"a": 1}, {"a": 1, "b": 9}, id="only in Dagster+"),
        pytest.param(None, {"a": 1, "b": 9}, {"a": 2}, {"a": 2, "b": 9}, id="not deployed by us"),
        pytest.param(
            {"k": {"x": 1, "y": 1}},
            {"k": {"x": 1, "y": 1, "z": 9}},
            {"k": {"x": 2}},
            {"k": {"x": 2, "z": 9}},
            id="inside of objects",
        ),
        pytest.param(
            {"k": {"x": 1}}, {"k": {"x": 1, "z": 9}}, {}, {"k": {"z": 9}}, id="a whole object went"
        ),
        pytest.param({"k": {"x": 1}}, {"k": {"x": 1}}, {}, {}, id="and nothing is left of it"),
        pytest.param({"l": [1, 2]}, {"l": [1, 2, 3]}, {"l": [1]}, {"l": [1]}, id="lists are whole"),
        pytest.param(
            {"code_source": {"module_name": "a"}},
            {"code_source": {"module_name": "a"}},
            {"code_source": {"python_file": "b.py"}},
            {"code_source": {"python_file": "b.py"}},
            id="code_source is replaced whole",
        ),
        pytest.param({}, {"image": "a:1"}, {"image": "a:2"}, {"image": "a:2"}, id="image"),
        pytest.param({}, {"image": "a:1"}, {}, {}, id="an image that is only live goes"),
        pytest.param({}, {"a": None, "k": {}}, {"b": None}, {}, id="what says nothing"),
    ],
)
def test_merge(
    applied: Document | None, live: Document | None, wanted: Document, merged: Document
) -> None:
    assert merge_documents(applied=applied, live=live, wanted=wanted) == merged


_leaves = st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["x", "y"])
_keys = st.sampled_from(["a", "b", "c", *REPLACED_WHOLE])
_values = st.recursive(_leaves, lambda inner: st.dictionaries(_keys, inner, max_size=3))
documents = st.dictionaries(_keys, _values, max_size=5)


@given(documents, documents, documents)
def test_what_the_file_says_is_sent(applied: Document, live: Document, wanted: Document) -> None:
    merged = merge_documents(applied=applied, live=live, wanted=wanted)
    assert_within(clean(wanted), merged)


def assert_within(said: Document, merged: Document) -> None:
    for key, value in said.items():
        found = merged[key]
        if isinstance(value, dict) and isinstance(found, dict):
            assert_within(value, found)
        else:
            assert found == value


@given(documents, documents, documents)
def test_merging_again_changes_nothing(applied: Document, live: Document, wanted: Document) -> None:
    once = merge_documents(applied=applied, live=live, wanted=wanted)
    assert merge_documents(applied=wanted, live=once, wanted=wanted) == once


@given(documents, documents)
def test_replaced_whole(live: Document, wanted: Document) -> None:
    merged = merge_documents(applied={}, live=live, wanted=wanted)
    for key in REPLACED_WHOLE:
        assert merged.get(key) == clean(wanted).get(key)


@given(documents)
def test_cleaning_is_idempotent(document: Document) -> None:
    assert clean(clean(document)) == clean(document)


def test_differences_are_named_by_their_paths() -> None:
    before: Document = {"a": 1, "k": {"x": 1, "y": 2}, "gone": {"z": 1}}
    after: Document = {"a": 1, "k": {"x": 3, "y": 2}, "new": [1]}
    assert diff_documents(before, after) == (
        FieldChange(path="gone.z", before=1, after=None),
        FieldChange(path="k.x", before=1, after=3),
        FieldChange(path="new", before=None, after=[1]),
    )


@given(documents, documents)
def test_no_difference_means_the_same_document(one: Document, other: Document) -> None:
    assert (diff_documents(clean(one), clean(other)) == ()) == (clean(one) == clean(other))


def test_versions_for_people() -> None:
    commit: Document = {"git": {"commit_hash": "0123456789" * 4}, "image": "r.example/a/b:1"}
    assert version_of(commit).label == "0123456"
    assert version_of({"image": "r.example/a/b:1"}).label == "b:1"
    digest: Document = {"image": "r.example/a/b@sha256:" + "a" * 64}
    assert version_of(digest).label == "b@aaaaaaaaaaaa"
    assert version_of({}).label == "unversioned"


def test_with_another_image_the_commit_no_longer_holds() -> None:
    versions: Document = {"git": {"commit_hash": "c"}, "pex_metadata": {"pex_tag": "p"}}
    live: Document = {**WHOLE, "image": "a:1", **versions}
    assert with_image(live, "a:2") == {**WHOLE, "image": "a:2"}
