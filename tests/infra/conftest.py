"""The synthesised templates, each made once a session from empty bundles: no test here looks into a layer."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest

from infra.app import add_checks, add_stack
from infra.bootstrap import ROOT
from infra.bundling.bundles import Bundles
from infra.stages import STAGES
from tests.infra.template import Template


@pytest.fixture(scope="session")
def synthesise(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Template]:
    bundles = Bundles.hollow(tmp_path_factory.mktemp("bundles"))
    context: dict[str, Any] = json.loads((ROOT / "cdk.json").read_text())["context"]

    def synthesise(stage: str, *, checked: bool = False) -> Template:
        app = cdk.App(outdir=str(tmp_path_factory.mktemp(f"assembly-{stage}")), context=context)
        add_stack(app, STAGES[stage], bundles)
        if checked:
            add_checks(app)
        assembly = Path(app.synth().directory)
        return Template(json.loads(next(assembly.glob("*.template.json")).read_text()))

    return synthesise


@pytest.fixture(scope="session")
def prod(synthesise: Callable[..., Template]) -> Template:
    return synthesise("prod")


@pytest.fixture(scope="session")
def local(synthesise: Callable[..., Template]) -> Template:
    return synthesise("local")
