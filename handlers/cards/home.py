"""The app's Home tab: what is broken, what runs, what waits for its reader, within 100 blocks."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from deploy_core.model.deploys import Deploy
from deploy_core.model.states import DeployState
from deploy_core.status import DeploymentStatus
from deploy_core.store.subscriptions import Kept
from deploy_core.watch.reading import Health
from handlers import actions, limits
from handlers.blocks import Block, button, context, divider, fitting, header, section
from handlers.blocks import actions as row
from handlers.cards.buttons import buttons_for
from handlers.cards.status import add_location, show_status, status_line
from handlers.cards.subscriptions import subscribe_button, unsubscribe_button
from handlers.commands import Status
from handlers.mrkdwn import sentence
from handlers.text import home as text
from handlers.text import status as status_text
from handlers.text.names import name

MOST_DEPLOYMENTS = 20
MOST_BROKEN = 10
MOST_DEPLOYS = 10
MOST_WAITING = 5
MOST_SUBSCRIPTIONS = 10

_LINE = 250


@dataclass(frozen=True)
class Side:
    """One deployment; `trouble` says why nothing is known of it."""

    deployment: str
    status: DeploymentStatus | None
    trouble: str = ""


@dataclass(frozen=True)
class Page:
    """A Home tab; `same` is what two pages have in common that say the same."""

    view: Block
    same: str


def home_page(
    sides: Sequence[Side],
    running: Sequence[Deploy],
    subscriptions: Sequence[Kept],
    *,
    reader: str,
    now: datetime,
) -> Page:
    """Return the page of one person, whose key is `reader`; what is broken comes first."""
    waiting = [
        each for each in running if each.state is DeployState.PLANNED and each.by.key == reader
    ]
    mine = [each for each in subscriptions if each.by.key == reader]
    deploy = button(text.DEPLOY, actions.OPEN_FORM, "deploy")
    blocks = [header(text.TITLE), row(deploy, *add_location())]
    for each in waiting[:MOST_WAITING]:
        blocks += _waiting(each, now, first=each is waiting[0])
    ordered = sorted(sides, key=_broken, reverse=True)
    for side in ordered[:MOST_DEPLOYMENTS]:
        blocks += _side(side)
    blocks += _rest(len(ordered) - MOST_DEPLOYMENTS)
    blocks += [divider(), section(text.RUNNING if running else text.NOTHING_RUNS)]
    blocks += [section(text.deploy_line(each, now)) for each in running[:MOST_DEPLOYS]]
    blocks += _rest(len(running) - MOST_DEPLOYS)
    heading = text.SUBSCRIPTIONS if mine else text.NO_SUBSCRIPTIONS
    blocks += [divider(), section(heading, subscribe_button())]
    blocks += [_subscription(each) for each in mine[:MOST_SUBSCRIPTIONS]]
    blocks += _rest(len(mine) - MOST_SUBSCRIPTIONS)
    same = hashlib.sha256(json.dumps(blocks).encode()).hexdigest()
    known = [side.status.at for side in sides if side.status is not None]
    blocks.append(context(text.as_of(min(known, default=now))))
    return Page({"type": "home", "blocks": blocks[: limits.VIEW_BLOCKS]}, same)


def _broken(side: Side) -> int:
    """Return how much needs eyes: most of all a deployment that can't be asked."""
    if side.status is None:
        return limits.VIEW_BLOCKS * limits.SECTION_TEXT
    return sum(each.health is not Health.LOADED for each in side.status.locations)


def _side(side: Side) -> list[Block]:
    opens = show_status(Status(None, side.deployment))
    if side.status is None:
        return [section(text.not_known(side.deployment, sentence(side.trouble, 500)), *opens)]
    found = side.status.locations
    broken = [each for each in found if each.health is not Health.LOADED]
    lines = [status_line(each, most=_LINE) for each in broken[:MOST_BROKEN]]
    shown = fitting(lines, limits.SECTION_TEXT - 200)
    if len(shown) < len(broken):
        shown.append(text.more(len(broken) - len(shown)))
    counts = f"*{name(side.deployment)}*: {status_text.counts(found)}"
    if side.status.trouble is not None:
        counts += f"\n:warning: {text.AWAY} {sentence(side.status.trouble.summary, 300)}"
    blocks = [divider(), section(counts, *opens)]
    return [*blocks, section("\n".join(shown))] if shown else blocks


def _waiting(deploy: Deploy, now: datetime, *, first: bool) -> list[Block]:
    line = text.deploy_line(deploy, now)
    blocks = [section(f"{text.WAITING}\n{line}" if first else line)]
    buttons = buttons_for(deploy, (actions.CONFIRM, actions.CANCEL))
    return [*blocks, row(*buttons)] if buttons else blocks


def _subscription(kept: Kept) -> Block:
    return section(text.kept_line(kept), *unsubscribe_button(kept))


def _rest(count: int) -> list[Block]:
    return [context(text.more(count))] if count > 0 else []
