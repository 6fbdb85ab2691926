"""Where infrastructure and runtime meet: the variables that one sets are those that the other reads."""

from __future__ import annotations

import importlib
from dataclasses import MISSING, fields

import pytest

from infra.bundling.bundles import function_names
from keyrail.platform.metrics import NAMESPACE, Metric
from tests.infra.template import Template

_OF_EVERY_FUNCTION = {
    "KEYRAIL_STAGE",
    "POWERTOOLS_LOG_LEVEL",
    "POWERTOOLS_METRICS_NAMESPACE",
    "POWERTOOLS_SERVICE_NAME",
}


@pytest.mark.parametrize("name", function_names())
def test_a_function_is_given_the_settings_that_it_reads_and_no_others(
    prod: Template, local: Template, name: str
) -> None:
    settings = importlib.import_module(f"functions.{name}.handler").Settings
    read = {field.name.upper(): field.default is MISSING for field in fields(settings)}
    deployed = (local.functions() | prod.functions())[name]
    given = set(deployed.properties["Environment"]["Variables"]) - _OF_EVERY_FUNCTION
    assert {variable for variable, required in read.items() if required} <= given <= set(read)


def test_every_metric_that_the_functions_write_rings(prod: Template) -> None:
    watched = {
        alarm.properties["MetricName"]
        for alarm in prod.all("AWS::CloudWatch::Alarm")
        if alarm.properties.get("Namespace") == NAMESPACE
    }
    assert watched == set(Metric)


def test_the_template_has_exactly_the_functions_of_the_repository_and_production_has_no_sandbox(
    prod: Template, local: Template
) -> None:
    assert sorted(local.functions()) == function_names()
    assert sorted({*prod.functions(), "payment_sandbox", "supplier_sandbox"}) == function_names()
