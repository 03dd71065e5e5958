"""`dagster_cloud.yaml` edited in place: what was wanted changes, and no other byte."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from deploy_core.model.errors import FileInvalid, FileNotEditable, UnknownLocation
from deploy_core.sources.dagster_cloud_yaml import FileLocation, parse_dagster_cloud_yaml
from deploy_core.sources.yaml_edit import add_location, remove_location, set_fields
from tests.support.corpus import FILES, needs_corpus

FILE = "dagster_cloud.yaml"
ENTRY: dict[str, Any] = {
    "location_name": "added-here",
    "code_source": {"module_name": "added.definitions"},
    "working_directory": "locations/added",
    "build": {"directory": "locations/added", "registry": "ghcr.io/acme/added"},
    "container_context": {"k8s": {"env_vars": ["A=1", "B"], "labels": {"yes": "no"}}},
}

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "0"))
fuzz = settings(
    max_examples=EXAMPLES or 80,
    derandomize=not EXAMPLES,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


def parsed(text: str) -> tuple[FileLocation, ...]:
    return parse_dagster_cloud_yaml(text, path=FILE)


def is_one_splice(before: str, after: str) -> bool:
    """Say whether all of the old text is there, around one piece that was put in."""
    pairs = zip(before, after, strict=False)
    start = next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(before), len(after)))
    return after.endswith(before[start:]) and len(after) >= len(before)


def read(file: Path) -> str:
    return file.read_bytes().decode("utf-8")  # with its line breaks as they are


def is_list(text: str) -> bool:
    """Say whether the file is one of today's, and valid."""
    try:
        parsed(text)
    except FileInvalid:
        return False
    return isinstance(yaml.safe_load(text)["locations"], list)


@needs_corpus
def test_a_location_is_added_to_every_real_file_and_goes_without_a_trace() -> None:
    done = 0
    for file in FILES:
        text = read(file)
        for variant in (text, text.replace("\r\n", "\n").replace("\n", "\r\n"), text.rstrip()):
            if not is_list(variant):
                continue
            added = add_location(variant, ENTRY, path=FILE)
            assert is_one_splice(variant, added), file.name
            assert parsed(added)[:-1] == parsed(variant), file.name
            assert parsed(added)[-1].name == "added-here", file.name
            if "\r\n" in variant and "\n" not in variant.replace("\r\n", ""):
                assert "\n" not in added.replace("\r\n", ""), file.name
            assert added.endswith("\n") == variant.endswith("\n"), file.name
            assert remove_location(added, "added-here", path=FILE) == variant, file.name
            done += 1
    assert done >= 80


@needs_corpus
def test_a_field_of_a_real_file_is_set_and_nothing_else_moves() -> None:
    for file in FILES:
        text = read(file)
        if not is_list(text):
            continue
        for one in parsed(text):
            wanted = {"agent_queue": "gpu", "code_source": {"package_name": "elsewhere"}}
            edited = set_fields(text, one.name, wanted, path=FILE)
            by_name = {each.name: each for each in parsed(edited)}
            assert by_name[one.name].document["agent_queue"] == "gpu", file.name
            assert by_name[one.name].document["code_source"] == wanted["code_source"], file.name
            others = [each for each in parsed(text) if each.name != one.name]
            assert [by_name[each.name] for each in others] == others, file.name
            for comment in [line for line in text.splitlines() if line.strip().startswith("#")]:
                assert comment in edited, file.name


# Files of every layout that people write.

WORDS = st.sampled_from(["core", "marts", "ml", "raw data", "yes", "1", "été", "a: b", "#x", "''"])
COMMENTS = st.sampled_from(["", "  # why", " #", "\t# tab"])
BREAKS = st.sampled_from(["\n", "\r\n"])


@st.composite
def files(draw: st.DrawFn) -> str:
    """Draw a valid file: indentation, blank lines, comments, line breaks and its end vary."""
    dash = draw(st.integers(0, 5))
    inside = draw(st.integers(1, 4))
    step = draw(st.integers(1, 5))
    lines = draw(st.sampled_from([[], ["---"], ["# top", ""], ["defaults:", "  image: a:1", ""]]))
    lines = [*lines, "locations:" + draw(COMMENTS)]
    pad, keys = " " * dash, " " * (dash + 1 + inside)
    names = draw(st.lists(WORDS, min_size=1, max_size=4, unique=True))
    for name in names:
        lines += draw(st.sampled_from([[], [""], [f"{pad}# of the next"], ["# left", ""]]))
        if draw(st.booleans()):
            lines.append(f"{pad}-{' ' * inside}location_name: {yaml_text(name)}{draw(COMMENTS)}")
        else:
            lines += [f"{pad}-{draw(COMMENTS)}", f"{keys}location_name: {yaml_text(name)}"]
        lines += [f"{keys}code_source:", f"{keys}{' ' * step}python_file: a.py{draw(COMMENTS)}"]
        lines += draw(
            st.sampled_from(
                [
                    [],
                    [f"{keys}build: {{directory: ., registry: r.example/a}}"],
                    [
                        f"{keys}container_context:",
                        f"{keys}  k8s:",
                        f"{keys}    env_vars:",
                        f"{keys}    - A=1",
                        f"{keys}    # - B=2",
                    ],
                    [f"{keys}attribute: |", f"{keys}   defs", ""],
                    [f'{keys}image: "a:', f'{keys}   1"'],
                    [f"{keys}# image: a:2", f"{keys}agent_queue: ~"],
                ]
            )
        )
    lines += draw(st.sampled_from([[], [""], ["", "# the end"], [f"{pad} # deep", "# left"]]))
    nl = draw(BREAKS)
    return nl.join(lines) + draw(st.sampled_from(["", nl, nl + nl]))


def yaml_text(value: str) -> str:
    dumped: str = yaml.safe_dump(value, allow_unicode=True)
    return dumped.split("\n", maxsplit=1)[0]


ENTRIES = st.fixed_dictionaries(
    {
        "location_name": st.text(
            st.characters(codec="utf-8", categories=["L", "N", "P"]), max_size=20
        ).map(lambda name: f"new{name}"),
        "code_source": st.fixed_dictionaries({"module_name": WORDS}),
    },
    optional={
        "image": WORDS,
        "container_context": st.fixed_dictionaries(
            {"docker": st.fixed_dictionaries({"env_vars": st.lists(WORDS, min_size=1)})}
        ),
    },
)


@fuzz
@given(files(), ENTRIES)
def test_whatever_the_layout_add_and_remove_leave_every_other_byte(
    text: str, entry: dict[str, Any]
) -> None:
    assume(readable(text))
    try:
        added = add_location(text, entry, path=FILE)
    except FileNotEditable:
        # The only kind: a text in lines of its own, without a line break at the end of the file.
        assert not text.endswith("\n")
        assert "attribute: |" in text.splitlines()[-2]
        return
    assert is_one_splice(text, added)
    assert yaml.safe_load(added)["locations"] == [*yaml.safe_load(text)["locations"], entry]
    assert remove_location(added, entry["location_name"], path=FILE) == text


@fuzz
@given(files(), st.data())
def test_whatever_the_layout_a_location_is_changed_and_removed(
    text: str, data: st.DataObject
) -> None:
    assume(readable(text))
    before = yaml.safe_load(text)["locations"]
    number = data.draw(st.integers(0, len(before) - 1))
    name = before[number]["location_name"]
    try:
        removed = remove_location(text, name, path=FILE)
    except FileNotEditable:
        assert not text.endswith("\n")
        removed = ""
    if removed:
        left = [each for each in before if each["location_name"] != name]
        assert yaml.safe_load(removed)["locations"] == left
    fields = {"image": "b:2", "attribute": None, "code_source": {"python_file": "b.py"}}
    try:
        changed = set_fields(text, name, fields, path=FILE)
    except FileNotEditable:
        assert not text.endswith("\n")
        return
    after = yaml.safe_load(changed)["locations"]
    assert after[:number] + after[number + 1 :] == before[:number] + before[number + 1 :]
    expected = {
        key: value for key, value in {**before[number], **fields}.items() if value is not None
    }
    assert {k: v for k, v in after[number].items() if v is not None} == expected


def readable(text: str) -> bool:
    """Say whether YAML takes it: a tab before a comment isn't always allowed."""
    try:
        yaml.safe_load(text)
    except yaml.YAMLError:
        return False
    return True


# Layouts one by one.

SMALL: dict[str, Any] = {"location_name": "new", "code_source": {"module_name": "new"}}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "locations:\n  - location_name: new\n    code_source:\n      module_name: new\n"),
        (
            "# nothing yet",
            (
                "# nothing yet\nlocations:\n  - location_name: new\n    code_source:\n"
                "      module_name: new"
            ),
        ),
        (
            "locations: [] # none\n",
            "locations: # none\n  - location_name: new\n    code_source:\n      module_name: new\n",
        ),
        (
            "locations:\r\n",
            (
                "locations:\r\n  - location_name: new\r\n"
                "    code_source:\r\n      module_name: new\r\n"
            ),
        ),
        (
            "locations: null",
            "locations:\n  - location_name: new\n    code_source:\n      module_name: new",
        ),
        (
            "defaults:\n  image: a\n# end\n",
            (
                "defaults:\n  image: a\nlocations:\n  - location_name: new\n    code_source:\n"
                "      module_name: new\n# end\n"
            ),
        ),
        (
            (
                "locations:\n- location_name: a\n  code_source:\n      python_file: a.py  # of a\n"
                "  # image: later\n# after\nx: 1\n"
            ),
            (
                "locations:\n- location_name: a\n  code_source:\n      python_file: a.py  # of a\n"
                "  # image: later\n- location_name: new\n  code_source:\n      module_name: new\n"
                "# after\nx: 1\n"
            ),
        ),
        (
            "locations: [{location_name: a}]",
            (
                'locations: [{location_name: a}, {"location_name": "new", "code_source":'
                ' {"module_name": "new"}}]'
            ),
        ),
        (
            "{locations: []}",
            '{locations: [{"location_name": "new", "code_source": {"module_name": "new"}}]}',
        ),
        (
            "locations: [\n  {location_name: a}, # of a\n]\n",
            (
                'locations: [\n  {location_name: a}, {"location_name": "new", "code_source":'
                ' {"module_name": "new"}}, # of a\n]\n'
            ),
        ),
    ],
)
def test_it_is_added_as_a_person_would(before: str, after: str) -> None:
    assert add_location(before, SMALL, path=FILE) == after
    if "[" in before:
        assert remove_location(after, "new", path=FILE) == before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("locations:\n  a:\n    python_file: a.py\n", "older form"),
        ("locations: 3\n", "isn't a list"),
        ("- a\n", "isn't a mapping"),
        ("locations: [3]\n", "an item that isn't a mapping"),
        ("locations:\n  - location_name: new\n", "has new already"),
        ("x: &a\n  - location_name: b\nlocations: *a\n", "behind an alias"),
        ("locations:\n  - location_name: '{{ name }}'\n", "is a template"),
        ("locations:\n  - location_name: a\n    a: 1\n    a: 2\n", "line 4: the key `a`"),
        ("locations:\n\t- a\n", "can't be read: line 2"),
        ("{a: 1}", "in braces without a list"),
        ("locations:\n  - location_name: a\n    attribute: |\n      defs", "without changing more"),
    ],
)
def test_what_can_not_be_edited_is_refused_with_the_reason(text: str, said: str) -> None:
    with pytest.raises(FileNotEditable) as refused:
        add_location(text, SMALL, path=FILE)
    assert said in refused.value.summary


FIELDS = """\
locations:
  - location_name: core  # the first
    image: ghcr.io/acme/core:1  # pinned
    code_source:
      # where it is
      module_name: core
    container_context:
      k8s:
        namespace: data  # ours
        labels: {team: core}

  - image: b
    location_name: marts
"""


def test_fields_are_set_beside_their_comments() -> None:
    edited = set_fields(
        FIELDS,
        "core",
        {
            "image": "ghcr.io/acme/core:2",
            "container_context": {"k8s": {"namespace": "prod", "service_account_name": "dagster"}},
            "attribute": "defs",
        },
        path=FILE,
    )
    wanted = FIELDS.replace("core:1", "core:2").replace("namespace: data", "namespace: prod")
    wanted = wanted.replace(
        "        labels: {team: core}\n",
        "        service_account_name: dagster\n    attribute: defs\n",
    )
    assert edited == wanted
    assert set_fields(FIELDS, "marts", {"image": None}, path=FILE) == FIELDS.replace(
        "- image: b\n    location_name", "- location_name"
    )


def test_a_location_goes_with_what_is_inside_it() -> None:
    first, second = FIELDS.index("  - location_name: core"), FIELDS.index("  - image: b")
    assert remove_location(FIELDS, "core", path=FILE) == FIELDS[:first] + FIELDS[second:]
    assert remove_location(FIELDS, "marts", path=FILE) == FIELDS[: second - 1]
    with pytest.raises(UnknownLocation) as unknown:
        remove_location(FIELDS, "ml", path=FILE)
    assert unknown.value.choices == ("core", "marts")
    with pytest.raises(FileNotEditable):
        remove_location("locations: [{location_name: a}, # c\n {location_name: b}]", "b", path=FILE)
