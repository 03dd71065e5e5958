"""Decides what a location will run: a checkout, an image that CI pushed, or one that is built."""

import asyncio
from dataclasses import dataclass

from deploy_core.artifacts.build_recipe import content_key, object_ids, recipe_for
from deploy_core.artifacts.docker_artifacts import KEY_TAG, DockerArtifacts
from deploy_core.artifacts.documents import (
    full_image,
    image_in_file,
    repository_in_file,
    wanted_document,
)
from deploy_core.catalog import ProjectAtRef
from deploy_core.model.errors import RegistryUnauthorised, RegistryUnreachable
from deploy_core.model.plan import ArtifactKind, BuildPlan, Document, StepName
from deploy_core.sources.dagster_cloud_yaml import FileLocation
from deploy_core.sources.git import GitMirrors

LOOK_UPS_AT_ONCE = 8

FIRST_STEPS = {
    ArtifactKind.SOURCE: (StepName.CHECKOUT,),
    ArtifactKind.PREBUILT: (StepName.FIND_IMAGE,),
    ArtifactKind.DOCKER: (StepName.CHECKOUT, StepName.BUILD, StepName.PUSH),
}


@dataclass(frozen=True)
class ArtifactPlan:
    """What the location will run: the document that the file asks for, completed with it."""

    kind: ArtifactKind
    document: Document
    build: BuildPlan | None = None
    risks: tuple[str, ...] = ()


class ArtifactPlans:
    """For one plan: each image is looked up once, however many locations run it."""

    def __init__(self, images: DockerArtifacts, mirrors: GitMirrors) -> None:
        self._images = images
        self._mirrors = mirrors
        self._found: dict[str, asyncio.Task[tuple[str, str | None]]] = {}
        self._turns = asyncio.Semaphore(LOOK_UPS_AT_ONCE)

    async def of_file(
        self, file: ProjectAtRef, location: FileLocation, image: str | None, *, rebuild: bool
    ) -> ArtifactPlan:
        """Return what a location of a project's file will run; `image` is the person's choice.

        Raises `ImageNotFound`, `ImageMissing`, `BuildNeeded`, `UnsafePath` and git's errors.
        """
        settings = file.settings
        if image is None and settings.artifact == "source":
            return ArtifactPlan(ArtifactKind.SOURCE, self._document(file, location, None))
        if image is None and settings.artifact == "docker":
            build = await self._build(file, location, rebuild=rebuild)
            tagged = f"{build.repository}:{KEY_TAG}{build.key}"
            document = self._document(file, location, tagged)
            return ArtifactPlan(ArtifactKind.DOCKER, document, build)
        if image is not None:
            wanted = full_image(image, repository_in_file(location))
        else:
            wanted = image_in_file(location, settings, file.commit)
        found, risk = await self.find(wanted)
        document = self._document(file, location, found)
        return ArtifactPlan(ArtifactKind.PREBUILT, document, risks=(risk,) if risk else ())

    async def find(self, image: str) -> tuple[str, str | None]:
        """Return the image by digest, and a risk where the registry would not say.

        Raises `ImageNotFound`, `ImageNameInvalid`.
        """
        task = self._found.get(image)
        if task is None:
            task = asyncio.ensure_future(self._find(image))
            self._found[image] = task
        return await asyncio.shield(task)

    async def _find(self, image: str) -> tuple[str, str | None]:
        try:
            async with self._turns:
                return await self._images.find(image), None
        except (RegistryUnauthorised, RegistryUnreachable) as error:
            # The agent has credentials of its own; that we have none is no reason to refuse.
            return image, f"The image is deployed by its name, not by digest: {error.summary}"

    async def _build(
        self, file: ProjectAtRef, location: FileLocation, *, rebuild: bool
    ) -> BuildPlan:
        directory = location.build.directory if location.build else None
        registry = location.build.registry if location.build else None
        recipe = recipe_for(location.name, directory, registry, file.settings)
        folder = self._mirrors.git_folder(file.project)
        ids = await object_ids(folder, file.commit.sha, recipe.paths)
        return BuildPlan(
            directory=directory,
            repository=recipe.repository,
            key=content_key(recipe, ids),
            rebuild=rebuild,
        )

    def _document(self, file: ProjectAtRef, location: FileLocation, image: str | None) -> Document:
        checkout = self._mirrors.checkout_path(file.project, file.commit.sha)
        return wanted_document(location, file.settings, file.commit, checkout=checkout, image=image)
