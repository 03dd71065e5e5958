"""Slack's limits, in one place.

Source: Slack's Block Kit and Web API reference; where a comment says "reported", Slack doesn't
document the number and people found it. Lengths are counted as Slack's own code counts them, in
UTF-16 units (`size`), so that a text full of emoji is not longer for Slack than for us.
"""

from typing import Final

MESSAGE_BLOCKS: Final = 50
# Reported: all blocks of one message together are refused from about 11,300 characters on
# (`msg_blocks_too_long`). We stay below it with the whole JSON, not with the texts alone.
MESSAGE_BLOCKS_JSON: Final = 10_000
MESSAGE_TEXT: Final = 4_000  # advised; longer ones are cut at 40,000, and chat.update refuses them

SECTION_TEXT: Final = 3_000
SECTION_FIELDS: Final = 10
SECTION_FIELD_TEXT: Final = 2_000
HEADER_TEXT: Final = 150
CONTEXT_ELEMENTS: Final = 10
CONTEXT_TEXT: Final = 2_000
ACTIONS_ELEMENTS: Final = 25

BUTTON_TEXT: Final = 75
BUTTON_VALUE: Final = 2_000
ACCESSIBILITY_LABEL: Final = 75
URL: Final = 3_000
CONFIRM_TITLE: Final = 100
CONFIRM_TEXT: Final = 300
CONFIRM_BUTTON: Final = 30

OPTIONS: Final = 100
OPTION_TEXT: Final = 75
OPTION_VALUE: Final = 150
PLACEHOLDER: Final = 150
INPUT_LABEL: Final = 2_000
INPUT_HINT: Final = 2_000
PLAIN_TEXT_INPUT: Final = 3_000
CHARTS: Final = 2  # in one message
CHART_TITLE: Final = 50
CHART_LABEL: Final = 20
CHART_POINTS: Final = 20
AXIS_LABEL: Final = 50

IDENTIFIER: Final = 255  # action_id, block_id, callback_id

VIEW_BLOCKS: Final = 100
VIEW_TITLE: Final = 24
PRIVATE_METADATA: Final = 3_000

# Our own: a trace longer than this goes into the thread as a file.
INLINE_TRACE: Final = 2_500


def size(text: str) -> int:
    """Return the length of a text as Slack counts it, in UTF-16 units."""
    return len(text) + sum(1 for char in text if ord(char) > 0xFFFF)
