"""The one message of a deploy, drawn anew from its rows at every change.

Up to eight locations have a paragraph each. More are counted, and only those that need eyes are
named. What doesn't fit into Slack's limits is left out step by step, and said to be left out.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from deploy_core.model.deploys import Deploy, Target
from deploy_core.model.states import DeployState, TargetState
from handlers import limits
from handlers.blocks import Block, Message, actions, context, header, section, weight
from handlers.cards.buttons import buttons_of, error_button, has_details
from handlers.cards.failures import SHOWN, failure_key, failure_text, short_failure
from handlers.cards.links import CardLinks
from handlers.cards.plan import plan_text
from handlers.cards.summary import summary
from handlers.mrkdwn import words
from handlers.text import deploys as text
from handlers.text import names, outcomes, steps

MANY = 8
"""Above this many locations the card counts instead of listing."""


@dataclass(frozen=True)
class _Detail:
    """How much is shown: failures in full, one-line entries, and what each paragraph has."""

    failures: int
    lines: int
    steps: bool = True
    commits: int = 5
    changes: int = 8


_DETAILS = (
    _Detail(failures=8, lines=20),
    _Detail(failures=4, lines=20, commits=3, changes=5),
    _Detail(failures=2, lines=12, steps=False, commits=1, changes=3),
    _Detail(failures=1, lines=8, steps=False, commits=0, changes=1),
    _Detail(failures=0, lines=6, steps=False, commits=0, changes=0),
    _Detail(failures=0, lines=0, steps=False, commits=0, changes=0),
)


def deploy_card(deploy: Deploy, *, links: CardLinks, now: datetime) -> Message:
    """Return the card of a deploy: pure, and within Slack's limits for any input."""
    blocks: list[Block] = []
    for detail in _DETAILS:
        blocks = [*_head(deploy, now), *_body(deploy, now, detail), *_foot(deploy, links)]
        if len(blocks) <= limits.MESSAGE_BLOCKS and weight(blocks) <= limits.MESSAGE_BLOCKS_JSON:
            break
    return Message(text=summary(deploy, now), blocks=blocks)


def _head(deploy: Deploy, now: datetime) -> list[Block]:
    return [header(text.title(deploy)), context(text.about_line(deploy, now))]


def _body(deploy: Deploy, now: datetime, detail: _Detail) -> list[Block]:
    if deploy.state is DeployState.PLANNED:
        return _planned(deploy, now, detail)
    if len(deploy.targets) > MANY or detail.lines == 0:
        return _many(deploy, now, detail)
    failures = {target.position for target in _failed(deploy)[: detail.failures]}
    alone = len(deploy.targets) == 1
    blocks: list[Block] = []
    for target in deploy.targets:
        full = target.position in failures
        what = text.change_line(target.plan)
        if target.state is TargetState.UNCHANGED:
            what = text.unchanged_line(target.plan)
        lines = [_line(deploy, target, now), what]
        if detail.steps and target.steps:
            lines.append(f"_{steps.steps_line(target.steps, now)}_")
        if target.note and not target.ended:
            lines.append(words(target.note, 200))
        if full:
            # the error leads and says what became of it; how far it came is told below
            blocks += _failure(deploy, target, alone=alone)
            lines = lines[1:]
        blocks.append(section("\n".join(lines)))
    return blocks


def _planned(deploy: Deploy, now: datetime, detail: _Detail) -> list[Block]:
    waiting = [target for target in deploy.targets if not target.ended]
    shown = waiting[: max(1, detail.failures)]
    blocks = [
        section(plan_text(target.plan, commits=detail.commits, changes=detail.changes))
        for target in shown
    ]
    blocks += _lines([_line(deploy, target, now) for target in deploy.targets if target.ended])
    more = waiting[len(shown) :]
    if more:
        named = [
            f"{names.name(target.location)}: {text.change_line(target.plan)}"
            for target in more[: detail.lines]
        ]
        rest = len(more) - len(named)
        blocks += _lines([*named, *([f"and {rest} more"] if rest else [])])
    return [*blocks, context(text.ask_to_confirm(deploy))]


def _many(deploy: Deploy, now: datetime, detail: _Detail) -> list[Block]:
    blocks = [section(f"*{len(deploy.targets)} locations:* {text.counts(deploy.targets)}")]
    alike = Counter(map(failure_key, _failed(deploy)))
    full = _one_of_each(_failed(deploy))[: min(detail.failures, 4)]
    for target in full:
        same = alike[failure_key(target)] - 1
        blocks += _failure(deploy, target, alone=False, same=same)
    told = {target.position for target in full}
    eyes = [
        target
        for target in sorted(deploy.targets, key=_needs_eyes)
        if target.position not in told
        and target.state not in {TargetState.VERIFIED, TargetState.UNCHANGED}
    ]
    named = eyes[: detail.lines]
    told |= {target.position for target in named}
    rest = [target for target in deploy.targets if target.position not in told]
    entries = [_line(deploy, target, now) for target in named]
    if rest:
        entries.append(f"and {len(rest)} more: {text.counts(rest)}")
    return [*blocks, *_lines(entries)]


def _needs_eyes(target: Target) -> tuple[int, float]:
    """Sort key: the state that needs eyes most, and there the one that runs longest."""
    started = target.started_at.timestamp() if target.started_at is not None else float("inf")
    return text.EYES_FIRST.index(target.state), started


def _failed(deploy: Deploy) -> list[Target]:
    return [
        target
        for target in sorted(deploy.targets, key=_needs_eyes)
        if target.failure is not None
        and target.state in {*SHOWN, TargetState.NEEDS_HUMAN}
        and not outcomes.asked_back(target)
    ]


def _one_of_each(failed: list[Target]) -> list[Target]:
    first: dict[str, Target] = {}
    for target in failed:
        first.setdefault(failure_key(target), target)
    return list(first.values())


def _failure(deploy: Deploy, target: Target, *, alone: bool, same: int = 0) -> list[Block]:
    what = text.failed_heading(target, same)
    accessory = error_button(target) if not alone and has_details(target) else None
    return [section(f"{what}\n{failure_text(deploy, target)}", accessory)]


def _line(deploy: Deploy, target: Target, now: datetime) -> str:
    line = (
        f"{text.EMOJI[target.state]} *{names.name(target.location)}*: "
        f"{text.state_line(deploy, target, now)}"
    )
    failed = target.state in {TargetState.FAILED, TargetState.PUT_BACK}
    if failed and target.failure is not None and not outcomes.asked_back(target):
        line += f": {words(short_failure(target), 200)}"
    return line


def _lines(lines: list[str]) -> list[Block]:
    """Return the lines in as few sections as hold them."""
    blocks: list[Block] = []
    held: list[str] = []
    for line in lines:
        if held and limits.size("\n".join([*held, line])) > limits.SECTION_TEXT:
            blocks.append(section("\n".join(held)))
            held = []
        held.append(line)
    if held:
        blocks.append(section("\n".join(held)))
    return blocks


def _foot(deploy: Deploy, links: CardLinks) -> list[Block]:
    blocks: list[Block] = []
    if deploy.ended and len(deploy.targets) <= MANY:
        blocks.append(context(outcomes.live_line(deploy)))
    if deploy.presses:
        blocks.append(context(text.pressed_line(deploy)))
    buttons = buttons_of(deploy, links)
    return [*blocks, actions(*buttons)] if buttons else blocks
