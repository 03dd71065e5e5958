"""Links for every form of address."""

import pytest

from deploy_core.settings import ProjectSettings
from deploy_core.sources.links import commit_url, compare_url

OLD, NEW = "a" * 40, "b" * 40


@pytest.mark.parametrize(
    ("git", "page"),
    [
        ("https://github.com/team/repo.git", "https://github.com/team/repo"),
        ("https://github.com/team/repo/", "https://github.com/team/repo"),
        ("https://user:secret@github.com/team/repo.git", "https://github.com/team/repo"),
        ("git@github.com:team/repo.git", "https://github.com/team/repo"),
        ("ssh://git@github.com:22/team/repo.git", "https://github.com/team/repo"),
        ("ssh://git@ssh.github.com:443/team/repo.git", "https://github.com/team/repo"),
        ("https://GitHub.com/Team/Repo", "https://github.com/Team/Repo"),
        ("https://github.acme.com:8443/team/repo.git", "https://github.acme.com:8443/team/repo"),
        ("git://github.com/team/repo.git", "https://github.com/team/repo"),
    ],
)
def test_github(git: str, page: str) -> None:
    settings = ProjectSettings(git=git)
    assert commit_url(settings, NEW) == f"{page}/commit/{NEW}"
    assert compare_url(settings, OLD, NEW) == f"{page}/compare/{OLD}...{NEW}"


@pytest.mark.parametrize(
    ("git", "page"),
    [
        ("git@gitlab.com:group/sub/repo.git", "https://gitlab.com/group/sub/repo"),
        ("https://gitlab.acme.io/group/repo.git", "https://gitlab.acme.io/group/repo"),
    ],
)
def test_gitlab(git: str, page: str) -> None:
    settings = ProjectSettings(git=git)
    assert commit_url(settings, NEW) == f"{page}/-/commit/{NEW}"
    assert compare_url(settings, OLD, NEW) == f"{page}/-/compare/{OLD}...{NEW}"


def test_bitbucket() -> None:
    settings = ProjectSettings(git="https://me@bitbucket.org/team/repo.git")
    page = "https://bitbucket.org/team/repo"
    assert commit_url(settings, NEW) == f"{page}/commits/{NEW}"
    assert compare_url(settings, OLD, NEW) == f"{page}/branches/compare/{NEW}..{OLD}"


@pytest.mark.parametrize(
    "git",
    [
        "/srv/git/repo.git",
        "file:///srv/github.com/repo",
        "https://git.acme.com/team/repo.git",
        "https://notgithub.com.evil.test/team/repo",
        "https://github.com/",
        "ext::sh",
    ],
)
def test_other_hosts_have_no_links(git: str) -> None:
    settings = ProjectSettings(git=git)
    assert commit_url(settings, NEW) is None
    assert compare_url(settings, OLD, NEW) is None


@pytest.mark.parametrize(
    ("web_url", "link"),
    [
        ("https://git.acme.com/team/repo", "https://git.acme.com/team/repo/commit/{}"),
        ("https://u:p@git.acme.com:8443/r.git/", "https://git.acme.com:8443/r/commit/{}"),
        ("https://gitlab.com/team/repo", "https://gitlab.com/team/repo/-/commit/{}"),
        ("javascript:alert(1)", None),
        ("https://", None),
    ],
)
def test_the_given_page_comes_first(web_url: str, link: str | None) -> None:
    settings = ProjectSettings(git="git@github.com:team/repo.git", web_url=web_url)
    assert commit_url(settings, NEW) == (link.format(NEW) if link else None)


@pytest.mark.parametrize("sha", ["", "main", "abc", "../x", f"{NEW}|evil", "A" * 40])
def test_only_a_sha_gets_a_link(sha: str) -> None:
    settings = ProjectSettings(git="git@github.com:team/repo.git")
    assert commit_url(settings, sha) is None
    assert compare_url(settings, sha, NEW) is None
    assert compare_url(settings, OLD, sha) is None
