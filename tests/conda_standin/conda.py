"""A stand-in for the command `conda`, as far as Snakemake calls it, on py-rattler's solver and installer.

Environments come from the local channel that CONDA_STANDIN_CHANNELS, a file:// address, holds.
"""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import yaml
from rattler import Channel, ChannelConfig, MatchSpec, Platform, VirtualPackage, install, solve

BASE = Path(__file__).resolve().parent.parent
KEYS = {"channels", "dependencies"}


def main(arguments: list[str]) -> None:
    """Answer one call.

    Raises:
        ValueError: if it is none that Snakemake makes, or an environment file is not as it should be.
    """
    match arguments:
        case ["--version"]:
            print("conda 26.0.0")
        case ["info", "--json"]:
            known = {"conda_prefix": str(BASE), "platform": str(Platform.current())}
            print(json.dumps({**known, "envs_dirs": [str(BASE / "envs")], "conda_version": "26.0.0"}))
        case ["config", "--get", "channel_priority", "--json"]:
            print(json.dumps({"get": {"channel_priority": "strict"}}))
        case ["env", "create", *options]:
            asyncio.run(create(Path(_value(options, "--file")), Path(_value(options, "--prefix"))))
        case ["clean", *_]:
            pass  # packages stay, to be linked into the next environment
        case _:
            raise ValueError(f"no such call here: {arguments}")


async def create(file: Path, prefix: Path) -> None:
    """Make the environment of a file, what pip adds to it included."""
    described = yaml.safe_load(file.read_text())
    if described.keys() != KEYS or described["channels"] != ["conda-forge", "nodefaults"]:
        raise ValueError(f"{file}: wants the keys {sorted(KEYS)} and the channels conda-forge, nodefaults")
    specs = [d for d in described["dependencies"] if isinstance(d, str)]
    from_pip = [line for d in described["dependencies"] if isinstance(d, dict) for line in d["pip"]]
    records = await solve(
        sources=[Channel("conda-forge", ChannelConfig(os.environ["CONDA_STANDIN_CHANNELS"]))],
        specs=[MatchSpec(spec, strict=True) for spec in specs],
        platforms=[Platform.current(), Platform("noarch")],
        virtual_packages=VirtualPackage.detect(),
    )
    await install(records=records, target_prefix=prefix, cache_dir=BASE / "packages", show_progress=False)
    if from_pip:
        pip = [str(prefix / "bin/python"), "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, *from_pip], check=True)


def _value(options: list[str], name: str) -> str:
    """What follows an option, or stands behind its equals sign."""
    for position, option in enumerate(options):
        if option == name:
            return options[position + 1]
        if option.startswith(f"{name}="):
            return option.partition("=")[2]
    raise ValueError(f"{name} is missing in {options}")


if __name__ == "__main__":
    status = 0
    try:
        main(sys.argv[1:])
    except Exception as error:
        print(f"stand-in conda: {type(error).__name__}: {error}", file=sys.stderr)
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # py-rattler 0.28 may crash while the interpreter ends
