"""What is read out of the builder's output: texts as pip and pex print them, much shortened."""

from pathlib import Path

import pytest

from deploy_core.artifacts.pex_errors import pex_error
from deploy_core.artifacts.pex_process import JobFailed

HASH = "0123456789abcdef0123456789abcdef"
NOT_BUILT = (
    "`geo-tools` has no wheel for Python 3.11 on Linux, and its source can't be built"
    " here (shop, `requirements.txt` line 2)."
)
BEFORE = "Failed to build dependencies:\n| pip:   Found link https://x/ (requires-python:>=3.9)\n"


@pytest.mark.parametrize(
    ("text", "reason", "said"),
    [
        (
            "ERROR: No matching distribution found for geo-tools==9.9",
            "dependency_unresolved",
            (
                "There is no release of `geo-tools==9.9` for Python 3.11 on Linux"
                " (shop, `requirements.txt` line 2)."
            ),
        ),
        (
            "pip: ERROR: Package 'geo_tools' requires a different Python: 3.11.7 not in '>=3.13'",
            "dependency_unresolved",
            "`geo_tools` doesn't run on Python 3.11 (shop, `requirements.txt` line 2).",
        ),
        (
            f"pip:   cwd: /tmp/pip-install-1/geo-tools_{HASH}/\nerror: metadata-generation-failed",
            "dependency_unresolved",
            NOT_BUILT,
        ),
        (
            "ERROR: Failed to build 'geo-tools' when getting requirements to build wheel",
            "dependency_unresolved",
            NOT_BUILT,
        ),
        (
            (
                "ERROR: Cannot install a-thing==1 and geo-tools==9 because these package versions"
                " have conflicting dependencies."
            ),
            "dependency_unresolved",
            (
                "Requirements of shop contradict each other: a-thing==1 and geo-tools==9"
                " in `pyproject.toml` line 1, `requirements.txt` line 2."
            ),
        ),
        (
            "ERROR: Invalid requirement: 'geo-tools==='",
            "requirements_unreadable",
            "A requirement of shop can't be read: `geo-tools===` in `requirements.txt` line 2.",
        ),
        ("Killed", "pex_build_failed", "The dependencies of shop could not be built."),
    ],
)
def test_the_package_and_its_line(tmp_path: Path, text: str, reason: str, said: str) -> None:
    (tmp_path / "requirements.txt").write_text("not-geo-tools\nGeo_Tools>=1  # not geo\n")
    (tmp_path / "pyproject.toml").write_text('dependencies = ["a_thing"]\n')
    failed = JobFailed("unresolved", BEFORE + text)
    error = pex_error(failed, location="shop", folder=tmp_path, python="3.11")
    assert (error.reason, error.summary) == (reason, said)
    assert "Found link" not in error.detail


def test_a_long_output_is_cut_to_what_tells(tmp_path: Path) -> None:
    lines = [f"pip: Downloading part {number}" for number in range(5_000)]
    failed = JobFailed("unresolved", "x" * 40_000, [*lines, "ERROR: " + "y" * 5_000, "the end"])
    error = pex_error(failed, location="shop", folder=tmp_path, python="3.11")
    assert error.detail.startswith("ERROR: yyy")
    assert len(error.detail) <= 300
