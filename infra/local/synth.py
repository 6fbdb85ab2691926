"""`make synth`: the templates of all stages, with cdk-nag's verdict; a finding without a reason fails it."""

from __future__ import annotations

import sys

from infra.bootstrap import ROOT
from infra.bundling.bundles import Bundles
from infra.bundling.packages import size_mb
from infra.local import deployment
from infra.local.up import step
from infra.stages import STAGES


def main() -> int:
    for stage in STAGES.values():
        try:
            with step(f"template of {stage.name}") as note:
                bundles = Bundles.build(stage.target)
                folder = deployment.assembly(stage.name)
                note(f"dependencies layer {size_mb(bundles.dependencies):.1f} MB")
        except RuntimeError as error:
            print(error)
            return 1
        print(f"  {folder.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
