"""Why a code location didn't load, for people: the error that matters, the user's own line, and
a likely cause with the next step.

What agents report, as seen with dagster 1.13: the outermost error is often Dagster's wrapper
(`DagsterUserCodeLoadError`, `DagsterImportError`) and the user's error is at the end of the chain;
a syntax error has its place in the message and not in the stack; what the agent itself found out
(an image that can't be pulled, a server that didn't start) is plain text in one message.
Nothing here raises, whatever was reported.
"""

import re
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from deploy_core.model.evidence import Evidence
from deploy_core.model.explain_rules import likely_cause
from deploy_core.model.python_error import ChainedError, PythonError

MOST_FRAMES = 1_000
MOST_CHAIN = 50
MOST_TEXT = 8_000
MOST_MESSAGE = 300
MOST_CODE = 200

_FRAME = re.compile(
    r'^\s*File "(?P<file>[^"\n]{1,1000})", line (?P<line>\d{1,9})'
    r'(?:, in (?P<function>[^\n]*))?(?:\n(?!\s*File ")(?P<code>[^\n]*))?',
    re.MULTILINE,
)
_EXCEPTION = re.compile(r"(?P<name>[A-Za-z_][\w.]*)(?::\s*(?P<message>.*))?\Z", re.DOTALL)
_EMBEDDED = "Traceback (most recent call last):"
_EMBEDDED_END = re.compile(r"^(?P<line>[A-Za-z_][\w.]*(?::[^\n]*)?)$", re.MULTILINE)
_LIBRARY = re.compile(
    r"/(?:site|dist)-packages/|/lib(?:64)?/python\d|/python\d(?:\.\d+)?/lib/|/\.pex/|\.whl/"
    r"|/dagster/python_modules/|^<|^[a-z_]+\.py$"
)
_OWN_MODULE = re.compile(r"(?:module_name=|package_name=|importing module )([A-Za-z_]\w*)")
_WORKING_FOLDER = re.compile(r"(?:working_directory=|working directory `)([^\s`,]+)")
_PASSWORD = re.compile(r"(?<=://)[^\s:/@]*:[^\s/@]+@")
_TOKEN = re.compile(r"\b(?:xox[abeprs]-|xapp-|gh[pousr]_|github_pat_|glpat-|AKIA)[\w-]{6,}")


class Frame(BaseModel):
    """One line of the traceback; `file` is relative to the checkout where that is known."""

    model_config = ConfigDict(frozen=True)

    file: str
    line: int
    function: str | None = None
    code: str = ""

    @property
    def place(self) -> str:
        """The form that editors and people read: `marts/defs.py:12`."""
        return f"{self.file}:{self.line}"


class Explanation(BaseModel):
    """What went wrong, in the order in which a person needs it.

    `headline` is the root error in one line; `exception` its class without the module and `message`
    the rest. `frame` is the innermost line of the user's own code, `folded` counts the frames of
    libraries that were left out. `led_to` are the errors that followed, innermost first.
    `rule` names the rule that found the `cause`.
    """

    model_config = ConfigDict(frozen=True)

    headline: str
    exception: str
    message: str
    frame: Frame | None
    folded: int
    cause: str
    next_step: str
    rule: str
    led_to: tuple[str, ...] = ()


class _Line(NamedTuple):
    """A frame as it was read; there can be hundreds, of which one is shown."""

    file: str
    line: int
    function: str | None
    code: str


class _Error(NamedTuple):
    name: str  # dotted, as reported
    message: str
    frames: tuple[_Line, ...]
    text: str
    explicit: bool  # how it hangs on the error above it


def explain(
    error: PythonError, *, reason: str = "load_failed", checkout_root: str | None = None
) -> Explanation:
    """Explain the error of a code location that didn't load.

    `reason` is the code of the `LoadError` that carries it; `checkout_root` is the folder that file
    names are made relative to (guessed from the error itself when None). Never raises.
    """
    errors = _errors(error)
    at = _root(errors)
    root = errors[at]
    text = "\n".join(each.text for each in errors)
    own = frozenset(_OWN_MODULE.findall(text))
    roots = [checkout_root] if checkout_root else []
    roots += [match for match in _WORKING_FOLDER.findall(text) if match not in roots]
    frame = _own_frame(errors[: at + 1], own)
    every = [each for one in errors[: at + 1] for each in one.frames]
    evidence = Evidence(
        exception=_short_name(root.name),
        message=root.message,
        text=text,
        frames=tuple((each.file, each.function or "", each.code) for each in root.frames),
        own_modules=own | _folders_of(frame),
        reason=reason,
    )
    rule, cause, next_step = likely_cause(evidence)
    return Explanation(
        headline=_headline(root),
        exception=_short_name(root.name),
        message=_one_line(root.message),
        frame=None if frame is None else _shown(frame, roots),
        folded=sum(_is_library(each.file, own) for each in every),
        cause=_one_line(cause),
        next_step=_one_line(next_step),
        rule=rule,
        led_to=tuple(_headline(each) for each in reversed(errors[:at]) if not _is_wrapper(each)),
    )


def full_trace(error: PythonError) -> str:
    """Return the whole traceback as Python prints it, root cause first, without credentials."""
    parts: list[str] = []
    above: list[PythonError | ChainedError] = [error, *error.chain]
    for at in range(len(above) - 1, -1, -1):
        one = above[at]
        if one.stack:
            parts.append(_EMBEDDED + "\n" + "".join(_ending(frame) for frame in one.stack))
        parts.append(_ending(one.message))
        if at:
            explicit = error.chain[at - 1].is_explicit
            parts.append(
                "\nThe above exception was the direct cause of the following exception:\n\n"
                if explicit
                else "\nDuring handling of the above exception, another exception occurred:\n\n"
            )
    return without_credentials("".join(parts))


def without_credentials(text: str) -> str:
    """Return the text with passwords in addresses and well-known tokens replaced by `***`."""
    return _TOKEN.sub("***", _PASSWORD.sub("***:***@", text))


def _ending(text: str) -> str:
    return text if text.endswith("\n") else text + "\n"


def _errors(error: PythonError) -> list[_Error]:
    found = [_read(error.message, error.stack, explicit=True)]
    chain = error.chain[:MOST_CHAIN]
    found += [_read(one.message, one.stack, explicit=one.is_explicit) for one in chain]
    found[-1:] = _embedded(found[-1])
    return found


def _read(message: str, stack: Iterable[str], *, explicit: bool) -> _Error:
    frames = [_frame(entry) for entry in list(stack)[-MOST_FRAMES:]]
    text = without_credentials(_middle_cut(message))
    in_message = _frame(text)
    if in_message is not None and re.match(r"\s*File ", text):
        # A syntax error: its place, the line and a caret stand before the exception itself.
        frames.append(in_message)
        lines = [line for line in text.splitlines() if line.strip()]
        text = lines[-1]
    name, said = _split(text)
    kept = tuple(frame for frame in frames if frame is not None)
    return _Error(name=name, message=said, frames=kept, text=text, explicit=explicit)


def _embedded(error: _Error) -> list[_Error]:
    """Return the error, and below it the one whose traceback is quoted in its message."""
    said_before, found, quoted = error.text.rpartition(_EMBEDDED)
    if not found:
        return [error]
    end = _EMBEDDED_END.search(quoted)
    frames = _frames_in(quoted[: end.start()] if end else quoted)
    if end is None or not frames:
        return [error]
    name, said = _split(end["line"])
    return [
        error._replace(message=_split(said_before)[1]),
        _Error(name=name, message=said, frames=frames, text=end["line"], explicit=True),
    ]


def _frames_in(text: str) -> tuple[_Line, ...]:
    return tuple(_from(match) for match in _FRAME.finditer(text))[-MOST_FRAMES:]


def _frame(entry: str) -> _Line | None:
    match = _FRAME.match(entry[:4_000])
    return None if match is None else _from(match)


def _from(match: re.Match[str]) -> _Line:
    code = (match["code"] or "").strip()[:MOST_CODE]
    return _Line(
        file=match["file"],
        line=int(match["line"]),
        function=(match["function"] or "").strip()[:MOST_CODE] or None,
        code=code,
    )


def _split(text: str) -> tuple[str, str]:
    match = _EXCEPTION.match(text.strip())
    if match is None or (match["message"] is None and not match["name"][0].isupper()):
        return "Error", text.strip()
    return match["name"], (match["message"] or "").strip()


def _root(errors: list[_Error]) -> int:
    """Return the index of the error that everything else followed from.

    An explicit link (`raise … from …`) always leads down. An implicit one does unless the error
    above came out of other work that the handler did: then the one below was only handled.
    """
    at = 0
    while at + 1 < len(errors):
        below = errors[at + 1]
        if not below.explicit and _came_from_elsewhere(errors[at], below):
            break
        at += 1
    return at


def _came_from_elsewhere(above: _Error, below: _Error) -> bool:
    if not above.frames or not below.frames:
        return False
    handler = (below.frames[0].file, below.frames[0].function)
    if handler not in [(frame.file, frame.function) for frame in above.frames]:
        return False
    last = above.frames[-1]
    raised_there = (last.file, last.function) == handler
    return not raised_there or (last.code != "" and not last.code.startswith("raise"))


def _own_frame(errors: list[_Error], own: frozenset[str]) -> _Line | None:
    for one in reversed(errors):
        for frame in reversed(_loaded(one.frames)):
            if not _is_library(frame.file, own):
                return frame
    return None


def _loaded(frames: tuple[_Line, ...]) -> tuple[_Line, ...]:
    """Drop what stands outside of Dagster's code server: that is the program which started it."""
    servers = (at for at, frame in enumerate(frames) if "/dagster/_grpc/" in frame.file)
    return frames[next(servers, 0) :]


def _is_library(file: str, own: frozenset[str]) -> bool:
    path = file.replace("\\", "/")
    if not _LIBRARY.search(path):
        return False
    # Code that an image installs with pip is the user's own all the same.
    _, found, inside = path.rpartition("-packages/")
    return not (found and inside.split("/", 1)[0].removesuffix(".py") in own)


def _shown(frame: _Line, roots: list[str]) -> Frame:
    return Frame(
        file=_relative(frame.file.replace("\\", "/"), roots)[-200:],
        line=frame.line,
        function=frame.function,
        code=without_credentials(frame.code),
    )


def _relative(path: str, roots: list[str]) -> str:
    _, found, inside = path.rpartition("-packages/")
    if found:
        return inside
    for root in roots:
        folder = root.replace("\\", "/").rstrip("/") + "/"
        if folder != "/" and path.startswith(folder):
            return path.removeprefix(folder)
    parts = PurePosixPath(path).parts
    if len(path) > 100 and len(parts) > 3:
        return "…/" + "/".join(parts[-3:])
    return path


def _folders_of(frame: _Line | None) -> frozenset[str]:
    if frame is None:
        return frozenset()
    parts = PurePosixPath(frame.file.replace("\\", "/")).parts
    return frozenset(part for part in parts[-3:-1] if part.isidentifier())


def _is_wrapper(error: _Error) -> bool:
    return _short_name(error.name) in {"DagsterUserCodeLoadError", "DagsterImportError"}


def _headline(error: _Error) -> str:
    name, said = _short_name(error.name), _one_line(error.message)
    if name == "Error":
        return said or "Error without a message"
    return f"{name}: {said}" if said else name


def _short_name(name: str) -> str:
    return name.rsplit(".", 1)[-1][:100] or "Error"


def _one_line(text: str) -> str:
    lines = [line.strip() for line in text[:MOST_TEXT].splitlines()]
    kept = [line for line in lines if line and "errors.pydantic.dev" not in line]
    line = " ".join(" ".join(kept).split())
    return line if len(line) <= MOST_MESSAGE else line[: MOST_MESSAGE - 1].rstrip() + "…"


def _middle_cut(text: str) -> str:
    if len(text) <= MOST_TEXT:
        return text
    half = MOST_TEXT // 2
    return f"{text[:half]}\n…\n{text[-half:]}"
