"""Images on the engines: found again by their content key, tagged, and collected when old."""

import contextlib
from collections.abc import Callable
from datetime import UTC, datetime

from deploy_core.artifacts.build_order import LABEL
from deploy_core.artifacts.engines import Engine
from deploy_core.artifacts.image_ref import ImageRef

_ANSWER_SECONDS = 60.0  # a busy engine is slow: that must not fail a deploy
_REMOVE_SECONDS = 120.0


def image_with_key(engine: Engine, key: str) -> str | None:
    """Return the id of the newest image that was built for this content. Blocking.

    Raises `EngineGone`.
    """
    with engine.api(_ANSWER_SECONDS) as api:
        found = api.images(filters={"label": f"{LABEL}={key}"})
    newest = max(found, key=lambda image: int(image.get("Created", 0)), default=None)
    return None if newest is None else str(newest["Id"])


def tag_image(engine: Engine, image_id: str, ref: ImageRef) -> bool:
    """Give the image a name; return whether the engine still has it. Blocking.

    Raises `EngineGone`.
    """
    from docker.errors import NotFound  # noqa: PLC0415  # the SDK is slow to import

    try:
        with engine.api(_ANSWER_SECONDS) as api:
            return bool(api.tag(image_id, ref.name, ref.tag, force=True))
    except NotFound:
        return False


def collect_images(
    engine: Engine, older_than: datetime, in_use: Callable[[str], bool]
) -> tuple[str, ...]:
    """Remove our images that nothing names, and those made before `older_than`. Blocking.

    `in_use` is asked with a content key. An image that a container runs from stays. Returns the
    ids of what was removed. Raises `EngineGone`.
    """
    from docker.errors import APIError  # noqa: PLC0415

    removed = []
    with engine.api(_REMOVE_SECONDS) as api:
        for image in api.images(filters={"label": LABEL}):
            key = (image.get("Labels") or {}).get(LABEL, "")
            created = datetime.fromtimestamp(int(image.get("Created", 0)), UTC)
            names = [name for name in image.get("RepoTags") or [] if name != "<none>:<none>"]
            if in_use(key) or (names and created >= older_than):
                continue
            for name in names or [image["Id"]]:
                with contextlib.suppress(APIError):
                    api.remove_image(name)
                    removed.append(str(image["Id"]))
    return tuple(dict.fromkeys(removed))
