"""Decides what a location will run: a checkout, CI's image, one that is built, or PEX files."""

import asyncio
from dataclasses import dataclass

from deploy_core.artifacts.build_recipe import content_key, object_ids, recipe_for
from deploy_core.artifacts.docker_artifacts import KEY_TAG, DockerArtifacts
from deploy_core.artifacts.documents import (
    full_image,
    image_in_file,
    pex_document,
    repository_in_file,
    wanted_document,
)
from deploy_core.artifacts.pex_artifacts import PexArtifacts
from deploy_core.artifacts.pex_plans import pex_metadata, pex_options, pex_plan, planned_tag
from deploy_core.catalog import ProjectAtRef
from deploy_core.dagster_plus.serverless import ServerlessFacts
from deploy_core.model.errors import (
    BaseImageRefused,
    RegistryUnauthorised,
    RegistryUnreachable,
    ServerlessNeeded,
    UsageError,
)
from deploy_core.model.plan import (
    ArtifactKind,
    BuildPlan,
    CodeOptions,
    Document,
    PexPlan,
    StepName,
)
from deploy_core.settings import BuildOptions
from deploy_core.sources.dagster_cloud_yaml import FileLocation
from deploy_core.sources.git import GitMirrors

LOOK_UPS_AT_ONCE = 8
IMAGES_ONLY = "This Serverless deployment runs images only, so one is built instead of PEX files."

FIRST_STEPS = {
    ArtifactKind.SOURCE: (StepName.CHECKOUT,),
    ArtifactKind.PREBUILT: (StepName.FIND_IMAGE,),
    ArtifactKind.DOCKER: (StepName.CHECKOUT, StepName.BUILD, StepName.PUSH),
    ArtifactKind.PEX: (StepName.CHECKOUT, StepName.BUILD_PEX, StepName.UPLOAD_PEX),
}


@dataclass(frozen=True)
class ArtifactPlan:
    """What the location will run: the document that the file asks for, completed with it."""

    kind: ArtifactKind
    document: Document
    build: BuildPlan | None = None
    pex: PexPlan | None = None
    risks: tuple[str, ...] = ()


class ArtifactPlans:
    """For one plan: each image is looked up once, however many locations run it."""

    def __init__(
        self,
        images: DockerArtifacts,
        pex: PexArtifacts,
        serverless: ServerlessFacts,
        mirrors: GitMirrors,
        deployment: str,
    ) -> None:
        self._images = images
        self._pex = pex
        self._serverless = serverless
        self._mirrors = mirrors
        self._deployment = deployment
        self._found: dict[str, asyncio.Task[tuple[str, str | None]]] = {}
        self._turns = asyncio.Semaphore(LOOK_UPS_AT_ONCE)

    async def of_file(
        self,
        file: ProjectAtRef,
        location: FileLocation,
        image: str | None,
        *,
        rebuild: bool,
        code: CodeOptions,
    ) -> ArtifactPlan:
        """Return what a location of a project's file will run; `image` is the person's choice, and
        so are the Python version and the base image of `code`, whose other words are in the
        location already.

        Raises `ImageNotFound`, `ImageMissing`, `BuildNeeded`, `UnsafePath`, the kinds of
        `ServerlessError` and git's errors.
        """
        settings = file.settings
        kind = await self._kind(file, location, image)
        if kind is ArtifactKind.PEX:
            return await self._pex_plan(file, location, code, rebuild=rebuild)
        if code.python_version is not None:
            raise UsageError(f"{location.name} is no PEX, so its Python can't be chosen here.")
        if code.base_image_tag is not None:
            raise UsageError(f"{location.name} is no PEX, so it has no base image to choose here.")
        if kind is ArtifactKind.SOURCE:
            return ArtifactPlan(kind, self._document(file, location, None))
        if kind is ArtifactKind.DOCKER:
            build = await self._build(file, location, rebuild=rebuild)
            tagged = f"{build.repository}:{KEY_TAG}{build.key}"
            document = self._document(file, location, tagged)
            pex_wanted = file.settings.artifact != "docker"
            return ArtifactPlan(kind, document, build, risks=(IMAGES_ONLY,) if pex_wanted else ())
        if image is not None:
            wanted = full_image(image, repository_in_file(location))
        else:
            wanted = image_in_file(location, settings, file.commit)
        found, risk = await self.find(wanted)
        document = self._document(file, location, found)
        return ArtifactPlan(kind, document, risks=(risk,) if risk else ())

    async def _kind(
        self, file: ProjectAtRef, location: FileLocation, image: str | None
    ) -> ArtifactKind:
        """A person's image is taken as it is; else the project's word counts, and where that is
        `auto`, a Serverless deployment gets a PEX unless the file or a tag template names an image.
        """
        artifact = file.settings.artifact
        if image is not None:
            return ArtifactKind.PREBUILT
        if artifact not in {"auto", "pex"}:
            return ArtifactKind(artifact)
        names_image = "image" in location.document or file.settings.image_tag is not None
        if await self._serverless.serverless(self._deployment):
            images_only = await self._serverless.images_only(self._deployment)
            pex = ArtifactKind.DOCKER if images_only else ArtifactKind.PEX
            return ArtifactKind.PREBUILT if names_image and artifact == "auto" else pex
        if artifact == "pex":
            raise ServerlessNeeded(
                f"{self._deployment} is a Hybrid deployment, which runs no PEX files."
            )
        return ArtifactKind.PREBUILT

    async def _pex_plan(
        self, file: ProjectAtRef, location: FileLocation, code: CodeOptions, *, rebuild: bool
    ) -> ArtifactPlan:
        plan, risk = await pex_plan(
            file, location, self._mirrors, self._pex, version=code.python_version, rebuild=rebuild
        )
        options = pex_options(file.settings, location.name)
        base_image, tag = options.base_image, code.base_image_tag or options.base_image_tag
        if tag is not None:
            registry = await self._serverless.registry(self._deployment)
            base_image = f"{registry.url}:{tag}"
        document = pex_document(
            location,
            file.settings,
            file.commit,
            metadata=pex_metadata(planned_tag(file), plan.python_version, base_image),
            base_image=base_image,
        )
        return ArtifactPlan(ArtifactKind.PEX, document, pex=plan, risks=(risk,) if risk else ())

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
        serverless = await self._serverless.serverless(self._deployment)
        if serverless:
            registry = await self._serverless_repository(file, location)
        recipe = recipe_for(
            location.name, directory, registry, file.settings, serverless=serverless
        )
        folder = self._mirrors.git_folder(file.project)
        ids = await object_ids(folder, file.commit.sha, recipe.paths)
        return BuildPlan(
            directory=directory,
            repository=recipe.repository,
            key=content_key(recipe, ids),
            rebuild=rebuild,
            serverless=serverless,
        )

    async def _serverless_repository(self, file: ProjectAtRef, location: FileLocation) -> str:
        """Return where the image goes: Dagster's own agents take images of its registry only."""
        registry = await self._serverless.registry(self._deployment)
        options = file.settings.build_for.get(location.name, BuildOptions())
        base_image = options.base_image or file.settings.build.base_image
        if base_image is not None and not registry.custom_base:
            raise BaseImageRefused(
                f"The organisation may not use base images of its own, and {location.name} has one."
            )
        self._images.log_in(registry)
        return registry.repository(location.name)

    def _document(self, file: ProjectAtRef, location: FileLocation, image: str | None) -> Document:
        checkout = self._mirrors.checkout_path(file.project, file.commit.sha)
        return wanted_document(location, file.settings, file.commit, checkout=checkout, image=image)
