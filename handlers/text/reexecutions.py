"""What people read when failed runs are executed again."""

from collections import Counter
from collections.abc import Iterable
from typing import Final

from deploy_core.watch.reexecution import DryCount, Failed, LaunchState, Order
from handlers import limits
from handlers.mrkdwn import code, date, link, sentence
from handlers.text.names import name, who

TITLE: Final = "Re-execute from failure"
SUBMIT: Final = "Re-execute"
LOADING: Final = "Looking up which runs would be executed again…"
WHICH: Final = "Which runs"
PRESS_AGAIN: Final = "The bot was restarted just then: press Re-execute from failure again."

MOST_JOBS = 10
MOST_LINKS = 20


def count_lines(count: DryCount) -> list[str]:
    """Return how many runs of which jobs would be executed again."""
    runs = number(len(count.runs))
    what = (
        f"*{runs}* on *{name(count.deployment)}* can be executed again. Steps that succeeded are"
        " not executed again; the run's configuration and tags stay."
    )
    lines = [what]
    jobs = [
        f"• {name(job)}{f' in {name(location)}' if location else ''}: {number(runs)}"
        for (location, job), runs in count.jobs.items()
    ]
    lines += jobs[:MOST_JOBS]
    if len(jobs) > MOST_JOBS:
        lines.append(f"• and {len(jobs) - MOST_JOBS} more jobs")
    if count.already:
        lines.append(f"{number(count.already)} more failed and was executed again already.")
    if count.more:
        lines.append(f"{number(count.more)} more failed before; these are the newest.")
    return lines


def only(run: Failed) -> str:
    """Return the choice of one run. Plain text."""
    return f"Only the newest: {run.id[:8]} of {run.job[:40]}"


def every(runs: int) -> str:
    """Return the choice of all runs. Plain text."""
    return f"All {runs}"


def nothing_left(count: DryCount) -> tuple[str, str]:
    """Return what is said when there is nothing to execute again, and the next step."""
    if count.already:
        return "All of these runs were executed again already.", "See them in Dagster+."
    return (
        "None of these runs can be executed again: they failed of something else since.",
        "Look at the newer message.",
    )


def orders_lines(orders: Iterable[Order]) -> list[str]:
    """Return who has executed runs again, for the message: of the last press that did."""
    held = list(orders)
    if not held:
        return []
    last = held[-1]
    more = f" It is press {len(held)}." if len(held) > 1 else ""
    total, started = len(last.launches), last.count(LaunchState.STARTED)
    if last.ended_at is None:
        return [f"{who(last.by)} executes {number(total)} again: {started} started so far.{more}"]
    if started == 0:
        return [f"{who(last.by)} asked for {number(total)} again, {date(last.at)}: none started."]
    of = f" of {total}" if started < total else ""
    return [f"{who(last.by)} re-executed {started}{of} from failure, {date(last.at)}.{more}"]


def carried_out(order: Order, links: dict[str, str | None]) -> str:
    """Return what is said in the thread; `links` are the pages of the new runs."""
    started = [each for each in order.launches if each.state is LaunchState.STARTED and each.child]
    said = f"{who(order.by)} re-executed {number(len(started))} from failure."
    if not started:
        said = f"{who(order.by)} asked to execute {number(len(order.launches))} again."
    shown = [
        f"• {link(links.get(each.child or ''), code((each.child or '')[:8], 20))} of"
        f" {name(each.failed.job)}, again {code(each.failed.id[:8], 20)}"
        for each in started[:MOST_LINKS]
    ]
    rest = _not_started(order)
    while True:
        more = len(started) - len(shown)
        lines = [said, *shown, *([f"• and {more} more"] if more else []), *rest]
        if not shown or limits.size("\n".join(lines)) <= limits.MESSAGE_TEXT:
            return "\n".join(lines)
        shown.pop()


def _not_started(order: Order) -> list[str]:
    """Return why runs were not started, the same reason once."""
    lines = []
    already = order.count(LaunchState.ALREADY)
    if already:
        lines.append(f"{number(already)} had been executed again meanwhile, and was left alone.")
    bad = {LaunchState.REFUSED, LaunchState.UNKNOWN}
    problems = Counter(
        (each.state, each.problem, each.reason) for each in order.launches if each.state in bad
    )
    for (state, problem, reason), count in problems.most_common(5):
        said = f"{sentence(problem, 300)} {code(reason, 60)}"
        if state is LaunchState.UNKNOWN:
            lines.append(
                f":warning: Of {number(count)} nobody can say whether it was started: {said}. No"
                " such run is there now; look in Dagster+ before you press again."
            )
        else:
            lines.append(f":x: {number(count)} not started: {said}")
    return lines


def number(runs: int) -> str:
    """Return a number of runs."""
    return "1 run" if runs == 1 else f"{runs} runs"
