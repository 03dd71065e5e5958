"""The order in which tags are offered."""

from deploy_core.artifacts.offered_tags import newest_first


def test_tags_of_commits_lead_and_the_others_follow_as_versions() -> None:
    tags = ["0a1b2c3", "9f8e7d6", "latest", "v1.10", "v1.9", "v2", "chatops-1122"]
    assert newest_first(tags, ["9f8e7d6", "5555555", "0a1b2c3"]) == [
        "9f8e7d6",
        "0a1b2c3",
        "v2",
        "v1.10",
        "v1.9",
        "latest",
    ]
    assert newest_first([], ["9f8e7d6"]) == []
