"""What we sent last to each location, and what was last seen to be live."""

import sqlalchemy as sa

from deploy_core.clock import Clock
from deploy_core.model.plan import Document
from deploy_core.store.connection import Database
from deploy_core.store.tables import applied
from deploy_core.store.uninterrupted import uninterrupted


@uninterrupted
class Applied:
    """One row a location; the base of the next merge, and a last resort for going back."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def file_document(self, deployment: str, location: str) -> Document | None:
        """Return what the project's file said when we deployed the location last."""
        return await self._get(applied.c.file_document, deployment, location)

    async def file_documents(self, deployment: str) -> dict[str, Document]:
        """Return the same of every location that we have deployed from a file, by name."""
        query = sa.select(applied.c.location, applied.c.file_document).where(
            applied.c.deployment == deployment
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
        return {row.location: row.file_document for row in rows if row.file_document is not None}

    async def verified_document(self, deployment: str, location: str) -> Document | None:
        """Return the last document of the location that we saw live."""
        return await self._get(applied.c.verified_document, deployment, location)

    async def sent(
        self, deployment: str, location: str, deploy_id: int, file_document: Document | None
    ) -> None:
        """Note what the file said, once Dagster+ has accepted the document made from it."""
        await self._set(deployment, location, deploy_id, file_document=file_document)

    async def verified(
        self, deployment: str, location: str, deploy_id: int, document: Document
    ) -> None:
        """Note a document that was seen live."""
        await self._set(deployment, location, deploy_id, verified_document=document)

    async def _get(
        self, column: sa.Column[Document | None], deployment: str, location: str
    ) -> Document | None:
        query = sa.select(column).where(
            applied.c.deployment == deployment, applied.c.location == location
        )
        async with self._database.read() as connection:
            return (await connection.execute(query)).scalar()

    async def _set(
        self, deployment: str, location: str, deploy_id: int, **document: Document | None
    ) -> None:
        values = {"deploy_id": deploy_id, "at": self._clock.now(), **document}
        async with self._database.write() as connection:
            changed = await connection.execute(
                applied.update()
                .where(applied.c.deployment == deployment, applied.c.location == location)
                .values(values)
            )
            if not changed.rowcount:
                await connection.execute(
                    applied.insert().values(deployment=deployment, location=location, **values)
                )
