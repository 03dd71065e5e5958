"""What `/metrics` tells, in Prometheus's words; docs/metrics.md lists it.

Labels have few values: never a person, a code location, a commit or a message.
"""

import platform
from importlib.metadata import version

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import choose_encoder
from prometheus_client.process_collector import ProcessCollector

from deploy_core.model.facts import Fact, LeaseWasLost, StepEnded, TargetEnded

PREFIX = "dagster_chatops"

_CALL_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 45)
_ACK_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3)
_STEP_SECONDS = (0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800)


class Metrics:
    """The metrics of one process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._acks = self._histogram(
            "ack_seconds",
            "From a payload of Slack to its acknowledgement, with its row written.",
            ("kind", "result"),
            _ACK_SECONDS,
        )
        self._ended = self._counter(
            "targets_ended",
            "Code locations of deploys that reached their end.",
            ("deployment", "result", "reason"),
        )
        self._steps = self._histogram(
            "step_seconds",
            "From the first start of a deploy's step to its end.",
            ("step", "result"),
            _STEP_SECONDS,
        )
        self._slack_calls = self._histogram(
            "slack_call_seconds", "Calls of Slack's Web API.", ("method", "result"), _CALL_SECONDS
        )
        self._dagster_calls = self._histogram(
            "dagster_plus_call_seconds",
            "Calls of Dagster+, with their repetitions.",
            ("operation", "result"),
            _CALL_SECONDS,
        )
        self._lease_losses = self._counter(
            "lease_losses", "Writes that were refused because another worker had taken over."
        )
        self._alerts = self._counter(
            "alerts", "Requests with alerts of Dagster+, by what became of them.", ("result",)
        )
        self._resumed = self._counter(
            "asks_resumed", "What people asked, a crash cut off, and this process carried out."
        )
        self.targets_running = self._gauge(
            "targets_running", "Code locations that this process deploys now."
        )
        self.targets_queued = self._gauge(
            "targets_queued", "Code locations in the store that wait for their turn."
        )
        self.outbox_waiting = self._gauge(
            "outbox_waiting", "Messages in the store that Slack hasn't been told yet."
        )
        self.outbox_lag = self._gauge(
            "outbox_lag_seconds", "For how long the oldest of those messages waits."
        )
        self.slack_ready = self._gauge("slack_ready", "1 while Slack can reach this process.")
        self.store_ready = self._gauge("store_ready", "1 while the store can be read.")
        built = self._gauge("build_info", "Always 1; what runs.", ("version", "python"))
        built.labels(version("dagster-chatops"), platform.python_version()).set(1)
        ProcessCollector(registry=self.registry)

    def ack(self, kind: str, result: str, seconds: float) -> None:
        """A payload was acknowledged: see `handlers.desk.OnAck`."""
        self._acks.labels(kind, result).observe(seconds)

    def slack_call(self, method: str, result: str, seconds: float) -> None:
        """A call of Slack ended: see `handlers.slack.OnCall`."""
        self._slack_calls.labels(method, result).observe(seconds)

    def dagster_call(self, operation: str, result: str, seconds: float) -> None:
        """A call of Dagster+ ended: see `deploy_core.dagster_plus.transport.OnCall`."""
        self._dagster_calls.labels(operation, result).observe(seconds)

    def resumed(self) -> None:
        """Something that a crash cut off goes on."""
        self._resumed.inc()

    def alert(self, result: str) -> None:
        """A request with an alert was answered: see `bot.alerts.OnAlert`."""
        self._alerts.labels(result).inc()

    def fact(self, fact: Fact) -> None:
        """Something was committed."""
        match fact:
            case StepEnded():
                self._steps.labels(fact.name.value, fact.state.value).observe(fact.seconds)
            case TargetEnded():
                result, reason = fact.state.value, fact.reason or ""
                self._ended.labels(fact.deployment, result, reason).inc()
            case LeaseWasLost():
                self._lease_losses.inc()

    def page(self, accept: str) -> tuple[bytes, str]:
        """Return the page in a format that the reader accepts, and its content type."""
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type

    def _histogram(
        self, name: str, said: str, labels: tuple[str, ...], buckets: tuple[float, ...]
    ) -> Histogram:
        return Histogram(f"{PREFIX}_{name}", said, labels, buckets=buckets, registry=self.registry)

    def _counter(self, name: str, said: str, labels: tuple[str, ...] = ()) -> Counter:
        return Counter(f"{PREFIX}_{name}", said, labels, registry=self.registry)

    def _gauge(self, name: str, said: str, labels: tuple[str, ...] = ()) -> Gauge:
        return Gauge(f"{PREFIX}_{name}", said, labels, registry=self.registry)
