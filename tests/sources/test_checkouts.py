"""Checkouts: whole or not there, shared, safe, collected when old."""

import asyncio
import os
from datetime import timedelta
from pathlib import Path

import pytest

from deploy_core.model.errors import UnknownRef, UnsafePath
from deploy_core.settings import ProjectSettings
from deploy_core.sources.git import GitMirrors
from deploy_core.sources.paths import safe_join
from tests.sources.repository import MovedClock, Repository


async def test_a_checkout_is_whole_and_made_once(
    repository: Repository, settings: ProjectSettings, mirrors: GitMirrors, tmp_path: Path
) -> None:
    script = repository.folder / "run.sh"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    (repository.folder / "link").symlink_to("a/b.txt")
    files = {"a/b.txt": "b\r\n", ".gitattributes": "secret export-ignore\n*.sh filter=lfs\n"}
    sha = repository.commit("Files", files | {"secret": "kept", "sub/deep/er/x": "y"})
    places = await asyncio.gather(*(mirrors.checkout("core", settings, sha) for _ in range(5)))
    place = places[0]
    assert set(places) == {place} == {tmp_path / "work" / "checkouts" / "core" / sha}
    assert (place / "a/b.txt").read_bytes() == b"b\r\n"
    assert (place / "link").read_text() == "b\n"
    assert (place / "secret").read_text() == "kept"
    assert os.access(place / "run.sh", os.X_OK)
    assert not (place / ".git").exists()
    assert place.stat().st_mode & 0o555 == 0o555
    assert [item.name for item in place.parent.iterdir()] == [sha]
    (place / "marker").touch()
    again = await mirrors.checkout("core", settings, sha)
    assert (again / "marker").exists()


@pytest.mark.parametrize(
    ("link", "target"),
    [
        ("out", "../../etc"),
        ("absolute", "/etc/passwd"),
        ("a/b/out", "../../../x"),
        ("around", f"../{'x' * 40}/dagster_cloud.yaml"),
    ],
)
async def test_a_checkout_with_a_symlink_that_leads_out_is_refused(
    link: str,
    target: str,
    repository: Repository,
    settings: ProjectSettings,
    mirrors: GitMirrors,
    tmp_path: Path,
) -> None:
    path = repository.folder / link
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)
    sha = repository.commit("A link")
    with pytest.raises(UnsafePath, match=f"`{link}`"):
        await mirrors.checkout("core", settings, sha)
    assert list((tmp_path / "work/checkouts/core").iterdir()) == []


async def test_symlinks_that_lead_out_only_together_are_refused(
    repository: Repository, settings: ProjectSettings, mirrors: GitMirrors
) -> None:
    (repository.folder / "deep/er").mkdir(parents=True)
    (repository.folder / "deep/er/file").touch()
    (repository.folder / "short").symlink_to("deep/er")
    (repository.folder / "out").symlink_to("short/../../../x")
    sha = repository.commit("Links")
    with pytest.raises(UnsafePath):
        await mirrors.checkout("core", settings, sha)


async def test_only_a_full_sha_is_checked_out(
    repository: Repository, settings: ProjectSettings, mirrors: GitMirrors
) -> None:
    for sha in ("main", repository.git("rev-parse", "HEAD")[:10], "../x", "1" * 40):
        with pytest.raises(UnknownRef):
            await mirrors.checkout("core", settings, sha)


async def test_old_checkouts_are_collected_save_for_the_kept(
    repository: Repository, settings: ProjectSettings, mirrors: GitMirrors, clock: MovedClock
) -> None:
    shas = [repository.git("rev-parse", "HEAD"), *(repository.commit(f"C{n}") for n in range(3))]
    old, kept, used = [await mirrors.checkout("core", settings, sha) for sha in shas[:3]]
    day = timedelta(days=1)
    assert await mirrors.collect((), day) == []
    clock.ahead = 2 * day
    assert await mirrors.checkout("core", settings, shas[2]) == used
    new = await mirrors.checkout("core", settings, shas[3])
    assert await mirrors.collect({("core", shas[1])}, day) == [old]
    assert sorted(old.parent.iterdir()) == sorted([kept, used, new])
    assert await mirrors.checkout("core", settings, shas[0]) == old
    assert (old / "dagster_cloud.yaml").exists()


def test_paths_are_joined_only_inside(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "a").mkdir(parents=True)
    (root / "in").symlink_to("a")
    (root / "out").symlink_to("..")
    assert safe_join(root, "a/b") == root / "a/b"
    assert safe_join(root, "./in/../a") == root / "a"
    assert safe_join(root, "") == safe_join(root, ".") == root
    for bad in ("..", "a/../../x", "/etc", "out", "out/x", "in/../..", "a\0b", "~/x"):
        with pytest.raises(UnsafePath):
            safe_join(root, bad)
