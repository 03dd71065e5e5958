"""Turns a request into a plan: looks everything up, decides nothing that a person should decide."""

from dataclasses import replace

from deploy_core.added_locations import plan_added
from deploy_core.artifacts.docker_artifacts import DockerArtifacts
from deploy_core.artifacts.documents import full_image, repository_of
from deploy_core.artifacts.pex_artifacts import PexArtifacts
from deploy_core.artifacts.plans import FIRST_STEPS, ArtifactPlan, ArtifactPlans
from deploy_core.catalog import Catalog, ProjectAtRef
from deploy_core.dagster_plus.client import DagsterPlus
from deploy_core.dagster_plus.serverless import ServerlessFacts
from deploy_core.endings import all_of
from deploy_core.model.documents import (
    clean,
    diff_documents,
    merge_documents,
    version_of,
    with_image,
)
from deploy_core.model.errors import MixedProjects, UnknownLocation, UsageError
from deploy_core.model.plan import (
    CodeOptions,
    DeployKind,
    DeployPlan,
    DeployRequest,
    StepName,
    TargetPlan,
)
from deploy_core.policy import deployment_named
from deploy_core.rollbacks import plans_behind
from deploy_core.settings import CoreSettings, DeploymentSettings
from deploy_core.sources.dagster_cloud_yaml import FileLocation
from deploy_core.sources.git import GitMirrors
from deploy_core.sources.links import compare_url
from deploy_core.store.store import Store
from deploy_core.target_plans import LAST_STEPS, Now, plan_of_document, risks_of


class Planner:
    """Makes plans; changes nothing."""

    def __init__(
        self,
        settings: CoreSettings,
        dagster: DagsterPlus,
        catalog: Catalog,
        mirrors: GitMirrors,
        store: Store,
        images: DockerArtifacts,
        pex: PexArtifacts,
        serverless: ServerlessFacts,
    ) -> None:
        self._settings = settings
        self._dagster = dagster
        self._catalog = catalog
        self._mirrors = mirrors
        self._store = store
        self._images = images
        self._pex = pex
        self._serverless = serverless

    async def plan(self, request: DeployRequest) -> DeployPlan:
        """Return what the request would do.

        Raises `UsageError` and its kinds for names that don't exist, source errors for what git
        says, `DagsterPlusError` when Dagster+ can't be asked.
        """
        name, deployment = deployment_named(self._settings, request.deployment)
        if request.kind is DeployKind.DEPLOY:
            targets = await self._deploy_targets(request, name, deployment)
            return await self._plan(request, name, deployment, targets)
        now = await self._now(name)
        if request.kind is DeployKind.ADD:
            artifacts = self._artifacts(name)
            targets = [
                await plan_added(
                    request,
                    name,
                    deployment,
                    now,
                    artifacts=artifacts,
                    catalog=self._catalog,
                    store=self._store,
                    serverless=self._serverless,
                )
            ]
        elif request.kind is DeployKind.REDEPLOY:
            targets = [
                self._again(location, deployment, now)
                for location in await self._live_names(request, now)
            ]
        else:
            targets = await plans_behind(request, deployment, now, self._store)
        return await self._plan(request, name, deployment, targets)

    async def _plan(
        self,
        request: DeployRequest,
        name: str,
        deployment: DeploymentSettings,
        targets: list[TargetPlan],
    ) -> DeployPlan:
        # One that is asked for by itself, or to be built anew, is sent: somebody has a reason.
        stay = len(targets) > 1 and request.kind is DeployKind.DEPLOY and not request.rebuild
        targets = [target.model_copy(update={"may_stay": stay}) for target in targets]
        failed = await self._store.put_backs.failed(name, [target.location for target in targets])
        targets = [_with_put_back_failed(target, failed.get(target.location)) for target in targets]
        return DeployPlan(
            kind=request.kind,
            deployment=name,
            targets=tuple(targets),
            protected=deployment.protected
            or bool(failed)
            or _updates(request, targets)
            or any(target.unloaded_before for target in targets),
            confirm_deadline=deployment.confirm_deadline * 60,
            # Never a rollback of a rollback.
            put_back=deployment.put_back and request.kind is not DeployKind.ROLLBACK,
        )

    async def _now(self, deployment: str) -> Now:
        documents, states, agents = await all_of(
            self._dagster.documents(deployment),
            self._dagster.location_states(deployment),
            self._dagster.agents(deployment),
        )
        return Now(documents, states, agents)

    async def _deploy_targets(
        self, request: DeployRequest, name: str, deployment: DeploymentSettings
    ) -> list[TargetPlan]:
        if request.all_locations:
            found = await self._catalog.all_locations(request.ref)
        else:
            found = await self._catalog.find(request.locations, request.ref)
        if not found:
            raise UsageError("No code location was named.")
        if len(found) > 1 and request.code.of_one_location:
            raise UsageError(
                f"`{request.code.of_one_location[0]}` can't be meant for {len(found)} locations.",
                next_step="Say it for one location, or in `dagster_cloud.yaml` for each.",
            )
        projects = sorted({project for project in found.values() if project})
        if request.ref and len(projects) > 1:
            raise MixedProjects(
                f"@{request.ref} can't be meant for {len(projects)} projects "
                f"({', '.join(projects)})."
            )
        image_only = request.image is not None and request.ref is None and not request.code.said
        read: dict[str, ProjectAtRef] = {}
        if image_only:
            now = await self._now(name)
            if not all(location in now.documents for location in found):
                read = await self._files(projects, request.ref)
        else:
            # The server of git and Dagster+ are asked at the same time: each may be slow.
            now, read = await all_of(self._now(name), self._files(projects, request.ref))
        artifacts = self._artifacts(name)
        plans = []
        for location, project in found.items():
            if image_only and request.image and location in now.documents:
                repository = repository_of(now.documents[location].get("image"))
                image, risk = await artifacts.find(full_image(request.image, repository))
                plan = self._new_image(location, project, image, deployment, now)
                plans.append(
                    plan.model_copy(update={"risks": (*plan.risks, *((risk,) if risk else ()))})
                )
            elif project is None:
                raise self._unknown(location, now)
            else:
                file = read[project]
                artifact = await artifacts.of_file(
                    file,
                    _with_code(file, location, request.code),
                    request.image,
                    rebuild=request.rebuild,
                    code=request.code,
                )
                plans.append(await self._from_file(file, location, name, artifact, deployment, now))
        return plans

    def _artifacts(self, deployment: str) -> ArtifactPlans:
        return ArtifactPlans(self._images, self._pex, self._serverless, self._mirrors, deployment)

    async def _files(self, projects: list[str], ref: str | None) -> dict[str, ProjectAtRef]:
        files = await all_of(*(self._catalog.read(project, ref) for project in projects))
        return {file.project: file for file in files}

    async def _from_file(
        self,
        file: ProjectAtRef,
        location: str,
        name: str,
        artifact: ArtifactPlan,
        deployment: DeploymentSettings,
        now: Now,
    ) -> TargetPlan:
        live = now.live(location)
        document = merge_documents(
            applied=await self._store.applied.file_document(name, location),
            live=live.document if live else None,
            wanted=artifact.document,
        )
        old, new = live.version.commit if live else None, file.commit.sha
        between = None
        if old and old != new:
            between = await self._mirrors.commits_between(file.project, file.settings, old, new)
        risks = [*risks_of(document, live, now), *artifact.risks]
        if between and between.behind:
            risks.append(f"This goes back: the new version is {between.behind} commits behind.")
        deadline = file.settings.load_deadline.get(location, deployment.load_deadline)
        return TargetPlan(
            location=location,
            project=file.project,
            artifact=artifact.kind,
            document=document,
            version=version_of(document),
            live=live,
            changes=diff_documents(live.document if live else {}, document),
            commits=between.commits if between else (),
            commits_total=between.total if between else 0,
            compare_url=compare_url(file.settings, old, new) if between and old else None,
            ref=file.ref,
            file_document=artifact.document,
            build=artifact.build,
            pex=artifact.pex,
            load_deadline=deadline * 60,
            risks=tuple(risks),
            steps=(*FIRST_STEPS[artifact.kind], *LAST_STEPS),
        )

    def _new_image(
        self,
        location: str,
        project: str | None,
        image: str,
        deployment: DeploymentSettings,
        now: Now,
    ) -> TargetPlan:
        document = with_image(now.documents[location], image)
        steps = (StepName.FIND_IMAGE, *LAST_STEPS)
        return plan_of_document(location, project, document, deployment, now, steps)

    def _again(self, location: str, deployment: DeploymentSettings, now: Now) -> TargetPlan:
        document = clean(now.documents[location])
        return plan_of_document(location, None, document, deployment, now, LAST_STEPS)

    async def _live_names(self, request: DeployRequest, now: Now) -> list[str]:
        if request.all_locations:
            return sorted(now.documents)
        names = [name.rpartition(":")[2] for name in request.locations]
        if not names:
            raise UsageError("No code location was named.")
        for name in names:
            if name not in now.documents:
                raise self._unknown(name, now)
        return list(dict.fromkeys(names))

    def _unknown(self, location: str, now: Now) -> UnknownLocation:
        names = {name for known in self._catalog.known.values() for name in known}
        failed = self._catalog.failures
        unread = (
            f" {len(failed)} projects could not be read: {', '.join(failed)}." if failed else ""
        )
        return UnknownLocation(
            f"There is no code location {location}.{unread}",
            choices=tuple(sorted(names | now.documents.keys())),
        )


def _with_code(file: ProjectAtRef, location: str, code: CodeOptions) -> FileLocation:
    """Return the file's location with what was said over it. One that the file doesn't have can be
    deployed too, if it is said where its code is."""
    known = any(one.name == location for one in file.locations)
    if not known and code.source is not None:
        found = FileLocation(location, {"location_name": location}, None)
    else:
        found = file.location(location)
    return replace(found, document=code.over(found.document))


def _updates(request: DeployRequest, targets: list[TargetPlan]) -> bool:
    """Tell whether adding would change a location that exists: its author must have seen how."""
    return request.kind is DeployKind.ADD and any(t.live and t.changes for t in targets)


def _with_put_back_failed(target: TargetPlan, deploy: int | None) -> TargetPlan:
    if deploy is None:
        return target
    risk = f"Deploy {deploy} failed and could not put this back: what is live is unknown."
    said = {"put_back_failed": deploy, "risks": (risk, *target.risks), "may_stay": False}
    return target.model_copy(update=said)
