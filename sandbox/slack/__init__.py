"""A local Slack workspace: Web API, Socket Mode, people and a page, with no account."""
