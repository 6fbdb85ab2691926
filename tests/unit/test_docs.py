"""What the documentation points to is there."""

import re
from pathlib import Path

import pytest

from keyrail.platform.logs import Entry
from tests.tables import PRETENDED, TABLES

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
DECISIONS = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")
NAMED = re.compile(r"`((?:tests|docs|infra|layers|functions|events|bench)/[\w./-]*)(?:::(\w+))?`")


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_into_the_repository_leads_somewhere(page: Path) -> None:
    links = [link for link in LINK.findall(page.read_text()) if "://" not in link and not link.startswith("mailto:")]
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_file_and_test_that_is_named_exists(page: Path) -> None:
    missing = [
        (path, test)
        for path, test in NAMED.findall(page.read_text())
        if not (ROOT / path).exists() or (test and f"def {test}(" not in (ROOT / path).read_text())
    ]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_make_target_that_is_named_exists(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text()
    named = set(re.findall(r"(?:`|^)make ([a-z]+)", page.read_text(), re.MULTILINE))
    assert {target for target in named if f"\n{target}:" not in makefile} == set()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_page_teaches_an_idempotency_key_that_can_be_guessed(page: Path) -> None:
    """Whoever sends an order's key and body again is given its access token."""
    taught = re.findall(r"Idempotency-Key: ([^\"\n]+)", page.read_text())
    assert [key for key in taught if key != "$(openssl rand -hex 16)"] == []


def test_each_decision_has_a_number_of_its_own_and_is_listed() -> None:
    """Several are made at the same time, so that a number may be missing for a while."""
    assert len({page.name[:4] for page in DECISIONS}) == len(DECISIONS)
    listed = (ROOT / "docs" / "adr" / "README.md").read_text()
    assert [page.name for page in DECISIONS if page.name not in listed] == []


@pytest.mark.parametrize("page", DECISIONS, ids=name_of)
def test_a_decision_says_why_what_at_what_cost_and_how_it_is_checked(page: Path) -> None:
    headings = re.findall(r"^## (.+)$", page.read_text(), re.MULTILINE)
    assert headings == ["Context", "Decision", "What it costs", "The check"]


def test_every_event_that_is_sent_is_in_the_architecture_and_no_other() -> None:
    sent = {schema.name.removesuffix(".schema.json") for schema in (ROOT / "events/domain").glob("*.schema.json")}
    page = (ROOT / "docs/architecture.md").read_text()
    table = page.partition("| events | when |")[2].partition("\n## ")[0]
    assert sorted(re.findall(r"`([\w.]+)`", table)) == sorted(sent)


def test_every_code_of_the_log_is_in_the_runbook_and_no_other() -> None:
    page = (ROOT / "docs/runbook.md").read_text()
    table = page.partition("| code | message | what it says |")[2].partition("\n\n")[0]
    codes = sorted(entry.value[0] for entry in Entry)
    assert sorted(re.findall(r"`(K\d{4})`", table)) == codes
    assert len(set(codes)) == len(codes), "one code, two messages"


def test_the_architecture_has_each_function_and_each_table_with_its_indexes_and_no_other() -> None:
    page = (ROOT / "docs/architecture.md").read_text()
    functions, tables = (
        page.partition(f"\n## {title}\n")[2].partition("\n## ")[0] for title in ("Functions", "Tables")
    )
    folders = {file.parent.name for file in (ROOT / "functions").glob("*/handler.py")}
    assert set(re.findall(r"^\| `(\w+)` \|", functions, re.MULTILINE)) == folders
    rows = re.findall(r"^\| `(\w+)` \|.*\|([^|]*)\|$", tables, re.MULTILINE)
    assert {name: set(re.findall(r"`(\w+)`", indexes)) for name, indexes in rows} == {
        name: set(indexes) for name, (_, _, indexes) in (TABLES | PRETENDED).items()
    }
