"""How codes are written, and whether case tells two of them apart: said with a SKU, fixed for its issuer."""

import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from keyrail.catalog.model import CodeFormat, FieldFixed, Sku
from keyrail.platform.errors import FieldError, Invalid, KeyrailError
from tests.local_cloud import LocalCloud
from tests.world import OPERATOR, SKU, World


@pytest.fixture
def world(local_cloud: LocalCloud) -> World:
    world = World(local_cloud.client("dynamodb"), local_cloud.client("kms"))
    world.stock_up(1)
    return world


def another_sku(world: World, *, issuer: str, case_sensitive: bool) -> Sku:
    code_format = CodeFormat(case_sensitive=case_sensitive)
    sku_id = f"sku-{secrets.token_hex(4)}"
    return replace(world.catalog.sku(SKU), sku_id=sku_id, issuer=issuer, code_format=code_format)


def test_a_code_format_is_kept_with_its_sku(world: World) -> None:
    wanted = CodeFormat(pattern="[A-Z]{4}-[0-9]{4}", min_length=9, max_length=9)
    world.catalog.save_sku(replace(world.catalog.sku(SKU), code_format=wanted), OPERATOR)
    assert world.catalog.sku(SKU).code_format == wanted


def test_a_pattern_that_is_none_is_refused_and_the_sku_stays_as_it_was(world: World) -> None:
    standing = world.catalog.sku(SKU)
    with pytest.raises(Invalid) as refused:
        world.catalog.save_sku(replace(standing, code_format=CodeFormat(pattern="(?=A)A")), OPERATOR)
    assert refused.value.fields == (FieldError("code_format.pattern", "not_a_pattern_of_re2"),)
    assert world.catalog.sku(SKU) == standing


@pytest.mark.parametrize("first", [True, False])
def test_the_first_sku_of_an_issuer_fixes_whether_case_matters_for_all_others(world: World, first: bool) -> None:
    issuer = f"issuer-{secrets.token_hex(4)}"
    world.catalog.save_sku(another_sku(world, issuer=issuer, case_sensitive=first), OPERATOR)
    world.catalog.save_sku(another_sku(world, issuer=issuer, case_sensitive=first), OPERATOR)
    other = another_sku(world, issuer=issuer, case_sensitive=not first)
    with pytest.raises(FieldFixed) as refused:
        world.catalog.save_sku(other, OPERATOR)
    assert refused.value.fields == (FieldError("code_format.case_sensitive", "fixed_for_the_issuer"),)
    assert world.catalog.store.sku(other.sku_id) is None
    standing = world.catalog.store.issuer(issuer)
    assert standing
    assert (standing.case_sensitive, standing.changed_by) == (first, OPERATOR.by)


def test_a_sku_never_changes_its_rule_of_case(world: World) -> None:
    standing = world.catalog.sku(SKU)
    with pytest.raises(FieldFixed):
        world.catalog.save_sku(replace(standing, code_format=CodeFormat(case_sensitive=True)), OPERATOR)
    assert world.catalog.sku(SKU) == standing


def test_of_first_skus_that_disagree_and_are_saved_at_once_only_those_of_one_rule_get_in(world: World) -> None:
    issuer = f"issuer-{secrets.token_hex(4)}"
    skus = [another_sku(world, issuer=issuer, case_sensitive=bool(number % 2)) for number in range(8)]

    def save(sku: Sku) -> bool | None:
        try:
            return world.another_process().catalog.save_sku(sku, OPERATOR).case_sensitive
        except KeyrailError:
            return None

    with ThreadPoolExecutor(len(skus)) as people:
        saved = list(people.map(save, skus))
    assert sorted(map(str, saved)) in (["False"] * 4 + ["None"] * 4, ["None"] * 4 + ["True"] * 4)
