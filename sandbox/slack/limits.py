"""Slack's limits as numbers.

Source: Slack's Block Kit and Web API reference, except where a comment says "observed": those are
not documented and were reported by users.
"""

from typing import Final

MESSAGE_BLOCKS: Final = 50
VIEW_BLOCKS: Final = 100
ATTACHMENTS: Final = 100

# Observed: chat.postMessage refuses about 12,000-13,200 characters in all blocks of one message.
MESSAGE_BLOCK_CHARS: Final = 12_000
MESSAGE_TEXT_CUT: Final = 40_000
# Observed: chat.update refuses what chat.postMessage would still take.
UPDATE_TEXT: Final = 4_000
MARKDOWN_CHARS: Final = 12_000

SECTION_TEXT: Final = 3_000
SECTION_FIELDS: Final = 10
SECTION_FIELD_TEXT: Final = 2_000
HEADER_TEXT: Final = 150
CONTEXT_ELEMENTS: Final = 10
ACTIONS_ELEMENTS: Final = 25
INPUT_LABEL: Final = 2_000
INPUT_HINT: Final = 2_000
ALERT_TEXT: Final = 200
PLAN_TASKS: Final = 50

BUTTON_TEXT: Final = 75
BUTTON_VALUE: Final = 2_000
URL: Final = 3_000
ACCESSIBILITY_LABEL: Final = 75
OPTIONS: Final = 100
OPTION_GROUPS: Final = 100
OPTION_TEXT: Final = 75
OPTION_VALUE: Final = 150
OPTION_DESCRIPTION: Final = 75
GROUP_LABEL: Final = 75
PLACEHOLDER: Final = 150
OVERFLOW_OPTIONS: Final = 5
CHOICE_OPTIONS: Final = 10
CONFIRM_TITLE: Final = 100
CONFIRM_TEXT: Final = 300
CONFIRM_BUTTON: Final = 30
PLAIN_INPUT: Final = 3_000
FILE_INPUT_FILES: Final = 10
IDENTIFIER: Final = 255
IMAGE_URL: Final = 3_000
IMAGE_ALT: Final = 2_000
IMAGE_TITLE: Final = 2_000

TABLE_ROWS: Final = 100
TABLE_CELLS: Final = 20
TABLES: Final = 1

CHARTS: Final = 2
CHART_TITLE: Final = 50
CHART_LABEL: Final = 20
CHART_SERIES: Final = 6
CHART_POINTS: Final = 20
AXIS_LABEL: Final = 50

VIEW_TITLE: Final = 24
PRIVATE_METADATA: Final = 3_000
VIEW_STACK: Final = 3
VIEW_BYTES: Final = 250_000

UNFURL_DOMAINS: Final = 5

METADATA_BYTES: Final = 16_000
TRIGGER_SECONDS: Final = 3.0
ACK_SECONDS: Final = 3.0
RESPONSE_URL_USES: Final = 5
RESPONSE_URL_SECONDS: Final = 30 * 60.0
SOCKET_CONNECTIONS: Final = 10
EVENT_RETRY_SECONDS: Final = (0.0, 60.0, 300.0)

TIER_CALLS_PER_MINUTE: Final = {1: 1, 2: 20, 3: 50, 4: 100}
METHOD_TIERS: Final = {
    "apps.connections.open": 3,
    "chat.delete": 3,
    "chat.postEphemeral": 4,
    "chat.unfurl": 3,
    "chat.update": 3,
    "conversations.history": 3,
    "conversations.info": 3,
    "conversations.join": 3,
    "conversations.list": 2,
    "conversations.members": 4,
    "conversations.open": 3,
    "conversations.replies": 3,
    "files.completeUploadExternal": 4,
    "files.getUploadURLExternal": 4,
    "reactions.add": 3,
    "users.info": 4,
    "users.list": 2,
    "views.open": 4,
    "views.publish": 4,
    "views.push": 4,
    "views.update": 4,
}
# chat.postMessage: one a second and channel, with short bursts.
POST_BURST: Final = 5
POST_PER_SECOND: Final = 1.0
