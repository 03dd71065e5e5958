"""What a deploy will do, as pure data: shown, confirmed, stored, and then carried out."""

import hashlib
import json
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, JsonValue

from deploy_core.model.people import Actor

Document = dict[str, JsonValue]
"""One code location as `addOrUpdateLocationFromDocument` takes it (without `build`)."""


class Frozen(BaseModel):
    """Plans don't change; a new plan is a new object."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class DeployKind(StrEnum):
    """Why a deploy was started."""

    DEPLOY = "deploy"
    REDEPLOY = "redeploy"  # the live document again, as after a changed secret
    ROLLBACK = "rollback"  # a person asked for what was live before an earlier deploy
    ADD = "add"  # a location of no project, new or updated, as a person said it


class StepName(StrEnum):
    """The steps of a target, in Dagster's and git's own words. Names are kept in the journal, so
    a name never changes its meaning; a new meaning gets a new name."""

    CHECKOUT = "checkout"  # a checkout that the agent can read
    FIND_IMAGE = "find_image"
    BUILD = "build"
    PUSH = "push"
    BUILD_PEX = "build_pex"
    UPLOAD_PEX = "upload_pex"
    READ_LIVE = "read_live"  # what is live now: kept for going back
    APPLY = "apply"
    WAIT = "wait"
    VERIFY = "verify"
    PUT_BACK_APPLY = "put_back_apply"
    PUT_BACK_WAIT = "put_back_wait"
    PUT_BACK_VERIFY = "put_back_verify"


class ArtifactKind(StrEnum):
    """How the code gets to the agent."""

    SOURCE = "source"
    PREBUILT = "prebuilt"
    DOCKER = "docker"
    PEX = "pex"


class Commit(Frozen):
    """One commit: full sha, first line of its message, author's name, ISO time in UTC."""

    sha: str
    subject: str
    author: str
    committed_at: str

    @property
    def short(self) -> str:
        return self.sha[:7]


class Version(Frozen):
    """What a location runs, as far as it can be told from its document.

    `label` is for people: a short commit, an image tag, or “unversioned”, for which `is_named` is
    false.
    """

    image: str | None = None
    commit: str | None = None
    git_url: str | None = None

    @property
    def label(self) -> str:
        if self.commit:
            return self.commit[:7]
        if self.image:
            return short_image(self.image)
        return "unversioned"

    @property
    def is_named(self) -> bool:
        return bool(self.commit or self.image)


class FieldChange(Frozen):
    """One field of the document that changes; `path` is dotted, None means absent."""

    path: str
    before: JsonValue
    after: JsonValue


class Live(Frozen):
    """What was live when the plan was made.

    `loaded` is true when it had loaded without an error, so that it can be put back.
    """

    document: Document
    version: Version
    loaded: bool


class BuildPlan(Frozen):
    """What is built for a location: `directory` and `repository` are the file's `build`, `key` is
    the same exactly when the same image would come out. `serverless`: for Dagster's own registry.
    """

    directory: str | None
    repository: str
    key: str
    rebuild: bool = False
    serverless: bool = False


class PexPlan(Frozen):
    """What is built for a Serverless location: `directory` in git's form is the file's `build`,
    `python_version` as `3.11`."""

    directory: str
    python_version: str
    rebuild: bool = False


class TargetPlan(Frozen):
    """One code location of a deploy."""

    location: str
    project: str | None
    artifact: ArtifactKind
    document: Document
    version: Version
    live: Live | None
    changes: tuple[FieldChange, ...] = ()
    commits: tuple[Commit, ...] = ()  # newest first, at most 20; empty if unknown
    commits_total: int = 0
    compare_url: str | None = None
    ref: str | None = None
    file_document: Document | None = None  # what the file said: the base of the next merge
    build: BuildPlan | None = None
    pex: PexPlan | None = None
    load_deadline: float = 900.0  # seconds
    may_stay: bool = False  # nothing is sent where the same content is live already
    risks: tuple[str, ...] = ()
    steps: tuple[StepName, ...] = ()
    put_back_failed: int | None = None  # the deploy since which nobody knows what is live
    unloaded_before: bool = False  # a rollback to what had not loaded when it was replaced

    @property
    def agent_queue(self) -> str | None:
        """The queue on which an agent must serve the location; None is the default queue."""
        queue = self.document.get("agent_queue")
        return queue if isinstance(queue, str) else None


class DeployPlan(Frozen):
    """Everything that a deploy will do, before it does anything."""

    kind: DeployKind
    deployment: str
    targets: tuple[TargetPlan, ...]
    protected: bool = False  # it waits for its author's Confirm
    confirm_deadline: float = 3600.0  # seconds that a protected one waits for its Confirm
    put_back: bool = True

    @property
    def put_backs_failed(self) -> dict[str, int]:
        """The locations of which nobody knows what is live, each with the deploy that could not
        put it back."""
        found = {target.location: target.put_back_failed for target in self.targets}
        return {location: deploy for location, deploy in found.items() if deploy is not None}

    @property
    def digest(self) -> str:
        """Sixteen hex digits over exactly what would be sent: what a confirmation binds to."""
        sent = [self.deployment, [[t.location, t.document] for t in self.targets]]
        return short_hash(sent)


class CodeOptions(Frozen):
    """What a person says of the code itself; it goes over what the file says, for this deploy.

    The names are those of `dagster-cloud serverless deploy-python-executable`. At most one of the
    first three is given. All but `python_version` and `base_image_tag` are about one location.
    """

    python_file: str | None = None
    package_name: str | None = None
    module_name: str | None = None
    attribute: str | None = None
    working_directory: str | None = None
    python_version: str | None = None
    base_image_tag: str | None = None

    @property
    def source(self) -> Document | None:
        """The `code_source` that is said, if any."""
        names = ("python_file", "package_name", "module_name")
        said = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        return said or None

    @property
    def said(self) -> bool:
        """Whether anything is said."""
        return self != CodeOptions()

    @property
    def of_one_location(self) -> tuple[str, ...]:
        """The names of what is said and can't be meant for several locations."""
        said = self.model_dump(exclude_none=True, exclude={"python_version", "base_image_tag"})
        return tuple(said)

    def over(self, document: Document) -> Document:
        """Return a location's document with what is said put over it."""
        said = {name: getattr(self, name) for name in ("attribute", "working_directory")}
        changes: Document = {name: value for name, value in said.items() if value is not None}
        if self.source is not None:
            changes["code_source"] = self.source
        return {**document, **changes}


class DeployRequest(Frozen):
    """What a person asked for, after the text was read and before anything was looked up.

    `locations` are names or `project:location`; empty with `all_locations` means all.
    """

    kind: DeployKind
    actor: Actor
    locations: tuple[str, ...] = ()
    all_locations: bool = False
    ref: str | None = None
    deployment: str | None = None
    image: str | None = None
    rebuild: bool = False
    code: CodeOptions = CodeOptions()
    why: str | None = None
    of_deploy: int | None = None  # the deploy that a rollback goes back behind
    document: Document | None = None  # what a person says of the location that is added
    whole: bool = False  # it is all there is to say: what isn't said goes


def canonical(value: Any) -> bytes:
    """Return JSON with sorted keys and no spaces, the same for equal values."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def short_hash(value: Any, digits: int = 16) -> str:
    """Return so many hex digits that are the same for equal values."""
    return hashlib.sha256(canonical(value)).hexdigest()[:digits]


def short_image(image: str) -> str:
    """Return the last part of an image's name with its tag, or with twelve digits of its digest."""
    name, _, digest = image.partition("@")
    short = name.rsplit("/", 1)[-1]
    return f"{short}@{digest.removeprefix('sha256:')[:12]}" if digest else short
