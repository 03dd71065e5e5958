"""CI that lists code locations by hand: what is extended, what is left to people, what is left."""

import pytest
import yaml

from deploy_core.sources.ci_lists import Extended, extended, is_ci_file

KNOWN = ("core", "marts")

GITHUB = """\
on: push  # to any branch
jobs:
  build:
    strategy:
      fail-fast: false
      matrix:
        python: ["3.11"]
        location: [core, marts]   # all of them
    steps:
      - run: docker build ${{ matrix.location }}
      - uses: dagster-io/dagster-cloud-action/actions/utils/dagster-cloud-cli@v1.13.7
        with:
          command: "ci set-build-output --location-name=${{ matrix.location }} --image-tag=x"
"""

GITLAB = """\
---
build:
  parallel:
    matrix:
      - LOCATION_NAME:
          - "core"   # first

          - "marts"
        ARCH: [amd64]
  script: [!reference [.build, script]]
"""


def shop(text: str) -> Extended:
    return extended(text, "shop", KNOWN)


@pytest.mark.parametrize(
    ("before", "old", "new"),
    [
        (GITHUB, "[core, marts]", "[core, marts, shop]"),
        (GITHUB.replace("[core, marts]", "[core, 'marts',]"), "'marts',", "'marts', 'shop',"),
        (GITHUB.replace("[core, marts]", "[\n  core,\n  marts\n]"), "marts\n]", "marts, shop\n]"),
        (GITHUB.replace("\n", "\r\n"), "marts]", "marts, shop]"),
        (GITLAB, '          - "marts"\n', '          - "marts"\n          - "shop"\n'),
        (
            "x:\n  matrix:\n    code-location:\n    -   core\n    -   marts",
            "marts",
            "marts\n    -   shop",
        ),
    ],
)
def test_a_matrix_gets_one_more_and_every_other_byte_stays(before: str, old: str, new: str) -> None:
    made = shop(before)
    assert made == Extended(before.replace(old, new))
    assert shop(made.text) == made, "once is enough"


def test_every_matrix_of_a_file_gets_it() -> None:
    both = f"{GITHUB}  deploy:\n    strategy: {{matrix: {{location_name: [core]}}}}\n"
    made = shop(both)
    read = yaml.safe_load(made.text)
    assert read["jobs"]["build"]["strategy"]["matrix"]["location"] == ["core", "marts", "shop"]
    assert read["jobs"]["deploy"]["strategy"]["matrix"]["location_name"] == ["core", "shop"]
    assert (made.matrix, made.steps) == (False, False)


def test_a_name_that_yaml_reads_as_something_else_is_quoted() -> None:
    made = extended(GITHUB, "1.5", KNOWN)
    assert '[core, marts, "1.5"]' in made.text


@pytest.mark.parametrize(
    "matrix",
    [
        "{location: [core, other]}",
        "{location: [core, marts # two\n ]}",
        "{location: [{name: core, directory: core}]}",
        "{include: [{location: core, image: a}]}",
        "{what: [core, marts]}",
        """{location: "${{ fromJSON('[\\"core\\", \\"marts\\"]') }}"}""",
        "{location: *all}\nx-all: 1",
    ],
)
def test_a_matrix_that_is_no_plain_list_is_left_to_people(matrix: str) -> None:
    anchor = "all: &all [core, marts]\n" if "*all" in matrix else ""
    text = f"{anchor}strategy:\n matrix: {matrix}\n"
    yaml.safe_load(text)
    assert shop(text) == Extended(text, matrix=True)


@pytest.mark.parametrize(
    "command",
    [
        "ci set-build-output --location-name=core --image-tag=$TAG",
        "ci set-build-output --image-tag=a --location-name 'marts'",
        "dagster-cloud ci locations-select core marts",
    ],
)
def test_commands_that_name_each_location_are_left_to_people(command: str) -> None:
    text = f"steps:\n  - with:\n      command: {command}\n"
    assert shop(text) == Extended(text, steps=True)
    assert shop(f"---\n---\n{text}") == Extended(f"---\n---\n{text}", steps=True)
    there = text.replace("core", "shop").replace("'marts'", "shop").replace("marts", "core")
    assert shop(there) == Extended(there)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "on: push\njobs: {}\n",
        "core: [",
        "core: 1\n",
        "matrix: {location: [other]}\n# --location-name=core\n",
        "matrix: {location: [core, shop]}\n",
        "command: ci build --build-strategy=python-executable\n# core and marts\n",
        "# core\na: &a [x]\nb: &b [*a, *a, *a]\nmatrix: {location: [*b, *b]}\n",
    ],
)
def test_what_has_no_such_list_is_not_touched(text: str) -> None:
    assert shop(text) == Extended(text)


def test_which_files_are_ci() -> None:
    good = (".github/workflows/a.yml", ".github/workflows/b.yaml", ".gitlab-ci.yml")
    bad = (".github/workflows/a/b.yml", ".github/workflows/a.sh", "x/.gitlab-ci.yml", ".gitlab-ci")
    assert [is_ci_file(path) for path in (*good, *bad)] == [True] * 3 + [False] * 4
