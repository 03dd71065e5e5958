"""The workspace as the page and the tests see it: plain JSON."""

from dataclasses import asdict

from sandbox.slack.api_lookup import with_thread_facts
from sandbox.slack.model import BOT_USER_ID, TEAM_NAME, Call, Json, Message
from sandbox.slack.state import State


def message(state: State, shown: Message) -> Json:
    """One message with everything that is known about it."""
    return with_thread_facts(state, shown, with_metadata=True) | {
        "channel": shown.channel,
        "ephemeral_to": shown.ephemeral_to,
        "edits": shown.edits,
        "is_bot": shown.bot,
        "reply_broadcast": shown.reply_broadcast,
    }


def messages(
    state: State, channel: str, *, thread_ts: str | None = None, user: str | None = None
) -> list[Json]:
    """Messages of a channel or of one thread, oldest first.

    With `user` also the ephemerals that this person can see; without, none.
    """
    found = []
    for each in state.messages:
        if each.channel != channel or each.ephemeral_to not in (None, user):
            continue
        if thread_ts is not None:
            wanted = thread_ts in (each.ts, each.thread_ts)
        else:
            wanted = each.thread_ts is None or each.reply_broadcast
        if wanted:
            found.append(message(state, each))
    return found


def call(recorded: Call) -> Json:
    """One recorded API call."""
    return asdict(recorded)


def directory(state: State) -> Json:
    """Names: the team, the people, the channels, the declared commands."""
    return {
        "team": TEAM_NAME,
        "app": state.manifest.name,
        "bot": BOT_USER_ID,
        "people": [
            {
                "id": each.id,
                "name": each.name,
                "real_name": each.real_name,
                "is_bot": each.is_bot,
                "is_guest": each.is_restricted,
            }
            for each in state.people.values()
        ],
        "channels": [
            {
                "id": each.id,
                "name": each.name,
                "topic": each.topic,
                "kind": each.kind,
                "is_archived": each.is_archived,
                "im_with": each.im_with,
                "members": sorted(each.members),
            }
            for each in state.channels.values()
        ],
        "commands": [asdict(each) for each in state.manifest.commands.values()],
    }


def for_person(state: State, user: str, channel: str, thread_ts: str | None) -> Json:
    """All that the page draws for one person in one place."""
    notices = [asdict(each) for each in state.notices if each.user == user]
    home = state.homes.get(user)
    last: dict[str, str] = {}
    for each in state.messages:
        if each.ephemeral_to in (None, user):
            last[each.channel] = each.ts
    return {
        "version": state.version,
        "directory": directory(state),
        "messages": messages(state, channel, user=user),
        "thread": messages(state, channel, thread_ts=thread_ts, user=user) if thread_ts else [],
        "views": [each.to_slack() for each in state.views.get(user, [])],
        "home": home.to_slack() if home else None,
        "notices": notices,
        "last": last,
    }
