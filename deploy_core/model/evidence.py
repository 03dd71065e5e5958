"""What is known of a load that failed, and the form of the rules that look for its cause."""

import re
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Evidence:
    """What is known of a failed load: the root error, and the text of the whole chain.

    `frames` are (file, function, code) of the root error, innermost last.
    """

    exception: str
    message: str
    text: str
    frames: tuple[tuple[str, str, str], ...] = ()
    own_modules: frozenset[str] = frozenset()
    reason: str = "load_failed"


@dataclass(frozen=True)
class Rule:
    """A pattern over the whole text, or over the root error's message where `names` are given.

    `cause` may use the pattern's groups by number. `when` can narrow it further.
    """

    name: str
    pattern: re.Pattern[str]
    cause: str
    next_step: str
    names: frozenset[str] = frozenset()
    when: Callable[[Evidence], bool] = lambda evidence: True

    def match(self, evidence: Evidence) -> re.Match[str] | None:
        """Return the match, if the rule speaks of this error."""
        if self.names and evidence.exception not in self.names:
            return None
        if not self.when(evidence):
            return None
        return self.pattern.search(evidence.message if self.names else evidence.text)
