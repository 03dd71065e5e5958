"""Refs, files, ranges and checkouts of real local repositories."""

import asyncio
import hashlib
import os
from pathlib import Path

import pytest

from deploy_core.model.errors import FileInvalid, FileNotFound, GitFailed, UnknownRef, UnsafePath
from deploy_core.model.plan import Commit
from deploy_core.settings import ProjectSettings
from deploy_core.sources.git import GitMirrors, Range
from tests.sources.repository import Repository


async def test_a_branch_a_tag_and_a_sha_are_resolved(
    repository: Repository, settings: ProjectSettings, mirrors: GitMirrors
) -> None:
    first = repository.git("rev-parse", "HEAD")
    repository.git("tag", "-a", "v1.0", "-m", "release")
    second = repository.commit("Größer: the second `commit`")
    repository.git("branch", "team/feature-1", first)

    branch = await mirrors.resolve("core", settings, "main")
    assert (branch.sha, branch.kind, branch.note) == (second, "branch", None)
    assert branch.subject == "Größer: the second `commit`"
    assert branch.author == "Ada Example"
    assert branch.committed_at == "2026-01-01T00:02:00+00:00"
    for ref, kind in {
        "team/feature-1": "branch",
        "refs/heads/team/feature-1": "branch",
        "heads/team/feature-1": "branch",
        "v1.0": "tag",
        "tags/v1.0": "tag",
        first: "commit",
        first.upper(): "commit",
        first[:7]: "commit",
        f"  {first[:12]} ": "commit",
    }.items():
        found = await mirrors.resolve("core", settings, ref)
        assert (found.sha, found.kind) == (first, kind), ref


async def test_a_tag_comes_before_a_branch_of_the_same_name_and_it_is_told(
    repository: Repository, settings: ProjectSettings, mirrors: GitMirrors
) -> None:
    tagged = repository.git("rev-parse", "HEAD")
    repository.git("tag", "both")
    branched = repository.commit("Later")
    repository.git("branch", "both")
    found = await mirrors.resolve("core", settings, "both")
    assert (found.sha, found.kind) == (tagged, "tag")
    assert found.note is not None
    assert "heads/both" in found.note
    assert (await mirrors.resolve("core", settings, "heads/both")).sha == branched


async def test_a_branch_named_like_a_short_sha_comes_before_the_commit(
    repository: Repository, settings: ProjectSettings, mirrors: GitMirrors
) -> None:
    first = repository.git("rev-parse", "HEAD")
    second = repository.commit("Second")
    repository.git("branch", first[:8], second)
    assert (await mirrors.resolve("core", settings, first[:8])).sha == second
    assert (await mirrors.resolve("core", settings, first[:9])).sha == first


@pytest.mark.parametrize(
    "ref",
    [
        "--upload-pack=touch owned",
        "-main",
        "main~1",
        "main^",
        "main@{1}",
        "main..other",
        ":/Add",
        "main:dagster_cloud.yaml",
        "HEAD",
        "@",
        "",
        "../../etc/passwd",
        "a b",
        "main\nother",
        "x" * 3000,
        "refs/heads/../heads/main",
        "*",
        "ma?n",
        "FETCH_HEAD",
    ],
)
async def test_what_is_no_ref_is_unknown_and_never_an_option(
    ref: str, settings: ProjectSettings, mirrors: GitMirrors
) -> None:
    with pytest.raises(UnknownRef) as raised:
        await mirrors.resolve("core", settings, ref)
    assert raised.value.choices == ("main",)
    assert len(raised.value.summary) < 200


async def test_an_unknown_ref_comes_with_close_names(
    repository: Repository, settings: ProjectSettings, mirrors: GitMirrors
) -> None:
    for name in ("release-2025", "release-2026", "docs"):
        repository.git("branch", name)
    with pytest.raises(UnknownRef) as raised:
        await mirrors.resolve("core", settings, "relase-2026")
    assert raised.value.choices[0] == "release-2026"
    assert "docs" not in raised.value.choices
    with pytest.raises(UnknownRef, match="no branch, tag or commit `0000000`"):
        await mirrors.resolve("core", settings, "0000000")
    with pytest.raises(UnknownRef) as short:
        await mirrors.resolve("core", settings, "abc12")
    assert "seven digits" in short.value.next_step


async def test_the_beginning_of_two_commits_names_both(
    repository: Repository, settings: ProjectSettings, mirrors: GitMirrors
) -> None:
    tree = repository.git("rev-parse", "HEAD^{tree}")
    seen: dict[str, bytes] = {}
    for second in range(200_000):
        who = f"A <a@b.test> {second} +0000"
        body = f"tree {tree}\nauthor {who}\ncommitter {who}\n\nx\n".encode()
        digits = hashlib.sha1(b"commit %d\0%s" % (len(body), body)).hexdigest()[:7]  # noqa: S324
        if digits in seen:
            break
        seen[digits] = body
    shas = []
    for number, content in enumerate((seen[digits], body)):
        file = repository.folder / ".git" / "one"
        file.write_bytes(content)
        shas.append(repository.git("hash-object", "-t", "commit", "-w", str(file)))
        repository.git("branch", f"twin-{number}", shas[-1])
    with pytest.raises(UnknownRef, match="beginning of 2 commits") as raised:
        await mirrors.resolve("core", settings, digits)
    assert sorted(raised.value.choices) == sorted(shas)
    assert (await mirrors.resolve("core", settings, shas[0][:20])).sha == shas[0]


async def test_an_object_that_is_no_commit_is_not_taken_for_one(
    repository: Repository, settings: ProjectSettings, mirrors: GitMirrors
) -> None:
    blob = repository.git("hash-object", "-w", "dagster_cloud.yaml")
    repository.git("tag", "blob", blob)
    for ref in ("blob", blob, blob[:9]):
        with pytest.raises(UnknownRef):
            await mirrors.resolve("core", settings, ref)


async def test_every_resolve_sees_what_was_pushed_before_it(
    repository: Repository, settings: ProjectSettings, mirrors: GitMirrors
) -> None:
    await mirrors.resolve("core", settings, "main")
    second = repository.commit("Second")
    assert (await mirrors.resolve("core", settings, "main")).sha == second
    repository.git("reset", "--quiet", "--hard", "HEAD~1")
    forced = repository.commit("Forced")
    assert (await mirrors.resolve("core", settings, "main")).sha == forced
    repository.git("branch", "gone")
    await mirrors.resolve("core", settings, "gone")
    repository.git("branch", "-D", "gone")
    with pytest.raises(UnknownRef):
        await mirrors.resolve("core", settings, "gone")
    # What was forced away can still be gone back to.
    assert (await mirrors.resolve("core", settings, second)).sha == second


async def test_a_branch_can_become_a_folder_of_branches(
    repository: Repository, settings: ProjectSettings, mirrors: GitMirrors
) -> None:
    repository.git("branch", "team")
    await mirrors.resolve("core", settings, "team")
    repository.git("branch", "-m", "team", "team/one")
    assert (await mirrors.resolve("core", settings, "team/one")).kind == "branch"


async def test_a_full_sha_that_is_here_needs_no_server(
    repository: Repository, settings: ProjectSettings, mirrors: GitMirrors
) -> None:
    sha = (await mirrors.resolve("core", settings, "main")).sha
    repository.folder.rename(repository.folder.with_name("moved"))
    assert (await mirrors.resolve("core", settings, sha)).sha == sha
    with pytest.raises(GitFailed, match="There is no git repository"):
        await mirrors.resolve("core", settings, "main")


async def test_calls_at_the_same_time_give_the_same_answer(
    repository: Repository, settings: ProjectSettings, mirrors: GitMirrors
) -> None:
    sha = repository.git("rev-parse", "HEAD")
    found = await asyncio.gather(*(mirrors.resolve("core", settings, "main") for _ in range(8)))
    assert {commit.sha for commit in found} == {sha}


async def test_an_empty_repository_has_no_refs(tmp_path: Path, mirrors: GitMirrors) -> None:
    empty = Repository(tmp_path / "empty")
    settings = ProjectSettings(git=str(empty.folder))
    with pytest.raises(UnknownRef) as raised:
        await mirrors.resolve("empty", settings, "main")
    assert raised.value.choices == ()
    assert await mirrors.refs("empty", settings) == ()


async def test_refs_are_read_without_fetching_newest_first(
    repository: Repository, settings: ProjectSettings, mirrors: GitMirrors
) -> None:
    assert await mirrors.refs("core", settings) == ()
    repository.git("branch", "old")
    repository.commit("Newer")
    repository.git("branch", "new/er")
    await mirrors.fetch("core", settings)
    repository.git("branch", "unseen")
    assert sorted(await mirrors.refs("core", settings)) == ["main", "new/er", "old"]
    assert (await mirrors.refs("core", settings))[-1] == "old"


async def test_files_are_read_at_their_commit(
    repository: Repository, settings: ProjectSettings, mirrors: GitMirrors
) -> None:
    first = repository.git("rev-parse", "HEAD")
    second = repository.commit("Change", {"dagster_cloud.yaml": "locations: [ä]\n", "a/b.txt": "x"})
    read = mirrors.read_file
    assert await read("core", settings, first, "dagster_cloud.yaml") == "locations: []\n"
    assert await read("core", settings, second, "./dagster_cloud.yaml") == "locations: [ä]\n"
    assert await read("core", settings, second, "a/../a//b.txt") == "x"
    with pytest.raises(FileNotFound) as raised:
        await read("core", settings, first, "deploy/dagster_cloud.yml")
    assert raised.value.choices == ("dagster_cloud.yaml",)
    with pytest.raises(FileNotFound):
        await read("core", settings, second, "a")
    with pytest.raises(FileNotFound):
        await read("core", settings, second, "dagster_cloud.yaml/x")
    with pytest.raises(UnknownRef):
        await read("core", settings, "1" * 40, "dagster_cloud.yaml")
    with pytest.raises(UnknownRef):
        await read("core", settings, "--batch", "dagster_cloud.yaml")


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../secret", "a/../../secret", "a\nb", "~/x", "a\0b", "..", "a\\b"]
)
async def test_paths_that_lead_out_are_refused(
    path: str, settings: ProjectSettings, mirrors: GitMirrors
) -> None:
    with pytest.raises(UnsafePath):
        await mirrors.read_file("core", settings, "1" * 40, path)


async def test_symlinks_are_followed_inside_and_refused_outside(
    repository: Repository, settings: ProjectSettings, mirrors: GitMirrors
) -> None:
    (repository.folder / "inside.yaml").symlink_to("dagster_cloud.yaml")
    (repository.folder / "dangling.yaml").symlink_to("nowhere")
    (repository.folder / "out.yaml").symlink_to("../../../../etc/passwd")
    (repository.folder / "absolute.yaml").symlink_to("/etc/passwd")
    (repository.folder / "loop").symlink_to("loop")
    sha = repository.commit("Links")
    read = mirrors.read_file
    assert await read("core", settings, sha, "inside.yaml") == "locations: []\n"
    for out in ("out.yaml", "absolute.yaml", "loop"):
        with pytest.raises(UnsafePath):
            await read("core", settings, sha, out)
    with pytest.raises(FileNotFound):
        await read("core", settings, sha, "dangling.yaml")


async def test_files_that_are_too_large_or_no_text_are_refused(
    repository: Repository, settings: ProjectSettings, mirrors: GitMirrors
) -> None:
    (repository.folder / "binary").write_bytes(b"fine\n\xff\xfe")
    sha = repository.commit("Odd", {"large": "x" * 1_000_001, "limit": "x" * 1_000_000})
    with pytest.raises(FileInvalid, match="1,000,001 bytes"):
        await mirrors.read_file("core", settings, sha, "large")
    assert len(await mirrors.read_file("core", settings, sha, "limit")) == 1_000_000
    with pytest.raises(FileInvalid) as raised:
        await mirrors.read_file("core", settings, sha, "binary")
    assert raised.value.detail == "binary:2: the file isn't UTF-8 text."


async def test_the_range_between_two_commits(
    repository: Repository, settings: ProjectSettings, mirrors: GitMirrors
) -> None:
    shas = [repository.git("rev-parse", "HEAD"), *(repository.commit(f"C{n}") for n in range(5))]
    between = mirrors.commits_between
    full = await between("core", settings, shas[0], shas[5])
    assert [commit.subject for commit in full.commits] == ["C4", "C3", "C2", "C1", "C0"]
    assert (full.total, full.behind, full.known) == (5, 0, True)
    some = await between("core", settings, shas[0], shas[5], most=2)
    assert [commit.subject for commit in some.commits] == ["C4", "C3"]
    assert some.total == 5
    assert await between("core", settings, shas[5], shas[2]) == Range((), 0, 3)
    assert await between("core", settings, shas[5], shas[5]) == Range((), 0, 0)
    assert await between("core", settings, "1" * 40, shas[5]) == Range(known=False)
    assert await between("core", settings, "--all", shas[5]) == Range(known=False)
    with pytest.raises(UnknownRef):
        await between("core", settings, shas[5], "1" * 40)
    repository.git("checkout", "--quiet", "-b", "side", shas[3])
    side = repository.commit("Side")
    assert await between("core", settings, shas[5], side) == Range(
        (Commit(sha=side, subject="Side", author="Ada Example", committed_at=_time(7)),), 1, 2
    )


def _time(minute: int) -> str:
    return f"2026-01-01T00:{minute:02}:00+00:00"


@pytest.mark.parametrize("project", ["..", ".", "a/b", "../../x", "Ä" * 150, "-x", "a b"])
async def test_any_project_name_stays_in_the_folder(
    project: str, settings: ProjectSettings, mirrors: GitMirrors, tmp_path: Path
) -> None:
    sha = (await mirrors.resolve(project, settings, "main")).sha
    place = await mirrors.checkout(project, settings, sha)
    assert place.parent.parent == tmp_path / "work" / "checkouts"
    assert set(os.listdir(tmp_path)) == {"origin", "work"}  # noqa: PTH208
    assert len(list((tmp_path / "work" / "mirrors").glob("*.git"))) == 1


async def test_check_asks_for_the_default_ref(
    repository: Repository, settings: ProjectSettings, mirrors: GitMirrors, tmp_path: Path
) -> None:
    await mirrors.check("core", settings)
    with pytest.raises(UnknownRef) as raised:
        await mirrors.check("core", settings.model_copy(update={"default_ref": "mian"}))
    assert raised.value.choices == ("main",)
    sha = repository.git("rev-parse", "HEAD")
    await mirrors.check("core", settings.model_copy(update={"default_ref": sha}))
    assert not list((tmp_path / "work" / "mirrors").glob("*.git"))
