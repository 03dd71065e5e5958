"""What builders and engines print, read without one."""

from pathlib import Path

import pytest

from deploy_core.artifacts.build_output import BuildKitOutput, BuildLog, ClassicOutput
from deploy_core.artifacts.image_push import PushOutput
from deploy_core.artifacts.image_ref import parse_image_ref
from deploy_core.artifacts.registry_errors import push_error
from deploy_core.artifacts.secret_sources import Redactor
from deploy_core.model.errors import (
    ArtifactError,
    DiskFull,
    PushFailed,
    RegistryQuota,
    RegistryUnauthorised,
    RegistryUnreachable,
    RepositoryMissing,
)
from tests.docker.world import Progress

REF = parse_image_ref("registry.test/team/core:1")

BUILDX = """\
#0 building with "default" instance using docker driver

#1 [internal] load build definition from Dockerfile
#1 transferring dockerfile: 208B done
#1 DONE 0.0s

#4 [linux/amd64 base 1/2] FROM docker.io/library/python:3.11
#4 CACHED

#5 [linux/amd64 base 2/2] RUN pip install dagster
#5 0.150 Collecting dagster
#5 DONE 0.7s

#7 [linux/amd64 stage-1 3/3] RUN pip install nothing
#7 0.207 Collecting nothing
#7 0.208 ERROR: No matching distribution found for nothing
#7 ERROR: process "/bin/sh -c pip install nothing" did not complete successfully: exit code: 1
------
 > [linux/amd64 stage-1 3/3] RUN pip install nothing:
------
ERROR: failed to solve: process "/bin/sh -c pip install nothing": exit code: 1
"""


def test_steps_are_counted_over_the_stages() -> None:
    progress = Progress()
    output = BuildKitOutput(progress)
    for line in BUILDX.splitlines():
        output.line(line)
    assert progress.seen == [
        (1, 2, "FROM docker.io/library/python:3.11"),
        (2, 2, "RUN pip install dagster"),
        (5, 5, "RUN pip install nothing"),
    ]
    failed = output.failed()
    assert failed.instruction == "RUN pip install nothing"
    assert failed.lines == (
        "Collecting nothing",
        "ERROR: No matching distribution found for nothing",
    )
    assert failed.exit_code == 1


def test_a_build_without_steps_says_its_last_lines() -> None:
    output = BuildKitOutput(Progress())
    output.line("failed to solve: dockerfile parse error on line 2: unknown instruction: RUNN")
    assert "unknown instruction" in output.failed().message


@pytest.fixture
def log(tmp_path: Path) -> BuildLog:
    return BuildLog(tmp_path / "x.log", Redactor(["s3cret-canary"]))


def test_lines_are_whole_clean_and_without_secrets(log: BuildLog) -> None:
    log.open()
    assert log.feed("a s3cret-") == []
    assert log.feed("canary b\r\n10%\r100%\n\x1b[91mred\x1b[0m\n rest") == [
        "a *** b",
        "100%",
        "red",
    ]
    assert log.rest() == [" rest"]
    log.close()
    assert log.path.read_text() == "a *** b\n100%\nred\n rest\n"


def test_a_line_without_end_does_not_fill_the_memory(log: BuildLog) -> None:
    for _ in range(100):
        assert log.feed("x" * 10_000) == []
    assert [len(line) for line in log.feed("\n")] == [2_000]


def test_classic_steps_without_those_of_labels(log: BuildLog) -> None:
    progress = Progress()
    output = ClassicOutput(log, progress, labels=1)
    for text in (
        "Step 1/4 : FROM base\n",
        " ---> d9414ad3dcaf\n",
        "Step 2/4 : RUN a\n",
        " ---> Using cache\n ---> 88f8542b2f98\n",
        "Step 3/4 : COPY b\n ---> 0b6825d91ddc\n",
        "Step 4/4 : LABEL x=y\n ---> Running in aaaaaaaaaaaa\nRemoving intermediate container x\n",
        " ---> ed7d4d4b6ecf\n",
    ):
        output.item({"stream": text})
    output.item({"aux": {"ID": "sha256:1"}})
    assert [seen[:2] for seen in progress.seen] == [(1, 3), (2, 3), (3, 3)]
    assert output.images == ["0b6825d91ddc", "ed7d4d4b6ecf"]
    assert (output.image_id, output.error) == ("sha256:1", None)


def test_an_error_inside_the_stream_of_a_push_is_seen() -> None:
    retries: list[bool] = []
    progress = Progress()
    output = PushOutput(progress, Redactor(["s3cret-canary"]), lambda: retries.append(True))
    output.item({"status": "The push refers to repository [registry.test/team/core]"})
    output.item({"status": "Preparing", "progressDetail": {}, "id": "aa"})
    output.item({"status": "Preparing", "progressDetail": {}, "id": "bb"})
    output.item({"status": "Layer already exists", "progressDetail": {}, "id": "aa"})
    output.item({"status": "Retrying in 5 seconds", "progressDetail": {}, "id": "bb"})
    output.item({"errorDetail": {"message": "denied: s3cret-canary"}, "error": "denied"})
    assert output.error == "denied: ***"
    assert output.digest is None
    assert progress.seen == [(1, 2, "layers pushed")]
    assert retries == [True]


def test_the_digest_of_a_push_is_taken_from_its_status_or_its_aux() -> None:
    digest = f"sha256:{'0a' * 32}"
    for item in (
        {"status": f"1: digest: {digest} size: 527"},
        {"progressDetail": {}, "aux": {"Tag": "1", "Digest": digest, "Size": 527}},
    ):
        output = PushOutput(Progress(), Redactor([]), lambda: None)
        output.item(item)  # type: ignore[arg-type]  # dicts of two shapes
        assert output.digest == digest


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("unauthorized: authentication required", RegistryUnauthorised),
        ("denied: requested access to the resource is denied", RegistryUnauthorised),
        ("no basic auth credentials", RegistryUnauthorised),
        (
            "name unknown: The repository with name 'core' does not exist in the registry",
            RepositoryMissing,
        ),
        ('name unknown: Repository "team" not found', RepositoryMissing),
        ("toomanyrequests: You have reached your push rate limit", RegistryQuota),
        (
            "denied: adding 2.2 GiB of storage resource will exceed the configured upper limit",
            RegistryQuota,
        ),
        ("write /var/lib/x: no space left on device", DiskFull),
        ("dial tcp 10.0.0.1:443: connect: connection refused", RegistryUnreachable),
        ("received unexpected HTTP status: 502 Bad Gateway", RegistryUnreachable),
        ("lookup registry.test: no such host", RegistryUnreachable),
        ("EOF", RegistryUnreachable),
        ("the tag is immutable", PushFailed),
    ],
)
def test_every_message_has_a_reason(message: str, kind: type[ArtifactError]) -> None:
    error = push_error(message, REF)
    assert type(error) is kind
    assert error.detail == message
