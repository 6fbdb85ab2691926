"""`make bench`: measure every budget, print a table, write `.local/bench.json`; ends 1 if one is not kept."""

import json
import os
import sys
from dataclasses import asdict

from botocore.config import Config
from botocore.session import get_session
from rich.console import Console
from rich.table import Table

from bench import batches, books, claims, imports, inquiries, orders, redemption, relay, starts
from bench.figures import Bench, Figure
from infra.bootstrap import ROOT
from infra.local.ministack import MiniStack
from infra.local.settings import ADMIN, REGION, STATE

PARTS = (orders, inquiries, claims, imports, redemption, batches, relay, books, starts)
REPORT = STATE / "bench.json"


def main() -> int:
    console = Console()
    cloud = MiniStack(STATE / "bench-cloud")
    endpoint = os.environ.get("KEYRAIL_TEST_ENDPOINT") or cloud.start(enforce_iam=False)
    try:
        figures = list(_measured(endpoint, console))
    finally:
        cloud.stop()
    _print(figures, console)
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(json.dumps([asdict(figure) | {"kept": figure.kept} for figure in figures], indent=1) + "\n")
    console.print(f"written to {REPORT.relative_to(ROOT)}")
    return 0 if all(figure.kept for figure in figures) else 1


def _measured(endpoint: str, console: Console) -> list[Figure]:
    session = get_session()

    def connect(service: str) -> object:
        return session.create_client(
            service,
            endpoint_url=endpoint,
            region_name=REGION,
            aws_access_key_id=ADMIN["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=ADMIN["AWS_SECRET_ACCESS_KEY"],
            config=Config(max_pool_connections=128),
        )

    figures = []
    with console.status("measuring") as status:
        bench = Bench(connect)
        for part in PARTS:
            for figure in part.figures(bench):
                status.update(f"measured: {figure.budget}")
                figures.append(figure)
    return figures


def _print(figures: list[Figure], console: Console) -> None:
    table = Table("budget", "measured", "limit", "", "how")
    for figure in figures:
        verdict = "" if figure.limit is None else "[green]kept" if figure.kept else "[red]broken"
        limit = "" if figure.limit is None else f"{figure.limit:g}"
        table.add_row(figure.budget, f"{figure.measured:g}", limit, verdict, figure.why)
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
