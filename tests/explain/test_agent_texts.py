"""What agents and code servers say in plain text, and errors of any shape."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploy_core.model.advice import Advice, explain_reason
from deploy_core.model.explain import explain, full_trace, without_credentials
from deploy_core.model.python_error import ChainedError, PythonError
from sandbox.dagster_plus.load_errors import LoadError, deep_load_error
from tests.handlers.worlds import ERRORS, HOSTILE

UNREACHABLE = (
    "dagster._core.errors.DagsterUserCodeUnreachableError: Could not reach user code server. gRPC"
    " Error code: UNAVAILABLE\n"
)
TEXTS = {
    "startup_timed_out": (
        "Exception: Timed out after waiting 180s for server core-ab12:4000.\n\nMost recent"
        f" connection error: {UNREACHABLE}\nStack Trace:\n"
        '  File "/usr/local/lib/python3.11/site-packages/dagster/_grpc/client.py", line 162, in x\n'
        "    failed to connect to all addresses; last error: Connection refused\n"
    ),
    "startup_timed_out-k8s": "Exception: Timed out waiting for deployment core-prod-1a2b.\n",
    "image_missing": (
        "Exception: Error creating deployment for core-1a.\nPod core-1a-x: ImagePullBackOff:"
        ' Back-off pulling image "ghcr.io/acme/core:1"\n'
    ),
    "image_missing-docker": (
        "docker.errors.ImageNotFound: 404 Client Error for http+docker://localhost/v1.43/images:"
        ' Not Found ("manifest unknown")\n'
    ),
    "image_missing-ecs": (
        "Exception: Task failed. Stop code: TaskFailedToStart. Stop reason:"
        " CannotPullContainerError: pull access denied\n"
    ),
    "out_of_memory": (
        "Exception: Timed out waiting for deployment core-prod-1a2b.\n\nContainer dagster"
        " terminated: OOMKilled, exit code 137\n"
    ),
    "server_died": (
        "Exception: gRPC server exited with return code 1 while starting up with the command:"
        ' "dagster api grpc"\n'
    ),
    "server_unreachable": UNREACHABLE,
    "dagster_version": (
        "dagster_shared.serdes.errors.DeserializationError: Unexpected field\nThis error can occur"
        " due to version skew, verify processes are running expected versions.\n"
    ),
    "dagster_version-grpc": (
        "dagster._core.errors.DagsterUserCodeUnreachableError: Could not reach user code server."
        " gRPC Error code: UNIMPLEMENTED\n"
    ),
    "agent_engine": (
        "docker.errors.DockerException: Error while fetching server API version: ('Connection"
        " aborted.', PermissionError(13, 'Permission denied'))\n"
    ),
    "agent_engine-hangs": (
        "requests.exceptions.ReadTimeout: UnixHTTPConnectionPool(host='localhost', port=None): Read"
        " timed out. (read timeout=60)\n"
    ),
    "agent_engine-stopped": (
        "requests.exceptions.ConnectionError: ('Connection aborted.', ConnectionRefusedError(111,"
        " 'Connection refused'))\n"
    ),
    "agent_port": (
        "docker.errors.APIError: 500 Server Error for http+docker://localhost/v1.41/containers/1a/"
        'start: Internal Server Error ("driver failed programming external connectivity on endpoint'
        " core-prod-1a2b (7c): Error starting userland proxy: listen tcp4 0.0.0.0:41234: bind:"
        ' address already in use")\n'
    ),
    "agent_port-docker-proxy-of-another": (
        "docker.errors.APIError: 500 Server Error for http+docker://localhost/v1.41/containers/1a/"
        'start: Internal Server Error ("driver failed programming external connectivity on endpoint'
        ' core-prod-1a2b (7c): Bind for 0.0.0.0:41234 failed: port is already allocated")\n'
    ),
    "credentials": "botocore.exceptions.NoCredentialsError: Unable to locate credentials\n",
    "network": "requests.exceptions.ConnectionError: Max retries exceeded with url: /v1\n",
    "environment_variable": "ValueError: Environment variable 'WH_TOKEN' is not set\n",
    "import_name": (
        "ImportError: cannot import name 'a' from partially initialized module 'marts.b'\n"
    ),
}


@pytest.mark.parametrize("name", TEXTS)
def test_rule_is_found_by_what_the_agent_says(name: str) -> None:
    found = explain(PythonError(message=TEXTS[name]))
    assert found.rule == name.split("-", maxsplit=1)[0]
    assert found.cause.endswith(".")
    assert found.next_step.endswith(".")


NO_SOCKET = "('Connection aborted.', FileNotFoundError(2, 'No such file or directory'))\n"
NO_SUCH_IMAGE = "404 Client Error for http://127.0.0.1:2375/v1.41/containers/create: Not Found"
ENGINE_GONE = PythonError(
    message=f"docker.errors.DockerException: Error while fetching server API version: {NO_SOCKET}",
    stack=('  File "/usr/lib/dagster_cloud/workspace/docker/__init__.py", line 251, in _launch\n',),
    chain=(
        ChainedError(
            message=f"requests.exceptions.ConnectionError: {NO_SOCKET}", is_explicit=True, stack=()
        ),
        ChainedError(
            message=f"urllib3.exceptions.ProtocolError: {NO_SOCKET}", is_explicit=False, stack=()
        ),
        ChainedError(
            message="FileNotFoundError: [Errno 2] No such file or directory\n",
            is_explicit=False,
            stack=(),
        ),
        ChainedError(
            message=f'docker.errors.ImageNotFound: {NO_SUCH_IMAGE} ("No such image: x")\n',
            is_explicit=False,
            stack=(),
        ),
        ChainedError(
            message="requests.exceptions.HTTPError: 404 Client Error: Not Found\n",
            is_explicit=True,
            stack=(),
        ),
    ),
)


def test_an_agent_without_its_engine_is_not_taken_for_a_missing_image() -> None:
    """The Docker launcher looks for the image in one engine and pulls it with another: what an
    agent of 1.13 reports where DOCKER_HOST is set and /var/run/docker.sock isn't there."""
    found = explain(ENGINE_GONE)
    assert found.rule == "agent_engine"
    assert "Docker engine" in found.cause
    assert "/var/run/docker.sock" in found.next_step


def test_code_that_asks_an_engine_at_import_is_not_taken_for_the_agent() -> None:
    loading = "dagster._core.errors.DagsterUserCodeLoadError: Error occurred during the loading\n"
    above = ChainedError(message=ENGINE_GONE.message, is_explicit=True, stack=())
    found = explain(PythonError(message=loading, stack=(), chain=(above, *ENGINE_GONE.chain[:3])))
    assert found.rule != "agent_engine"


def test_traceback_that_an_agent_quotes_is_the_root_cause() -> None:
    message = (
        "Exception: Timed out waiting for deployment core-1a.\n\nLogs of core-1a-x:\n"
        "Traceback (most recent call last):\n"
        '  File "/usr/local/lib/python3.11/site-packages/dagster/_grpc/server.py", line 3, in x\n'
        '  File "/app/marts/defs.py", line 7, in <module>\n    import boto4\n'
        "ModuleNotFoundError: No module named 'boto4'\n"
    )
    found = explain(PythonError(message=message), checkout_root="/app")
    assert found.headline == "ModuleNotFoundError: No module named 'boto4'"
    assert found.rule == "module_missing"
    assert found.frame is not None
    assert (found.frame.place, found.frame.code) == ("marts/defs.py:7", "import boto4")
    assert found.folded == 1
    assert found.led_to == (
        "Exception: Timed out waiting for deployment core-1a. Logs of core-1a-x:",
    )


def converted(error: LoadError) -> PythonError:
    """The sandbox's error as Dagster+ reports it to us."""
    chain: list[ChainedError] = []
    above, below = error, error.cause or error.context
    while below is not None:
        explicit = above.cause is not None
        chain.append(ChainedError(message=below.message, stack=below.stack, is_explicit=explicit))
        above, below = below, below.cause or below.context
    return PythonError(message=error.message, stack=error.stack, chain=tuple(chain))


def test_deep_chain_with_four_hundred_frames_and_sixty_kilobytes() -> None:
    error = converted(deep_load_error())
    found = explain(error, checkout_root="/srv/code")
    assert found.exception == "KeyError"
    assert found.headline.startswith("KeyError: Größe ≠ 0, 表が見つかりません")
    assert found.headline.endswith("…")
    assert len(found.headline) <= 320
    assert found.frame is not None
    assert found.frame.place == "marts/données_200.py:200"
    assert found.frame.function == "überführe"
    assert found.folded == 208
    assert found.led_to == ("ValueError: la table « commandes » est incomplète",)
    trace = full_trace(error)
    assert len(trace.encode()) > 60_000
    assert trace.count("Traceback (most recent call last):") == 3


def test_wrapper_alone_still_names_the_module() -> None:
    message = (
        "dagster._core.errors.DagsterImportError: Encountered ImportError: `No module named"
        " 'boto4'` while importing module marts.definitions. \n"
    )
    found = explain(PythonError(message=message))
    assert (found.rule, found.frame) == ("module_missing", None)
    assert "boto4" in found.cause


def test_names_with_braces_are_not_templates() -> None:
    error = PythonError(
        message="KeyError: '{0.__class__}'\n",
        stack=('  File "/app/x.py", line 1, in f\n    os.environ["{0.__class__}"]\n',),
    )
    found = explain(error)
    assert found.rule == "environment_variable"
    assert "{0.__class__}" in found.cause


def test_credentials_are_not_shown() -> None:
    error = PythonError(
        message="OperationalError: could not connect to postgresql://ada:s3cret@db/x\n",
        stack=('  File "/app/x.py", line 1, in f\n    f("https://u:s3cret@h", "ghp_abcdef12")\n',),
    )
    found = explain(error)
    assert "s3cret" not in str(found)
    assert "ghp_" not in str(found)
    assert "s3cret" not in full_trace(error)
    assert without_credentials("https://x/y") == "https://x/y"


@pytest.mark.parametrize(
    ("reason", "advice"),
    [
        (
            "no_agent",
            Advice(
                "No agent of prod is running, so nobody loads core.",
                "Start the agent (or look why it stopped), then retry.",
            ),
        ),
        (
            "no_agent_on_queue",
            Advice(
                "Agents of prod run, but none serves the queue “gpu” of core."
                " The running agents serve: default, big.",
                "Start an agent on that queue, or change `agent_queue` in dagster_cloud.yaml.",
            ),
        ),
        (
            "load_timed_out",
            Advice(
                "The agent took the change, but core was still loading after 900 s: the image may"
                " be large, the import slow, the agent busy, or its engine or cluster down.",
                "Look at the agent's log; raise `load_deadline` if the location only needs longer.",
            ),
        ),
        ("internal", None),
    ],
)
def test_reasons_without_a_python_error(reason: str, advice: Advice | None) -> None:
    found = explain_reason(
        reason,
        location="core",
        deployment="prod",
        queue="gpu",
        queues=("default", "big"),
        seconds=900,
    )
    assert found == advice


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(ERRORS, st.none() | HOSTILE)
def test_any_error_is_explained(error: PythonError, root: str | None) -> None:
    found = explain(error, checkout_root=root)
    assert found.headline
    assert len(found.headline) <= 410
    assert "\n" not in found.headline
    assert len(found.cause) <= 400
    assert found.next_step
    assert isinstance(full_trace(error), str)
