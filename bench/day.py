"""`make day`: a simulated day of recharges over five suppliers with outages, and what came of every unit."""

import os
import sys

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from tests.day_of_recharges import Day, simulation

UNITS = 100_000
LISTED = 10


def main() -> int:
    os.environ["POWERTOOLS_LOG_LEVEL"] = "CRITICAL"
    units = int(sys.argv[1]) if len(sys.argv) > 1 else UNITS
    console = Console()
    with simulation(units) as simulated, Progress(console=console) as progress:
        task = progress.add_task(f"a day of {units:,} recharges", total=units)
        for _ in simulated.run():
            progress.update(task, completed=simulated.bought + simulated.turned_away)
        day = simulated.day()
    _print(day, console)
    return 1 if day.broken else 0


def _print(day: Day, console: Console) -> None:
    ends = Table("unit", "number", "share", title=f"{day.units:,} recharges")
    for end in ("delivered", "refunded", "queued", "forgotten"):
        ends.add_row(end, f"{day.ended[end]:,}", f"{day.ended[end] / day.units:.3%}")
    console.print(ends)
    console.print(f"turned away before they paid, while nobody could supply it: {day.turned_away:,}")
    calls = Table("supplier", "orders sent to it", "of them in each of its outages")
    for name, during in day.during.items():
        calls.add_row(name, f"{day.attempts[name]:,}", ", ".join(str(during[each]) for each in sorted(during)))
    console.print(calls)
    console.print(f"promises broken: {len(day.broken)}")
    for each in day.broken[:LISTED]:
        console.print(f"  {each}")


if __name__ == "__main__":
    sys.exit(main())
