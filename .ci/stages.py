"""Which stack is meant, for .ci/deploy and .ci/smoke: the stages of samconfig.toml, and those of
sam's options that say where a stack is.
"""

import argparse
import shlex
import sys
from pathlib import Path

import tomlkit

ROOT = Path(__file__).resolve().parent.parent
CONFIG = ROOT / "samconfig.toml"


def stages(config=CONFIG):
    """The parameters of `sam deploy` for each stage."""
    parsed = tomlkit.parse(config.read_text()).unwrap()
    named = {name: stage for name, stage in parsed.items() if name not in ("version", "default")}
    return {name: stage["deploy"]["parameters"] for name, stage in named.items()}


def of_stage(stage):
    known = stages()
    if stage not in known:
        sys.exit(f"samconfig.toml has no stage {stage}; it has {', '.join(sorted(known))}")
    return known[stage]


def named(stage, stack):
    """The name of the stack. Nothing is deployed as a stage without what the stage says."""
    if stage:
        return of_stage(stage)["stack_name"]
    of_stages = {parameters["stack_name"]: name for name, parameters in stages().items()}
    if not stack:
        known = ", ".join(f"STAGE={name}" for name in of_stages.values())
        sys.exit(f"which stack? Say {known}, or STACK=… for another one")
    if stack in of_stages:
        sys.exit(f"{stack} is the stack of a stage: say STAGE={of_stages[stack]}")
    return stack


def options(flags):
    """Of the options for sam, those that say which stack is meant, and whether it is changed."""
    parser = argparse.ArgumentParser(allow_abbrev=False, add_help=False)
    parser.add_argument("--no-execute-changeset", action="store_true")
    for option in ("--stack-name", "--region", "--profile"):
        parser.add_argument(option)
    return parser.parse_known_args(shlex.split(flags))[0]


def session(chosen):
    import boto3  # sam brings it; what is local needs none

    return boto3.Session(region_name=chosen.region, profile_name=chosen.profile)
