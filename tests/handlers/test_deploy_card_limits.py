"""Whatever a deploy holds, its card is one that Slack takes."""

from hypothesis import HealthCheck, given, settings

from deploy_core.model.deploys import Deploy
from handlers.cards.deploy import deploy_card
from handlers.cards.links import CardLinks
from sandbox.slack.blocks import check_message_blocks
from tests.handlers.slack_rules import assert_message
from tests.handlers.worlds import at, deploys

LINKS = CardLinks("https://acme.dagster.cloud/prod")


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(deploys())
def test_card_stays_within_slacks_limits(deploy: Deploy) -> None:
    card = deploy_card(deploy, links=LINKS, now=at(100))
    assert_message(card.text, card.blocks)
    check_message_blocks(card.blocks, total_limit=True)
