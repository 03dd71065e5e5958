"""A live document written into a project's file, and how far the file is from it."""

from typing import Any

import pytest
import yaml
from dagster_shared.utils import remove_none_recursively
from hypothesis import event, given
from hypothesis import strategies as st

from deploy_core.adoption import Adopted, adopted, put_whole
from deploy_core.catalog import ProjectAtRef
from deploy_core.field_drift import MANY, FieldDrift, FieldDrifts, field_drift
from deploy_core.model.documents import clean
from deploy_core.model.errors import DefaultsDiffer, FileInvalid
from deploy_core.model.plan import Commit, Document, FieldChange, Version
from deploy_core.settings import ProjectSettings
from deploy_core.sources.dagster_cloud_yaml import FileLocation, parse_dagster_cloud_yaml
from deploy_core.watch.reading import Health, LocationSeen
from tests.sources.test_dagster_oracle import files, locations, text_of
from tests.sources.test_yaml_edit import fuzz

FILE = "dagster_cloud.yaml"
SHA = "3f2c1ab0" * 5
CHECKOUT = f"/srv/work/checkouts/data/{SHA}"
LIVE: Document = {
    "location_name": "shop",
    "code_source": {"module_name": "shop.definitions"},
    "image": "ghcr.io/acme/shop@sha256:0a",
    "agent_queue": "gpu",
    "container_context": {"k8s": {"namespace": "data", "env_vars": ["A=1", "B=2"]}},
    "git": {"commit_hash": SHA, "url": "https://git.example/acme/data"},
}
TEXT = """\
# what we run
defaults:
  container_context:
    k8s:
      namespace: data
      env_vars:
        - A=1

locations:
  - location_name: core  # the first one
    code_source:
      module_name: core.definitions
    working_directory: core
"""


def settings(**changes: Any) -> ProjectSettings:
    return ProjectSettings(git="https://git.example/acme/data", **changes)


def without(document: Document, *fields: str, **more: Any) -> Document:
    return {**{key: value for key, value in document.items() if key not in fields}, **more}


def location(text: str, name: str = "shop") -> FileLocation:
    return next(each for each in parse_dagster_cloud_yaml(text, path=FILE) if each.name == name)


REGISTRY = {"registry": "ghcr.io/acme/shop"}
CASES: dict[str, tuple[dict[str, Any], Document, Adopted]] = {
    "prebuilt": ({}, LIVE, Adopted(without(LIVE, "git"), ("build",))),
    "found by its tag": (
        {"image_tag": "{sha}"},
        LIVE,
        Adopted(
            without(LIVE, "git", "image", build=REGISTRY),
            ("build", "image"),
            (
                (
                    "`image` isn't written: the image of each commit is found by the project's"
                    " `image_tag`."
                ),
            ),
        ),
    ),
    "built": (
        {"artifact": "docker"},
        LIVE,
        Adopted(
            without(LIVE, "git", "image", build=REGISTRY),
            ("build", "image"),
            ("`image` isn't written: it is built from the project.",),
        ),
    ),
    "PEX": (
        {},
        without(LIVE, "git", pex_metadata={"pex_tag": "files=a.pex", "python_version": "3.11"}),
        Adopted(
            without(LIVE, "git", "image"),
            ("build", "image"),
            (
                "Its PEX files aren't written: the code comes from the project.",
                (
                    "`image` isn't written: the project's `pex` settings say what its PEX files run"
                    " on."
                ),
            ),
        ),
    ),
    "a checkout": (
        {"artifact": "source"},
        without(LIVE, "image", working_directory=f"{CHECKOUT}/shop"),
        Adopted(without(LIVE, "git", "image", working_directory="shop"), ("build", "image")),
    ),
    "the top of a checkout, with a file": (
        {"artifact": "source"},
        without(
            LIVE,
            "image",
            code_source={"python_file": f"{CHECKOUT}/defs/shop.py"},
            working_directory=CHECKOUT,
        ),
        Adopted(
            without(LIVE, "git", "image", code_source={"python_file": "defs/shop.py"}),
            ("build", "image"),
        ),
    ),
    "an image and a folder in a project that is run from a checkout": (
        {"artifact": "source"},
        without(LIVE, working_directory="/opt/app"),
        Adopted(
            without(LIVE, "git", "image"),
            ("build", "working_directory", "image"),
            (
                "`working_directory` isn't written: /opt/app isn't in the repository.",
                "`image` isn't written: agents run the project's files.",
            ),
        ),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_a_file_can_say_of_a_live_document(case: str) -> None:
    project, live, wanted = CASES[case]
    assert adopted(live, settings(**project), None) == wanted


def test_an_image_by_tag_stays_where_live_is_of_its_repository() -> None:
    there = FileLocation("shop", without(LIVE, "git", image="ghcr.io/acme/shop:1.4"), None)
    assert adopted(LIVE, settings(), there) == Adopted(
        there.document,
        ("build",),
        ("`image` stays ghcr.io/acme/shop:1.4: live is an image of that repository.",),
    )
    elsewhere = FileLocation("shop", {**there.document, "image": "ghcr.io/acme/other:1.4"}, None)
    assert adopted(LIVE, settings(), elsewhere).entry["image"] == LIVE["image"]


def test_variables_that_sound_secret_are_named() -> None:
    context: Document = {"ecs": {"env_vars": ["API_TOKEN=abc", "HOME=/x", "DB_PASSWORD"]}}
    live = without(LIVE, container_context=context)
    assert adopted(live, settings(), None).notes == (
        "`API_TOKEN` comes into the repository with its value.",
    )


def test_a_new_entry_says_what_defaults_do_not() -> None:
    found = adopted(LIVE, settings(), None)
    after = put_whole(TEXT, found.entry, found.leaves, path=FILE)
    assert after == TEXT + (
        "  - location_name: shop\n"
        "    code_source:\n"
        "      module_name: shop.definitions\n"
        "    image: ghcr.io/acme/shop@sha256:0a\n"
        "    agent_queue: gpu\n"
        "    container_context:\n"
        "      k8s:\n"
        "        env_vars:\n"
        "        - A=1\n"
        "        - B=2\n"
    )
    assert location(after).document == without(LIVE, "git")
    first = put_whole("", found.entry, found.leaves, path=FILE)
    assert location(first).document == without(LIVE, "git")


def test_an_entry_that_is_there_is_made_to_say_it_and_keeps_the_rest() -> None:
    before = TEXT + (
        "  - location_name: shop\n"
        "    build: {directory: shop}  # ours\n"
        "    code_source:\n"
        "      package_name: shop\n"
        "    attribute: old\n"
        "    container_context:\n"
        "      k8s:\n"
        "        # the same as in defaults\n"
        "        namespace: data\n"
        "        labels: {team: shop}\n"
    )
    found = adopted(LIVE, settings(image_tag="{sha}"), location(before))
    after = put_whole(before, found.entry, found.leaves, path=FILE)
    assert after == TEXT + (
        "  - location_name: shop\n"
        "    build:\n"
        "      directory: shop\n"
        "      registry: ghcr.io/acme/shop  # ours\n"
        "    code_source:\n"
        "      module_name: shop.definitions\n"
        "    container_context:\n"
        "      k8s:\n"
        "        # the same as in defaults\n"
        "        namespace: data\n"
        "        env_vars:\n"
        "        - A=1\n"
        "        - B=2\n"
        "    agent_queue: gpu\n"
    )
    assert put_whole(after, found.entry, found.leaves, path=FILE) == after


def test_defaults_that_no_entry_can_undo_are_refused_by_name() -> None:
    live = without(LIVE, "git", container_context={"k8s": {"env_vars": ["B=2"]}})
    with pytest.raises(DefaultsDiffer) as refused:
        put_whole(TEXT, live, ("build",), path=FILE)
    assert refused.value.summary == (
        "With the `defaults` of `dagster_cloud.yaml` no entry says of shop what is live:"
        " `container_context.k8s.env_vars`, `container_context.k8s.namespace`."
    )


def test_what_the_file_can_not_hold_is_refused_as_the_file_would_be() -> None:
    with pytest.raises(FileInvalid):
        put_whole(
            TEXT, without(LIVE, "git", container_context={"k9s": {}, "k8s": 1}), (), path=FILE
        )


# How far the file is.

HEAD = Commit(sha="9d8e7f6a" * 5, subject="New", author="Ada", committed_at="2026-11-23T09:00:00Z")


def drift(
    live: Document, in_file: Document, applied: Document | None = None, **project: Any
) -> FieldDrift:
    there = FileLocation("shop", in_file, None)
    file = ProjectAtRef("data", settings(**project), "main", HEAD, (there,))
    return field_drift(live, applied, file, there)


def test_what_a_deploy_sets_is_no_drift() -> None:
    same = without(LIVE, "git", image="ghcr.io/acme/shop:1.4")
    assert drift(LIVE, same) == FieldDrift("main")
    assert drift(LIVE, without(same, "image"), image_tag="{sha}") == FieldDrift("main")
    checkout = without(LIVE, "image", working_directory=f"{CHECKOUT}/shop")
    folder = without(same, "image", working_directory="./shop/")
    assert drift(checkout, folder, artifact="source") == FieldDrift("main")


def test_fields_that_differ_are_told_as_a_deploy_would_change_them() -> None:
    in_file = without(LIVE, "git", "agent_queue", image="ghcr.io/acme/shop:1.4", attribute="defs")
    live = {**LIVE, "executable_path": "/usr/bin/python3"}
    added = FieldChange(path="attribute", before=None, after="defs")
    queue = FieldChange(path="agent_queue", before="gpu", after=None)
    python = FieldChange(path="executable_path", before="/usr/bin/python3", after=None)
    assert drift(live, in_file) == FieldDrift("main", (added,), (queue, python))
    # The file had the queue when it was deployed last: now a deploy takes it away.
    assert drift(live, in_file, LIVE) == FieldDrift("main", (queue, added), (python,))


def test_an_image_where_agents_should_run_a_checkout_is_drift() -> None:
    folder = f"{CHECKOUT}/shop"
    found = drift(
        {**LIVE, "working_directory": folder}, without(LIVE, "git", "image"), artifact="source"
    )
    assert [change.path for change in found.changes] == ["image"]
    assert [change.path for change in found.only_live] == ["working_directory"]


def seen(name: str, requested: str, **live: Any) -> LocationSeen:
    document = without(LIVE, "git", "image", location_name=name, **live)
    return LocationSeen(name, Health.LOADED, Version(), requested, document=document)


def in_project(names: list[str], **says: Any) -> ProjectAtRef:
    plain = without(LIVE, "git", "image", **says)
    listed = tuple(FileLocation(name, {**plain, "location_name": name}, None) for name in names)
    return ProjectAtRef("data", settings(), "main", HEAD, listed)


async def test_what_was_compared_is_remembered_until_a_side_changes() -> None:
    names = [f"shop{number}" for number in range(MANY + 1)]
    files = {"data": in_project(names)}
    drifts = FieldDrifts(lambda: files)
    asked: list[tuple[LocationSeen, str | None]] = [
        (seen(name, "one", attribute="x"), "data") for name in names
    ]
    asked += [(seen("lost", "one"), None), (seen("younger", "one"), "data")]
    first = await drifts.of("prod", asked, {})
    assert set(first) == set(names), "of one that has no project, or isn't in its file, nothing"
    only = FieldChange(path="attribute", before="x", after=None)
    assert first["shop0"] == FieldDrift("main", (), (only,))
    assert (await drifts.of("prod", asked, {}))["shop0"] is first["shop0"]
    applied = await drifts.of("prod", asked, {"shop0": {**LIVE, "attribute": "x"}})
    assert applied["shop0"] == FieldDrift("main", (only,), ())
    changed = await drifts.of("prod", [(seen("shop0", "two"), "data")], {})
    assert changed["shop0"] == FieldDrift("main")
    elsewhere = await drifts.of("staging", [(seen("shop0", "two"), "data")], {})
    assert elsewhere["shop0"] is not changed["shop0"], "each deployment is remembered by itself"


# Whatever the documents.

PROJECTS = st.sampled_from(
    [
        settings(),
        settings(image_tag="{sha}"),
        settings(artifact="docker"),
        settings(artifact="pex"),
        settings(artifact="source"),
    ]
)
SET_BY_DEPLOYS = st.fixed_dictionaries(
    {},
    optional={
        "git": st.just({"commit_hash": SHA, "url": "https://git.example/a"}),
        "pex_metadata": st.just({"pex_tag": "files=a.pex"}),
        "image": st.just("ghcr.io/acme/shop@sha256:0a"),
    },
)


def as_sent(value: Any) -> Any:
    """The document as Dagster's own client sends it, without nulls."""
    return remove_none_recursively(yaml.safe_load(yaml.safe_dump(value)))


@fuzz
@given(files(), locations(), SET_BY_DEPLOYS, PROJECTS)
def test_an_adopted_entry_merged_is_the_live_document_again(
    file: Any, drawn: Any, by_deploys: Document, project: ProjectSettings
) -> None:
    text = text_of(file, flow=False)
    try:
        before = {each.name: each for each in parse_dagster_cloud_yaml(text, path=FILE)}
    except FileInvalid:
        event("the file isn't valid")
        return
    live = clean(as_sent({**without(drawn, "build"), **by_deploys}))
    found = adopted(live, project, before.get(drawn["location_name"]))
    try:
        after = put_whole(text, found.entry, found.leaves, path=FILE)
    except DefaultsDiffer:
        event("defaults differ")
        assert "defaults" in file, "without defaults everything can be said"
        return
    except FileInvalid:
        event("the entry isn't valid")
        return
    event("written")
    parsed = {each.name: each for each in parse_dagster_cloud_yaml(after, path=FILE)}
    merged = parsed.pop(drawn["location_name"])
    left = ("git", "pex_metadata", *found.leaves)
    stays = "build" if "build" not in found.entry else ""
    if (there := before.pop(merged.name, None)) is not None:
        assert not stays or merged.build == there.build
        assert merged.document.get("image") == (
            there.document.get("image") if "image" in found.leaves else found.entry.get("image")
        )
    assert without(clean(merged.document), *left) == without(live, *left)
    assert parsed == before, "the other locations stay as they are"
    assert put_whole(after, found.entry, found.leaves, path=FILE) == after
