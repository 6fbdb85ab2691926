"""The deployment to the local cloud: the real app through the real command line, and nothing twice."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3

from infra.bundling.bundles import BUILD, ROOT, digest_of
from infra.local.settings import ACCOUNT, ADMIN, CDK, REGION, STACK_NAME, aws_environment
from infra.stages import CORS_HEADERS, LOCAL

_INPUTS = (
    "functions",
    "infra/app.py",
    "infra/bundling",
    "infra/constructs",
    "infra/functions",
    "infra/stack.py",
    "infra/stages.py",
    "layers",
    "cdk.json",
    "requirements/layer.txt",
    "package-lock.json",
)
"""All that the deployed stack is made of; not the commands around it."""
_DIGEST_TAG = "keyrail-content"
_DEPLOYED = ("CREATE_COMPLETE", "UPDATE_COMPLETE")


def client(service: str, endpoint: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=ADMIN["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=ADMIN["AWS_SECRET_ACCESS_KEY"],
    )


def content_digest(stage: str) -> str:
    return digest_of([ROOT / name for name in _INPUTS if (ROOT / name).exists()], stage, sys.version)


def assembly(stage: str) -> Path:
    """The synthesised app for a stage; synthesised only if what goes into it changed."""
    folder = BUILD / "assemblies" / f"{stage}-{content_digest(stage)}"
    whole = folder / "whole"
    with _alone():
        if whole.exists():
            return folder
        for old in folder.parent.glob(f"{stage}-*"):
            shutil.rmtree(old, ignore_errors=True)
        run_cdk("synth", "--quiet", "--context", f"stage={stage}", "--output", str(folder))
        whole.touch()
    return folder


@contextmanager
def _alone() -> Iterator[None]:
    """Tests and `make up` may want the same template at the same time; the system frees the lock after a kill."""
    BUILD.mkdir(exist_ok=True)
    with (BUILD / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def deploy(endpoint: str) -> None:
    make_asset_bucket(endpoint)
    run_cdk(
        "deploy", STACK_NAME, "--app", str(assembly("local")), "--require-approval", "never",
        "--parameters", f"LocalEndpoint={endpoint}",
        "--tags", f"{_DIGEST_TAG}={content_digest('local')}",
        "--progress", "events",
        endpoint=endpoint,
    )  # fmt: skip
    repair_cors(endpoint)


def make_asset_bucket(endpoint: str) -> None:
    """All that `cdk bootstrap` would be needed for; its roles may not publish assets where IAM is enforced."""
    s3 = client("s3", endpoint)
    name = f"cdk-hnb659fds-assets-{ACCOUNT}-{REGION}"
    if name not in {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}:
        s3.create_bucket(Bucket=name)


def repair_cors(endpoint: str) -> None:
    """Say CORS again: the local cloud keeps CloudFormation's spelling of it, and then refuses every origin."""
    client("apigatewayv2", endpoint).update_api(
        ApiId=outputs(endpoint)["ApiId"],
        CorsConfiguration={
            "AllowOrigins": list(LOCAL.cors_origins),
            "AllowMethods": ["*"],
            "AllowHeaders": list(CORS_HEADERS),
        },
    )


def outputs(endpoint: str) -> dict[str, str]:
    return {output["OutputKey"]: output["OutputValue"] for output in _stack(endpoint)["Outputs"]}


def is_current(endpoint: str) -> bool:
    """Whether the stack there is whole and made of what is in this folder now."""
    stack = _stack(endpoint)
    tags = {tag["Key"]: tag["Value"] for tag in stack.get("Tags", [])}
    return stack.get("StackStatus") in _DEPLOYED and tags.get(_DIGEST_TAG) == content_digest("local")


def is_broken(endpoint: str) -> bool:
    """A stack that a kill or a failure left half made: nothing can be deployed over it."""
    status = _stack(endpoint).get("StackStatus")
    return status is not None and status not in _DEPLOYED


def _stack(endpoint: str) -> dict[str, Any]:
    cloudformation = client("cloudformation", endpoint)
    try:
        stacks = cloudformation.describe_stacks(StackName=STACK_NAME)["Stacks"]
    except cloudformation.exceptions.ClientError:
        return {}
    return dict(stacks[0]) if stacks else {}


def run_cdk(*arguments: str, endpoint: str = "http://127.0.0.1:1") -> None:
    """Run the CDK; what it says is shown only if it fails, since a good deployment has nothing to say."""
    command: Sequence[str] = [
        str(CDK), *arguments, "--no-notices", "--no-version-reporting", "--no-color",
    ]  # fmt: skip
    environment = aws_environment(endpoint)
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    answer = subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    (BUILD / "cdk.log").write_text(answer.stdout)
    if answer.returncode != 0:
        raise RuntimeError(f"cdk {arguments[0]} failed:\n{answer.stdout[-6000:]}")
