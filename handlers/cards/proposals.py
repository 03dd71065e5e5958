"""The message that follows a code location into a repository."""

from deploy_core.model.proposals import BEFORE_OPEN, Proposal, ProposalState
from handlers import actions, limits
from handlers.blocks import Block, Message, button, confirm, context, fitting, section, url_button
from handlers.blocks import actions as row
from handlers.text import proposals as text

_GOOD = {ProposalState.DEPLOYED, ProposalState.LIVE, ProposalState.BRANCH_ONLY}
_BAD = {ProposalState.CLOSED, ProposalState.DISCARDED}


def proposal_message(found: Proposal) -> Message:
    """Return how it stands, with the buttons that make sense now."""
    said = text.headline(found)
    blocks = [section(f"{_icon(found)} *{said}*")]
    for lines in (
        text.lines(found),
        text.by_hand(found),
        text.notes(found),
        text.bad_checks(found.checks),
    ):
        held = fitting(lines, limits.SECTION_TEXT)
        blocks += [section("\n".join(held))] if held else []
    blocks.append(context(text.foot(found)))
    buttons = _buttons(found)
    if buttons:
        blocks.append(row(*buttons))
    return Message(said, blocks)


def _icon(found: Proposal) -> str:
    if found.state in _GOOD:
        return ":white_check_mark:"
    stuck = found.problem is not None and found.problem.stuck
    return ":x:" if stuck or found.state in _BAD else ":hourglass_flowing_sand:"


def _buttons(found: Proposal) -> list[Block]:
    made: list[Block] = []
    value = actions.button_value(found.id)
    opened = url_button(
        text.BUTTONS[actions.OPEN_PULL_REQUEST], actions.OPEN_PULL_REQUEST, found.url
    )
    if opened is not None:
        made.append(opened)
    if found.goes_on and found.problem is not None:
        made.append(button(text.BUTTONS[actions.AGAIN], actions.AGAIN, value, style="primary"))
    if found.state in BEFORE_OPEN and found.problem is not None:
        asked = confirm(
            text.DISCARD_TITLE, text.DISCARD_ASKS, text.DISCARD_YES, text.DISCARD_NO, danger=True
        )
        label = text.BUTTONS[actions.DISCARD]
        made.append(button(label, actions.DISCARD, value, confirm=asked))
    return made
