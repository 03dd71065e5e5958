"""Example projects: real git repositories of Dagster code, made when the sandbox starts."""

from sandbox.projects.repositories import make_projects

__all__ = ["make_projects"]
