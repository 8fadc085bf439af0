# Builds the run's plan and connects it to Snakemake. `crossjepa.workflow` has names, paths and checks.
import re
import shlex
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

ROOT = Path(workflow.current_basedir).parent.parent
sys.path.insert(0, str(ROOT))
from crossjepa.config import Config
from crossjepa.data.location import content_digest, downloads
from crossjepa.errors import UserError
from crossjepa.files import sha256_file
from crossjepa.settings import check
from crossjepa.workflow import inputs, paths
from crossjepa.workflow.checks import check_plan
from crossjepa.workflow.digest import code_digest
from crossjepa.workflow.paths import POINT_ARRAYS, TABLES, TARGET_ARRAYS
from crossjepa.workflow.plan import Plan
from crossjepa.workflow.resources import memory

try:
    CONFIG = check(Config, config, "configuration")
    PLAN = Plan(CONFIG)
    check_plan(PLAN)
except UserError as error:
    raise WorkflowError(str(error))

RUN = PLAN.paths
# What a rule can download, but for furniture, and a data set that each file belongs to.
DOWNLOADS = {
    f"{entry.kind}/{name}": dataset
    for dataset, entry in PLAN.sources.items()
    if entry.kind != "furniture"
    for name in downloads(entry)
}

# Jobs import the package from here, whether or not their environment has it. A prefix replaces Snakemake's strict
# mode, without which `| tee` would hide a failed command: so the prefix sets it again.
HERE = shlex.quote(str(ROOT)).replace("{", "{{").replace("}", "}}")
shell.prefix(
    f"set -euo pipefail; export PYTHONPATH={HERE}${{{{PYTHONPATH:+:$PYTHONPATH}}}}; "
)


def views(path):
    """Views are deleted once the teacher has embedded them, unless they are to be kept."""
    return path if CONFIG.render.keep_views else temp(path)


def of(name):
    """The artefact that a wildcard names."""
    return PLAN.artefacts[name]


def code(*commands, dataset=None):
    """Digest of the code of commands, and of the adapter of the data set, if they read one."""
    kind = PLAN.sources[dataset].kind if dataset else None
    return code_digest(
        *commands, modules=(f"crossjepa.data.sources.{kind}",) if kind else ()
    )


wildcard_constraints:
    **{
        kind: "|".join(map(re.escape, PLAN.names(kind)))
        for kind in ("scan", "catalog", "points", "targets", "sheet", "weights")
    },
    dataset="|".join(map(re.escape, PLAN.sources)),
    download="|".join(map(re.escape, DOWNLOADS)),
    shard=r"\d+",
    variant="|".join(map(re.escape, PLAN.variants)),
    encoder="|".join(map(re.escape, PLAN.variants)),
    seed=r"\d+",
    suite=r"linear|few_shot|label_efficiency|benchmark|inductive\d+|elsewhere|sweep",
    table="|".join(TABLES),
