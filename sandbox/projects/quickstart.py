"""The project `quickstart`: a small shop's orders.

`main` is good and has three commits, tagged v1, v2 and untagged. Every other branch starts from
main and doesn't load as it should: `broken` (a module is missing, deep in an import),
`needs-env` (an environment variable is absent), `duplicate-asset`, and `slow-import`.
"""

from sandbox.projects.history import Author, Commit

MAYA = Author("Maya Lindqvist", "maya@example.com")
TOMAS = Author("Tomás Rivera", "tomas@example.com")

_DAGSTER_CLOUD = """\
locations:
  - location_name: quickstart
    code_source:
      module_name: quickstart.definitions
"""

_README = """\
# quickstart

Orders of the shop, cleaned and added up, as one Dagster code location.
"""

_PYPROJECT = """\
[project]
name = "quickstart"
version = "0.1.0"
requires-python = ">=3.10"
dependencies = ["dagster"]
"""

_ORDERS = """\
import dagster as dg

ORDERS = [
    {"id": 1, "customer": "ada", "cents": 1250, "day": "2026-09-14"},
    {"id": 2, "customer": "grace", "cents": 4400, "day": "2026-09-14"},
    {"id": 3, "customer": "ada", "cents": -1, "day": "2026-09-15"},
    {"id": 4, "customer": "edsger", "cents": 900, "day": "2026-09-15"},
]


@dg.asset(group_name="orders")
def raw_orders() -> list[dict]:
    \"\"\"Orders as the shop exports them.\"\"\"
    return ORDERS


@dg.asset(group_name="orders")
def orders(raw_orders: list[dict]) -> list[dict]:
    \"\"\"Orders without the shop's test rows.\"\"\"
    return [order for order in raw_orders if order["cents"] > 0]
"""

_DEFINITIONS_V1 = """\
import dagster as dg

from quickstart.assets import orders

defs = dg.Definitions(assets=dg.load_assets_from_modules([orders]))
"""

_REVENUE = """\
import dagster as dg


@dg.asset(group_name="revenue")
def daily_revenue(orders: list[dict]) -> dict[str, int]:
    \"\"\"Cents earned on each day.\"\"\"
    days: dict[str, int] = {}
    for order in orders:
        days[order["day"]] = days.get(order["day"], 0) + order["cents"]
    return days
"""

_SCHEDULES = """\
import dagster as dg

daily_job = dg.define_asset_job("daily_job", selection="*")

every_morning = dg.ScheduleDefinition(
    name="every_morning", job=daily_job, cron_schedule="30 6 * * *"
)
"""

_DEFINITIONS_V2 = """\
import dagster as dg

from quickstart import schedules
from quickstart.assets import orders, revenue

defs = dg.Definitions(
    assets=dg.load_assets_from_modules([orders, revenue]),
    jobs=[schedules.daily_job],
    schedules=[schedules.every_morning],
)
"""

_CUSTOMERS = """

@dg.asset(group_name="revenue")
def best_customers(orders: list[dict]) -> list[str]:
    \"\"\"Customers by what they spent, the best first.\"\"\"
    spent: dict[str, int] = {}
    for order in orders:
        spent[order["customer"]] = spent.get(order["customer"], 0) + order["cents"]
    return sorted(spent, key=lambda customer: -spent[customer])
"""

_RATES = """\
class RatesUnavailable(Exception):
    \"\"\"No exchange rates, so nothing can be converted.\"\"\"


try:
    from forex_feed import latest_rates
except ModuleNotFoundError as missing:
    raise RatesUnavailable("exchange rates could not be set up") from missing


def to_euro(cents: int, currency: str) -> int:
    return round(cents * latest_rates()[currency])
"""

_REVENUE_IN_EURO = _REVENUE.replace(
    "import dagster as dg\n",
    "import dagster as dg\n\nfrom quickstart.pricing.rates import to_euro\n",
).replace('+ order["cents"]', '+ to_euro(order["cents"], "USD")')

_WAREHOUSE = """\
import os

WAREHOUSE_URL = os.environ["QUICKSTART_WAREHOUSE_URL"]
"""

_DUPLICATE = """\
import dagster as dg


@dg.asset(group_name="revenue")
def orders() -> int:
    \"\"\"How many orders there were.\"\"\"
    return 3
"""

_SLOW = """\
import threading

# The warehouse's catalogue is read here, which takes its time.
threading.Event().wait(12)
"""

_PACKAGE = "quickstart/definitions.py"


def quickstart_history() -> list[Commit]:
    """The commits of the project, main first."""
    revenue = _REVENUE + _CUSTOMERS
    return [
        Commit(
            branch="main",
            message="Read the shop's orders and clean them",
            author=MAYA,
            files={
                "README.md": _README,
                "dagster_cloud.yaml": _DAGSTER_CLOUD,
                "pyproject.toml": _PYPROJECT,
                "quickstart/__init__.py": "",
                "quickstart/assets/__init__.py": "",
                "quickstart/assets/orders.py": _ORDERS,
                _PACKAGE: _DEFINITIONS_V1,
            },
            tag="v1",
        ),
        Commit(
            branch="main",
            message="Add up daily revenue, every morning",
            author=TOMAS,
            files={
                "quickstart/assets/revenue.py": _REVENUE,
                "quickstart/schedules.py": _SCHEDULES,
                _PACKAGE: _DEFINITIONS_V2,
            },
            tag="v2",
        ),
        Commit(
            branch="main",
            message="List the best customers",
            author=MAYA,
            files={"quickstart/assets/revenue.py": revenue},
        ),
        Commit(
            branch="broken",
            starts_from="main",
            message="Count revenue in euro",
            author=TOMAS,
            files={
                "quickstart/assets/revenue.py": _REVENUE_IN_EURO + _CUSTOMERS,
                "quickstart/pricing/__init__.py": "",
                "quickstart/pricing/rates.py": _RATES,
            },
        ),
        _defective("needs-env", "Write to the warehouse", "warehouse", _WAREHOUSE),
        Commit(
            branch="duplicate-asset",
            starts_from="main",
            message="Count the orders",
            author=MAYA,
            files={
                "quickstart/assets/counts.py": _DUPLICATE,
                _PACKAGE: _DEFINITIONS_V2.replace(
                    "import orders, revenue", "import counts, orders, revenue"
                ).replace("[orders, revenue]", "[orders, revenue, counts]"),
            },
        ),
        _defective("slow-import", "Read the catalogue first", "catalogue", _SLOW),
    ]


def _defective(branch: str, message: str, module: str, text: str) -> Commit:
    """A commit in which the definitions import one more module."""
    return Commit(
        branch=branch,
        starts_from="main",
        message=message,
        author=TOMAS,
        files={
            f"quickstart/{module}.py": text,
            _PACKAGE: _DEFINITIONS_V2.replace("import schedules", f"import {module}, schedules"),
        },
    )
