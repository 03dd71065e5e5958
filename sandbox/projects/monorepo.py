"""The project `monorepo`: three code locations, core, marts and ml, in one repository.

`main` is good; its last commit changes `marts` alone. On the branch `marts-broken` all three
change and `marts` doesn't load.
"""

from sandbox.projects.history import Author, Commit

PRIYA = Author("Priya Natarajan", "priya@example.com")
JONAS = Author("Jonas Weber", "jonas@example.com")

_DAGSTER_CLOUD = """\
defaults:
  container_context:
    k8s:
      namespace: data-platform
      env_vars:
        - ENVIRONMENT=production

locations:
  - location_name: core
    code_source:
      module_name: core.definitions
    working_directory: core

  - location_name: marts
    code_source:
      module_name: marts.definitions
    working_directory: marts

  # Training reads twice as much as the others.
  - location_name: ml
    code_source:
      module_name: ml.definitions
    working_directory: ml
    container_context:
      k8s:
        env_vars:
          - BATCH_ROWS=200000
"""

_README = """\
# data platform

Three code locations: `core` reads the sources, `marts` builds tables for people, `ml` trains.
"""

_CORE = """\
import dagster as dg


@dg.asset(group_name="sources")
def customers() -> list[str]:
    return ["ada", "edsger", "grace"]


@dg.asset(group_name="sources")
def events(customers: list[str]) -> list[dict]:
    return [{"customer": customer, "clicks": len(customer)} for customer in customers]


refresh_sources = dg.define_asset_job("refresh_sources", selection="*")

defs = dg.Definitions(
    assets=[customers, events],
    jobs=[refresh_sources],
    schedules=[dg.ScheduleDefinition(job=refresh_sources, cron_schedule="0 * * * *")],
)
"""

_MARTS = """\
import dagster as dg

from marts.tables import clicks_by_customer

defs = dg.Definitions(assets=[clicks_by_customer])
"""

_TABLES = """\
import dagster as dg


@dg.asset(group_name="marts", deps=["events"])
def clicks_by_customer() -> dict[str, int]:
    return {"ada": 3, "edsger": 6, "grace": 5}
"""

_TABLES_AND_WEEKS = (
    _TABLES
    + """

@dg.asset(group_name="marts", deps=["events"])
def clicks_by_week() -> dict[str, int]:
    return {"2026-W37": 14}
"""
)

_ML = """\
import dagster as dg


@dg.asset(group_name="models", deps=["clicks_by_customer"])
def churn_model() -> dict[str, float]:
    return {"threshold": 0.35}


defs = dg.Definitions(assets=[churn_model])
"""

_COLUMNS = """\
COLUMNS = {"customer": "text", "clicks": "integer"}


def column_type(name: str) -> str:
    return COLUMNS[name]
"""

_TABLES_BROKEN = """\
import dagster as dg

from marts.columns import column_type

CLICKS = column_type("clics")


@dg.asset(group_name="marts", deps=["events"], metadata={"type": CLICKS})
def clicks_by_customer() -> dict[str, int]:
    return {"ada": 3, "edsger": 6, "grace": 5}
"""


def monorepo_history() -> list[Commit]:
    """The commits of the project, main first."""
    return [
        Commit(
            branch="main",
            message="Three locations: core, marts, ml",
            author=PRIYA,
            files={
                "README.md": _README,
                "dagster_cloud.yaml": _DAGSTER_CLOUD,
                "core/core/__init__.py": "",
                "core/core/definitions.py": _CORE,
                "marts/marts/__init__.py": "",
                "marts/marts/definitions.py": _MARTS,
                "marts/marts/tables.py": _TABLES,
                "ml/ml/__init__.py": "",
                "ml/ml/definitions.py": _ML,
            },
            tag="v1",
        ),
        Commit(
            branch="main",
            message="marts: clicks by week",
            author=JONAS,
            files={
                "marts/marts/definitions.py": _MARTS.replace(
                    "import clicks_by_customer", "import clicks_by_customer, clicks_by_week"
                ).replace("[clicks_by_customer]", "[clicks_by_customer, clicks_by_week]"),
                "marts/marts/tables.py": _TABLES_AND_WEEKS,
            },
            tag="v2",
        ),
        Commit(
            branch="marts-broken",
            starts_from="main",
            message="Types for every column",
            author=JONAS,
            files={
                "core/core/definitions.py": _CORE.replace("0 * * * *", "*/30 * * * *"),
                "marts/marts/columns.py": _COLUMNS,
                "marts/marts/definitions.py": _MARTS,
                "marts/marts/tables.py": _TABLES_BROKEN,
                "ml/ml/definitions.py": _ML.replace("0.35", "0.4"),
            },
        ),
    ]
