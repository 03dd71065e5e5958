"""Private answers with blocks: errors, help, lists."""

from datetime import datetime

from deploy_core.model.deploys import Deploy
from deploy_core.model.errors import (
    DeployError,
    OutdatedPlan,
    Overtaken,
    UnknownDeployment,
    UnknownLocation,
    UsageError,
)
from deploy_core.model.explain import without_credentials
from handlers import actions, limits
from handlers.blocks import Block, Message, button, context, section, weight
from handlers.blocks import actions as row
from handlers.cards.buttons import buttons_for, plan_again_button
from handlers.grammar import without_mention
from handlers.mrkdwn import code, date, pre, sentence, words
from handlers.text import answers, names
from handlers.text import deploys as text
from handlers.text import help as help_text
from handlers.text.names import name
from handlers.usage import FORMS
from handlers.words import unwrap

MOST_CHOICES = 2
MOST_NAMES = 60
MOST_DEPLOYS = 15


def error_message(
    error: DeployError, *, command: str | None = None, further: tuple[Block, ...] = ()
) -> Message:
    """Return any refusal or failure: what happened, what to do, what would have been right.

    The one renderer of errors. `command` is the text that was typed: where the verb was misspelt,
    the “did you mean” becomes a button that runs the mended text. `further` blocks offer a next
    step.
    """
    what = sentence(without_credentials(error.summary), 800) or "It failed."
    step = sentence(error.next_step, 500)
    lines = [what, f"*Next step:* {step}"] if step else [what]
    lines += _choices(error)
    blocks = [section("\n".join(lines))]
    if error.detail:
        blocks.append(section(pre(without_credentials(error.detail), 1_500)))
    blocks += _try_buttons(error, command)
    if isinstance(error, UnknownLocation):
        blocks.append(row(button(answers.ADD_LOCATION, actions.OPEN_FORM, "add-location")))
    blocks += further
    blocks.append(context(f"Reason: {code(error.reason or 'error', 60)}"))
    return Message(text=f"{what} {step}".strip(), blocks=blocks)


def _choices(error: DeployError) -> list[str]:
    if not error.choices:
        return []
    shown = error.choices[:MOST_NAMES]
    more = len(error.choices) - len(shown)
    listed = _within([code(choice, 80) for choice in shown], more)
    exist = isinstance(error, UnknownLocation | UnknownDeployment)
    return [f"These exist: {listed}" if exist else f"Did you mean {listed}?"]


def _within(names: list[str], more: int) -> str:
    kept: list[str] = []
    for each in names:
        if limits.size(", ".join([*kept, each])) > 1_200:
            break
        kept.append(each)
    more += len(names) - len(kept)
    line = ", ".join(kept)
    return f"{line} and {more} more" if more else line


def _try_buttons(error: DeployError, command: str | None) -> list[Block]:
    """Buttons only for a misspelt verb: what is deployed must be typed, never guessed."""
    if command is None or type(error) is not UsageError:
        return []
    verb, _, rest = without_mention(command).strip().partition(" ")
    if verb.lower() in FORMS:
        return []
    mended = [f"{choice} {rest}".strip() for choice in error.choices if choice in FORMS]
    return [
        section(
            code(f"/dagster {unwrap(each)}", 200),
            button(answers.RUN_IT, actions.TRY_THIS, each),
        )
        for each in mended[:MOST_CHOICES]
        if limits.size(each) <= limits.BUTTON_VALUE
    ]


def help_message(topic: str | None = None) -> Message:
    """Return the help for all commands, or for one; for an unknown topic all of it."""
    if topic in FORMS:
        body = help_text.about(topic)
        return Message(text=body, blocks=[section(body)])
    parts = help_text.overview()
    return Message(text="\n".join(parts), blocks=[section(part) for part in parts])


def open_form_message(command: str = "deploy", said: str | None = None) -> Message:
    """Return the answer to a mention that needs a form, which a mention can't open.

    `command` is the text that the button carries, to open the form with what was typed; `said`
    stands above it in the place of what is said for `deploy`.
    """
    line = said or answers.choose_with_form()
    value = command if limits.size(command) <= limits.BUTTON_VALUE else "deploy"
    open_form = button(answers.OPEN_FORM, actions.OPEN_FORM, value, style="primary")
    return Message(text=line, blocks=[section(line), row(open_form)])


def deploys_message(found: list[Deploy], *, now: datetime) -> Message:
    """Return running and recent deploys, one line each, in the order given."""
    if not found:
        line = answers.no_deploys()
        return Message(text=line, blocks=[section(line)])
    running = sum(not deploy.ended for deploy in found)
    heading = f"{len(found)} deploys, {running or 'none'} of them running or waiting."
    if len(found) == 1:
        heading = "1 deploy."
    lines = [_deploy_line(deploy, now) for deploy in found[:MOST_DEPLOYS]]
    blocks = [section(f"*{heading}*"), *[section(line) for line in lines]]
    while weight(blocks) > limits.MESSAGE_BLOCKS_JSON - 200:
        blocks.pop()
    left = len(found) - (len(blocks) - 1)
    if left:
        blocks.append(context(f"and {left} more"))
    return Message(text=heading, blocks=blocks)


def _deploy_line(deploy: Deploy, now: datetime) -> str:
    if len(deploy.targets) == 1:
        target = deploy.targets[0]
        what, state = name(target.location), text.state_line(deploy, target, now)
        change = f"\n{text.change_line(target.plan)}"
    else:
        what, state = f"{len(deploy.targets)} locations", text.counts(deploy.targets)
        change = ""
    why = f" · “{words(deploy.why, 100)}”" if deploy.why else ""
    return (
        f"*{deploy.id}* · {what} on {name(deploy.deployment)}: {state}{change}\n"
        f"{names.who(deploy.by)} · {date(deploy.created_at)}{why}"
    )


def outdated_plan(error: OutdatedPlan, deploy: int) -> Message:
    """Return the refusal of a Confirm, with the button that plans anew."""
    return error_message(error, further=(row(plan_again_button(deploy)),))


def overtaken(error: Overtaken, command: str | None) -> Message:
    """Return the refusal of an old card's button. `command` does it all the same, by a button
    that shows it; None where no text can say it."""
    if command is None:
        return error_message(error)
    shown = section(
        code(f"/dagster {unwrap(command)}", 200),
        button(answers.ALL_THE_SAME, actions.TRY_THIS, command),
    )
    return error_message(error, further=(shown,))


def already_sent(deploy: Deploy) -> Message:
    """Return the answer to a cancel that came too late, with the offer to go back."""
    line = answers.already_sent(deploy)
    go_back = buttons_for(deploy, (actions.GO_BACK,))
    return Message(text=line, blocks=[section(line), *([row(*go_back)] if go_back else [])])
