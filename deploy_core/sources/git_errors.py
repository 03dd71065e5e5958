"""What git says when it fails, mapped to our errors by its English messages (`LC_ALL=C`)."""

import re
from dataclasses import dataclass

from deploy_core.model.errors import GitAuthFailed, GitFailed, GitUnreachable, SourceError


@dataclass(frozen=True)
class _Rule:
    pattern: re.Pattern[str]
    error: type[SourceError]
    summary: str
    next_step: str | None = None


def _rule(
    pattern: str, error: type[SourceError], summary: str, next_step: str | None = None
) -> _Rule:
    return _Rule(re.compile(pattern, re.IGNORECASE), error, summary, next_step)


# The first that fits counts: the general "could not read from remote" comes after its causes.
_RULES = (
    _rule(
        r"host key verification failed|no .* host key is known|remote host identification",
        GitFailed,
        "The ssh host key of {url} isn't known, or isn't the one that is known.",
        "Compare the host's key and put it into the project's `known_hosts_file`.",
    ),
    _rule(
        r"unprotected private key|bad permissions",
        GitAuthFailed,
        "ssh doesn't use the deploy key because others can read its file.",
        "Give the key file the mode 600.",
    ),
    _rule(
        r"identity file .* not accessible|load key .*(invalid format|error in libcrypto)",
        GitAuthFailed,
        "ssh can't read the deploy key.",
    ),
    _rule(
        r"authentication failed|could not read (username|password)|permission denied \("
        r"|returned error: 40[13]|http 40[13]|invalid (credentials|username or (password|token))"
        r"|access denied|not authorized",
        GitAuthFailed,
        "{url} refuses our credential.",
    ),
    _rule(
        r"returned error: (404|410)|repository .*not found|repository not found"
        r"|could not find .*repository",
        GitFailed,
        "There is no repository at {url}, or our credential may not see it.",
        "Check the project's git address and its credential.",
    ),
    _rule(
        r"certificate|ssl_error|gnutls_handshake|schannel",
        GitFailed,
        "The certificate of {url} isn't trusted.",
        "Put the authority's certificate where `SSL_CERT_FILE` points.",
    ),
    _rule(
        r"returned error: (429|5\d\d)|http (429|5\d\d)",
        GitUnreachable,
        "{url} answers with an error of its own.",
    ),
    _rule(
        r"could not resolve|couldn't resolve|name or service not known|temporary failure in name"
        r"|failed to connect|couldn't connect|connection (refused|timed out|reset|closed)"
        r"|operation (timed out|too slow)|network is unreachable|no route to host|empty reply"
        r"|unable to connect|early eof|remote end hung up|rpc failed|unexpected disconnect",
        GitUnreachable,
        "{url} can't be reached.",
    ),
    _rule(
        r"does not appear to be a git repository|not a git repository|not valid: is this a git",
        GitFailed,
        "There is no git repository at {url}.",
        "Check the project's git address.",
    ),
    _rule(
        r"dubious ownership",
        GitFailed,
        "git doesn't read {url} because another user owns it.",
        "Give the folder to the user as whom the bot runs.",
    ),
    _rule(r"no space left", GitFailed, "The disk is full.", "Make room in the work folder."),
)


def error_of(errors: str, url: str) -> SourceError:
    """Return the error that git's message, free of secrets, stands for."""
    detail = errors.strip()[-4000:]
    for rule in _RULES:
        if rule.pattern.search(errors):
            summary = rule.summary.format(url=f"`{url}`")
            return rule.error(summary, next_step=rule.next_step, detail=detail)
    lines = [line for line in detail.splitlines() if line.startswith(("fatal:", "error:"))]
    said = (lines or detail.splitlines() or ["no message"])[0]
    return GitFailed(f"git failed: {said[:200]}", detail=detail)
