"""Builds and pushes with a real engine and a real registry, with BuildKit and without."""

import asyncio

import pytest

from deploy_core.artifacts.image_ref import parse_image_ref
from deploy_core.model.errors import (
    BuildFailed,
    BuildKitNeeded,
    BuildTimedOut,
    ContextTooLarge,
    DockerfileMissing,
    EngineGone,
    ImageNotFound,
    UnsafePath,
)
from tests.docker.world import BASE, World, runs, text_of, until

GOOD = f"FROM {BASE}\nCOPY hello /hello\nRUN cat /hello && echo built\n"
FAILING = f"FROM {BASE}\nRUN echo first line && echo 'no matching distribution: x' && exit 7\n"
CANARY = "canary-3f8a1c"


async def test_a_good_build_is_pushed_and_named_by_its_digest(world: World) -> None:
    world.repository.commit("Add", {"Dockerfile": GOOD, "hello": f"{world.name}\n"})
    done = await world.deploy(world.recipe())
    assert done.image is not None
    assert done.image.startswith(f"{world.registry.address}/{world.name}@sha256:")
    steps = [seen for seen in world.progress.seen if "layers" not in seen[2]]
    assert steps[-1] == (3, 3, "RUN cat /hello && echo built")
    assert [step for step, _, _ in steps] == sorted(step for step, _, _ in steps)
    assert await world.artifacts.find(done.image) == done.image
    assert sorted(await world.artifacts.tags(done.repository)) == sorted(done.tags)
    assert not list((world.folder / "var/builds/work").iterdir())
    assert "echo built" in text_of(done.log_file)
    assert world.logs == [text_of(done.log_file)]


async def test_the_same_content_is_built_once_and_found_at_another_commit(world: World) -> None:
    world.repository.commit("Add", {"app/Dockerfile": GOOD, "app/hello": f"1 {world.name}\n"})
    first = await world.deploy(world.recipe(directory="app"))
    world.progress.seen.clear()
    world.repository.commit("Elsewhere", {"README": "changed\n"})
    second = await world.deploy(world.recipe(directory="app"))
    assert second.image == first.image
    assert second.builder is None
    assert not world.progress.seen
    world.repository.commit("Here", {"app/hello": f"2 {world.name}\n"})
    third = await world.deploy(world.recipe(directory="app"))
    assert third.image != first.image
    again = await world.build(world.recipe(directory="app"), rebuild=True)
    assert again.builder == "one"


async def test_a_build_that_was_not_pushed_is_not_built_again(world: World) -> None:
    world.repository.commit("Add", {"Dockerfile": GOOD, "hello": f"{world.name}\n"})
    first = await world.build(world.recipe())
    world.progress.seen.clear()
    second = await world.build(world.recipe())
    assert (second.builder, second.image_id) == (first.builder, first.image_id)
    assert not world.progress.seen


async def test_a_failing_step_leads_with_its_last_lines(world: World) -> None:
    world.repository.commit("Add", {"Dockerfile": FAILING})
    with pytest.raises(BuildFailed) as failed:
        await world.build(world.recipe())
    assert failed.value.detail.splitlines()[:2] == ["first line", "no matching distribution: x"]
    assert "exit code 7" in failed.value.summary
    assert failed.value.step is not None
    assert failed.value.step.startswith("RUN echo first line")
    assert "no matching distribution: x" in text_of(failed.value.log_file)
    assert world.logs == [text_of(failed.value.log_file)]
    assert not list((world.folder / "var/builds/work").iterdir())


@pytest.mark.parametrize(
    ("dockerfile", "said"),
    [
        (f"FROM {BASE}\nRUNN x\n", "unknown instruction"),
        (f"FROM {BASE}\nCOPY nothing /x\n", "nothing"),
        ("FROM 127.0.0.1:1/none:1\n", "127.0.0.1:1"),
    ],
)
async def test_a_build_that_never_ran_says_why(world: World, dockerfile: str, said: str) -> None:
    world.repository.commit("Add", {"Dockerfile": dockerfile})
    with pytest.raises(BuildFailed) as failed:
        await world.build(world.recipe())
    assert said in failed.value.detail


async def test_two_locations_are_built_at_once(world: World) -> None:
    mark = abs(hash(world.name)) % 10_000
    waits = {"a": f"2.1{mark:04d}", "b": f"2.2{mark:04d}"}
    for name, seconds in waits.items():
        text = f"FROM {BASE}\nRUN sleep {seconds}\n"
        world.repository.commit(name, {f"{name}/Dockerfile": text})
    deploys = asyncio.gather(*(world.deploy(world.recipe(name, name)) for name in waits))
    await until(lambda: all(runs(f"sleep\0{seconds}") for seconds in waits.values()))
    left, right = await deploys
    assert None not in {left.image, right.image}
    assert left.image != right.image


async def test_two_engines_share_the_builds(world: World) -> None:
    for name in ("left", "right"):
        text = f"FROM {BASE}\nRUN echo {world.name}; sleep 1.{len(name)}\n"
        world.repository.commit(name, {f"{name}/Dockerfile": text})
    one_each = {"host": world.engine.host, "parallel": 1}
    world.make(builders={"near": one_each, "far": one_each})
    names = ("left", "right")
    built = await asyncio.gather(*(world.build(world.recipe(name, name)) for name in names))
    assert {each.builder for each in built} == {"near", "far"}


async def test_two_locations_of_the_same_content_are_one_build(world: World) -> None:
    world.repository.commit("Add", {"Dockerfile": GOOD, "hello": f"{world.name}\n"})
    built = await asyncio.gather(*(world.build(world.recipe(name)) for name in ("left", "right")))
    assert built[0].image_id == built[1].image_id
    assert len([seen for seen in world.progress.seen if seen[0] == 3]) == 1


async def test_cancel_ends_the_build_in_the_engine_within_five_seconds(world: World) -> None:
    marker = f"70{abs(hash(world.name)) % 10_000:04d}"
    world.repository.commit("Add", {"Dockerfile": f"FROM {BASE}\nRUN sleep {marker}\n"})
    task = asyncio.create_task(world.build(world.recipe()))
    await until(lambda: runs(f"sleep\0{marker}"))
    loop = asyncio.get_running_loop()
    began = loop.time()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: not runs(f"sleep\0{marker}"))
    assert loop.time() - began < 5
    assert not list((world.folder / "var/builds/work").iterdir())
    await until(lambda: world.engine.client("ps", "--all", "--quiet") == "")
    named = ("images", "--quiet", "--filter", "label=dagster-chatops.key")
    assert world.engine.client(*named, "--filter", "dangling=true") == ""


async def test_a_build_that_takes_too_long_is_ended(world: World) -> None:
    world.repository.commit("Add", {"Dockerfile": f"FROM {BASE}\nRUN echo on it; sleep 7123\n"})
    with pytest.raises(BuildTimedOut):
        await world.build(world.recipe(timeout=0.03))
    assert ["on it" in log for log in world.logs] == [True]
    await until(lambda: not runs("sleep\x007123"))


async def test_no_secret_is_in_any_output(world: World) -> None:
    world.environment["TOKEN_VARIABLE"] = CANARY
    world.make()
    text = f"FROM {BASE}\nARG TOKEN\nRUN echo $TOKEN; echo -n $TOKEN | base64; exit 1\n"
    world.repository.commit("Add", {"Dockerfile": text})
    with pytest.raises(BuildFailed) as failed:
        await world.build(world.recipe(args={"TOKEN": {"env": "TOKEN_VARIABLE"}}))
    error = failed.value
    seen = [error.summary, error.detail, text_of(error.log_file), str(world.progress.seen)]
    seen += world.logs
    assert "***" in error.detail
    assert not [text for text in seen if CANARY in text or "Y2FuYXJ5LTNmOGExY" in text]


async def test_a_build_secret_is_mounted_by_buildkit_only(world: World) -> None:
    secret = world.folder / "secret.txt"
    secret.write_text(f"{CANARY}\n")
    text = f"FROM {BASE}\nRUN --mount=type=secret,id=pip cat /run/secrets/pip; exit 1\n"
    world.repository.commit("Add", {"Dockerfile": text})
    recipe = world.recipe(secrets={"pip": {"file": str(secret)}})
    if not world.buildkit:
        with pytest.raises(BuildKitNeeded):
            await world.build(recipe)
        return
    with pytest.raises(BuildFailed) as failed:
        await world.build(recipe)
    assert failed.value.detail.splitlines()[0] == "***"
    assert CANARY not in text_of(failed.value.log_file)


async def test_context_target_and_arguments_reach_the_builder(world: World) -> None:
    text = (
        f"FROM {BASE} AS first\nARG WHO\nCOPY shared/x /x\nRUN echo hello $WHO >> /x\n"
        "FROM first AS last\nRUN exit 9\n"
    )
    world.repository.commit("Add", {"deploy/core.Dockerfile": text, "shared/x": "x\n"})
    recipe = world.recipe(
        directory="locations/core",
        context="/",
        dockerfile="../../deploy/core.Dockerfile",
        target="first",
        args={"WHO": "you"},
    )
    built = await world.build(recipe)
    assert built.image_id is not None
    history = world.engine.client("history", "--no-trunc", built.image_id)
    assert "hello $WHO" in history


async def test_what_leads_out_of_the_checkout_is_refused(world: World) -> None:
    world.repository.commit("Add", {"hello": "x"})
    for options in ({"dockerfile": "../../etc/passwd"}, {"context": "a/../../.."}):
        with pytest.raises(UnsafePath):
            world.recipe(directory="app", **options)
    (world.repository.folder / "Dockerfile").symlink_to("/etc/passwd")
    world.repository.commit("Link")
    with pytest.raises(UnsafePath):
        await world.build(world.recipe())


async def test_a_huge_context_is_refused_unless_dockerignore_leaves_it_out(world: World) -> None:
    world.repository.commit("Add", {"Dockerfile": GOOD, "hello": "x", "data/big": "x" * 200_000})
    world.make(most_context_mb=0.1)
    with pytest.raises(ContextTooLarge):
        await world.build(world.recipe())
    world.repository.commit("Ignore", {".dockerignore": "# data\ndata\n"})
    assert (await world.build(world.recipe())).image_id is not None


async def test_a_missing_dockerfile_is_offered_and_used_only_when_asked_for(world: World) -> None:
    world.repository.commit("Add", {"requirements.txt": "dagster-cloud\n"})
    with pytest.raises(DockerfileMissing) as missing:
        await world.build(world.recipe())
    assert "FROM python:3.11-slim" in missing.value.detail
    world.engine.client("tag", BASE, "python:3.12-slim")
    with pytest.raises(BuildFailed) as failed:  # the base has no pip: it was really tried
        await world.build(world.recipe(generate_dockerfile=True, python="3.12"))
    assert failed.value.step == "RUN pip install --no-cache-dir -r requirements.txt"


async def test_an_engine_that_is_gone_is_said_by_name(world: World) -> None:
    world.repository.commit("Add", {"Dockerfile": GOOD, "hello": "x"})
    host = f"unix://{world.folder}/nothing.sock"
    artifacts = world.make(builders={"far": {"host": host}})
    assert isinstance((await artifacts.engine_versions())["far"], EngineGone)
    with pytest.raises(EngineGone, match="far"):
        await world.build(world.recipe())


async def test_prebuilt_works_without_an_engine(world: World) -> None:
    world.repository.commit("Add", {"Dockerfile": GOOD, "hello": "x"})
    done = await world.deploy(world.recipe())
    artifacts = world.make(builders={"far": {"host": f"unix://{world.folder}/nothing.sock"}})
    by_tag = f"{done.repository}:{done.tags[0]}"
    assert await artifacts.find(by_tag) == done.image
    with pytest.raises(ImageNotFound) as missing:
        await artifacts.find(f"{by_tag}0")
    assert done.tags[0] in missing.value.choices
    with pytest.raises(ImageNotFound):
        await artifacts.find(str(parse_image_ref(by_tag).with_digest(f"sha256:{'0' * 64}")))


async def test_old_images_are_collected_and_new_ones_stay(world: World) -> None:
    world.repository.commit("Add", {"Dockerfile": GOOD, "hello": f"{world.name}\n"})
    built = await world.build(world.recipe())
    assert built.image_id not in await world.artifacts.collect()
    # A new process, a year later as far as it knows.
    artifacts = world.make(keep_images_hours=0.000001)
    assert built.image_id in await artifacts.collect()
