"""The rules of what people do: they deploy, confirm, stop, roll back, and press buttons."""

import asyncio
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, multiple, rule

from deploy_core.model.deploys import Stop
from deploy_core.model.documents import version_of
from deploy_core.model.people import Actor
from deploy_core.model.plan import (
    ArtifactKind,
    DeployKind,
    DeployPlan,
    DeployRequest,
    StepName,
    TargetPlan,
)
from tests.simulation.stage import Stage, deployments, locations, mostly_good, number
from tests.simulation.world import LOAD_MINUTES, document, place
from tests.support.plans import ADA, GRACE

people = st.sampled_from([ADA, GRACE])


class People(Stage):
    """`deploys` are the numbers of those that were started."""

    deploys: ClassVar[Bundle[int]] = Bundle("deploys")

    @rule(
        target=deploys,
        where=deployments,
        what=st.sets(locations, min_size=1),
        by=people,
        broken=mostly_good,
        which=number,
    )
    def deploy(self, where: str, what: set[str], by: Actor, broken: bool, which: int) -> Any:
        return self._deploy(where, what, by, broken=broken, which=which)

    def _deploy(self, where: str, what: set[str], by: Actor, *, broken: bool, which: int) -> Any:
        """`/dagster deploy --image`; what isn't there yet is a first deploy, from a file."""
        process, image = self.process(which), self.world.new_image(broken=broken)
        if process is None:
            return multiple()
        there = all(self.world.dagster.document_of(where, name) for name in what)
        request = DeployRequest(
            kind=DeployKind.DEPLOY,
            actor=by,
            locations=tuple(sorted(what)),
            deployment=where,
            image=image,
        )
        if there:
            work = process.engine.start(request, place())
        else:
            plan = _first(where, sorted(what), image)
            work = process.engine.start_plan(plan, request, place=place())
        started = self.ask(process, f"deploy {image[-64:-60]} to {where} {sorted(what)}", work)
        return started.id if started else multiple()

    @rule(
        target=deploys,
        what=locations,
        broken=mostly_good,
        which=number,
        seconds=st.sampled_from([0.1, 0.5, 2.0, 5.0]),
    )
    def deploy_one_and_wait(self, what: str, broken: bool, which: int, seconds: float) -> Any:
        started = self._deploy("prod", {what}, ADA, broken=broken, which=which)
        self.do(asyncio.sleep(seconds))
        return started

    @rule(target=deploys, where=deployments, what=locations, by=people, which=number)
    def redeploy(self, where: str, what: str, by: Actor, which: int) -> Any:
        """The live document again."""
        process = self.process(which)
        if process is None:
            return multiple()
        request = DeployRequest(
            kind=DeployKind.REDEPLOY, actor=by, locations=(what,), deployment=where
        )
        started = self.ask(process, f"redeploy {what}", process.engine.start(request, place()))
        return started.id if started else multiple()

    @rule(target=deploys, behind=deploys, by=people, which=number)
    def roll_back(self, behind: int, by: Actor, which: int) -> Any:
        """What was live before a deploy."""
        process = self.process(which)
        if process is None:
            return multiple()

        async def work() -> Any:
            request = await process.engine.back_behind(behind, by)
            return await process.engine.start(request, place())

        started = self.ask(process, f"roll back behind {behind}", work())
        return started.id if started else multiple()

    @rule(target=deploys, what=locations, broken=mostly_good, which=number)
    def deploy_and_confirm(self, what: str, broken: bool, which: int) -> Any:
        """To the protected deployment."""
        started = self._deploy("staging", {what}, ADA, broken=broken, which=which)
        process = self.process(which)
        if process is not None and isinstance(started, int):
            self.ask(process, f"confirm {started}", process.engine.confirm(started, ADA))
        return started

    @rule(deploy=deploys, by=people, which=number)
    def confirm(self, deploy: int, by: Actor, which: int) -> None:
        process = self.process(which)
        if process is not None:
            self.ask(process, f"confirm {deploy}", process.engine.confirm(deploy, by))

    @rule(deploy=deploys, by=people, stop=st.sampled_from(Stop), which=number)
    def stop(self, deploy: int, by: Actor, stop: Stop, which: int) -> None:
        process = self.process(which)
        if process is not None:
            self.ask(process, f"{stop.value} {deploy}", process.engine.stop(deploy, stop, by))

    @rule(deploy=deploys, which=number, other=number)
    def two_press_at_once(self, deploy: int, which: int, other: int) -> None:
        """Two people, two processes, one button: one of them is first."""
        pair = [self.process(which), self.process(other)]
        if pair[0] is None or pair[1] is None:
            return
        button = f"button {self.world.images}"
        first, second = pair[0], pair[1]
        what = (deploy, button)

        async def press() -> None:
            await asyncio.gather(
                *(
                    self.world.ask(each, f"{by.id} presses", each.store.deploys.press(*what, by))
                    for each, by in ((first, ADA), (second, GRACE))
                )
            )

        self.do(press())
        rows = self.world.watch.rows(
            "SELECT * FROM presses WHERE deploy_id = ? AND action = ?", deploy, button
        )
        assert len(rows) <= 1, rows


def _first(where: str, names: list[str], image: str) -> DeployPlan:
    return DeployPlan(
        kind=DeployKind.DEPLOY,
        deployment=where,
        protected=where == "staging",
        targets=tuple(
            TargetPlan(
                location=name,
                project=None,
                artifact=ArtifactKind.PREBUILT,
                document=document(name, image),
                version=version_of(document(name, image)),
                live=None,
                file_document=document(name, image),
                load_deadline=LOAD_MINUTES * 60,
                steps=(
                    StepName.FIND_IMAGE,
                    StepName.READ_LIVE,
                    StepName.APPLY,
                    StepName.WAIT,
                    StepName.VERIFY,
                ),
            )
            for name in names
        ),
    )
