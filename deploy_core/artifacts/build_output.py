"""Reads what builders print: which step of how many, and the last lines of the one that failed."""

import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from pydantic import JsonValue

from deploy_core.artifacts.secret_sources import Redactor

OnProgress = Callable[[int, int, str], None]
"""Told of a step that begins: its number, how many there are as far as is known, and its text."""

LAST_LINES = 30
LONGEST_LINE = 2_000
LONGEST_UNREAD = 65_536
MOST_LOG_BYTES = 50_000_000

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f]")
_VERTEX = re.compile(r"#(\d+) (?!sha256:)(.*)")
_STAGE_STEP = re.compile(r"\[(?:(.*) )?(\d+)/(\d+)\] (.*)")
_TIMED = re.compile(r"\d+\.\d+ (.*)")
_CLASSIC_STEP = re.compile(r"Step (\d+)/(\d+) : (.*)")
_CLASSIC_LAYER = re.compile(r" ---> ([0-9a-f]{12})")
_EXIT_CODE = re.compile(r"(?:exit code: |non-zero code: )(\d+)")


@dataclass(frozen=True)
class FailedStep:
    """The step at which a build ended: its instruction, its last lines, and the builder's word."""

    instruction: str
    lines: tuple[str, ...]
    message: str

    @property
    def exit_code(self) -> int | None:
        found = _EXIT_CODE.search(self.message)
        return int(found[1]) if found else None


class BuildLog:
    """Takes the output of one build as it comes: redacts it, keeps it in a file, splits lines."""

    def __init__(self, path: Path, redact: Redactor) -> None:
        self.path = path
        self._redact = redact
        self._file: TextIO | None = None
        self._written = 0
        self._rest = ""

    def open(self) -> None:
        """Start the file anew."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self.path.open("w", encoding="utf-8")

    def close(self) -> None:
        """Write out what is left."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def feed(self, text: str) -> list[str]:
        """Return the whole lines that `text` completes, clean and without secrets."""
        # A line may come in pieces; what never ends is cut before it can fill the memory.
        whole, newline, rest = (self._rest + text).rpartition("\n")
        self._rest = rest[:LONGEST_UNREAD]
        return [self._line(line) for line in whole.split("\n")] if newline else []

    def rest(self) -> list[str]:
        """Return the last line, which nothing ended."""
        line, self._rest = self._rest, ""
        return [self._line(line)] if line else []

    def _line(self, raw: str) -> str:
        # A progress bar writes over itself: only what it wrote last counts.
        shown = _ESCAPES.sub("", raw.rstrip("\r").rpartition("\r")[2])
        line = self._redact(shown)[:LONGEST_LINE]
        if self._file is not None and self._written <= MOST_LOG_BYTES:
            self._written += len(line) + 1
            over = self._written > MOST_LOG_BYTES
            self._file.write("The rest isn't kept: the log is too long.\n" if over else f"{line}\n")
        return line


@dataclass
class _Vertex:
    text: str
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=LAST_LINES))
    error: str | None = None


class BuildKitOutput:
    """Reads the lines of `docker build --progress=plain`.

    The number of steps is the sum over the stages that were seen; it grows with a new stage.
    """

    def __init__(self, on_progress: OnProgress) -> None:
        self._on_progress = on_progress
        self._vertices: dict[str, _Vertex] = {}
        self._stages: dict[str, tuple[int, int]] = {}
        self._other: deque[str] = deque(maxlen=LAST_LINES)

    def line(self, line: str) -> None:
        """Take one line."""
        found = _VERTEX.fullmatch(line)
        if found is None:
            if line.strip() and not line.startswith(("------", " > ", "#")):
                self._other.append(line)
            return
        number, text = found[1], found[2]
        vertex = self._vertices.get(number)
        if vertex is None:
            self._vertices[number] = _Vertex(text)
            self._begun(text)
        elif text.startswith("ERROR"):
            vertex.error = text.removeprefix("ERROR:").strip()
        elif timed := _TIMED.fullmatch(text):
            vertex.lines.append(timed[1])

    def failed(self) -> FailedStep:
        """Return where the build ended; called when its exit code isn't zero."""
        for vertex in self._vertices.values():
            if vertex.error is not None:
                step = _STAGE_STEP.fullmatch(vertex.text)
                text = step[4] if step else vertex.text
                return FailedStep(text, tuple(vertex.lines), vertex.error)
        lines = tuple(self._other)
        return FailedStep("", lines, lines[-1] if lines else "The builder said nothing.")

    def _begun(self, text: str) -> None:
        step = _STAGE_STEP.fullmatch(text)
        if step is None:
            return
        stage, number, total = step[1] or "", int(step[2]), int(step[3])
        before = self._stages.get(stage, (0, total))[0]
        self._stages[stage] = (max(before, number), total)
        done = sum(at for at, _ in self._stages.values())
        self._on_progress(done, sum(of for _, of in self._stages.values()), step[4])


class ClassicOutput:
    """Reads the stream of the engine's classic build, one JSON object after the other.

    `images` are the layers that this build made, in their order. The engine makes a step of its
    own, at the end, for each of the `labels`: these aren't told.
    """

    def __init__(self, log: BuildLog, on_progress: OnProgress, labels: int) -> None:
        self._log = log
        self._labels = labels
        self._on_progress = on_progress
        self._step = ""
        self._lines: deque[str] = deque(maxlen=LAST_LINES)
        self._cached = False
        self.images: list[str] = []
        self.image_id: str | None = None
        self.error: str | None = None

    def item(self, item: dict[str, JsonValue]) -> None:
        """Take one object of the stream."""
        if isinstance(item.get("stream"), str):
            for line in self._log.feed(str(item["stream"])):
                self._line(line)
        if isinstance(item.get("status"), str) and "progress" not in item:
            self._log.feed(f"{item['status']}\n")
        aux = item.get("aux")
        if isinstance(aux, dict) and isinstance(aux.get("ID"), str):
            self.image_id = str(aux["ID"])
        if isinstance(item.get("error"), str):
            self.error = "\n".join(self._log.feed(f"{item['error']}\n"))

    def failed(self) -> FailedStep:
        """Return where the build ended; called when there was an error."""
        return FailedStep(self._step, tuple(self._lines), self.error or "The builder said nothing.")

    def _line(self, line: str) -> None:
        if step := _CLASSIC_STEP.fullmatch(line):
            self._step, self._cached = step[3], step[3].upper().startswith("FROM ")
            self._lines.clear()
            number, of = int(step[1]), int(step[2]) - self._labels
            if number <= of:
                self._on_progress(number, of, step[3])
        elif line.startswith(" ---> Using cache"):
            self._cached = True
        elif layer := _CLASSIC_LAYER.fullmatch(line):
            if not self._cached:
                self.images.append(layer[1])
        elif line.strip() and not line.startswith((" ---> ", "Removing intermediate")):
            self._lines.append(line)
