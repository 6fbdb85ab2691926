"""Entry point of the CDK app: `cdk deploy -c stage=dev`."""

from __future__ import annotations

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks, ServerlessChecks

from infra.bundling.bundles import Bundles
from infra.stack import KeyrailStack
from infra.stages import STAGES, Stage


def stage_of(app: cdk.App) -> Stage:
    name = app.node.try_get_context("stage")
    if name not in STAGES:
        raise SystemExit(f"say which stage: -c stage={'|'.join(STAGES)} (got {name!r})")
    return STAGES[name]


def add_stack(app: cdk.App, stage: Stage, bundles: Bundles) -> KeyrailStack:
    # The bootstrap roles may not publish assets where the local cloud enforces IAM, so the caller's own
    # credentials do; on AWS the bootstrapped roles are the rule.
    synthesizer = cdk.CliCredentialsStackSynthesizer() if stage.local else cdk.DefaultStackSynthesizer()
    return KeyrailStack(app, f"keyrail-{stage.name}", stage=stage, bundles=bundles, synthesizer=synthesizer)


def add_checks(app: cdk.App) -> None:
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app, verbose=True))
    cdk.Validations.of(app).add_plugins(ServerlessChecks(app, verbose=True))


def main() -> None:
    app = cdk.App()
    stage = stage_of(app)
    add_stack(app, stage, Bundles.build(stage.target))
    add_checks(app)
    app.synth()


if __name__ == "__main__":
    main()
