"""`crossjepa audit`"""

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from crossjepa.audit.findings import audit as find_faults
from crossjepa.audit.page import check_formats, draw_pictures, write_audit
from crossjepa.commands.encoding import AsJson, EncoderName, Folder, Labels, UpAxis
from crossjepa.inference.encoder import Encoder
from crossjepa.inference.folder import describe_folder
from crossjepa.inference.objects import passed_over
from crossjepa.probe.settings import ProbeSettings


def audit(
    folder: Folder,
    output: Annotated[
        list[Path], typer.Option("--output", "-o", help="The .html or .csv to write; repeat it for both.")
    ],
    encoder: EncoderName = None,
    labels: Labels = None,
    up: UpAxis = None,
    as_json: AsJson = False,
) -> None:
    """Find faults in a folder: broken files, copies, outliers, labels that look wrong.

    Copies are equal files, equal shapes, and shapes that were turned, scaled or meshed anew; those with one
    in train and the other in test are listed again. Nothing in the folder is changed.
    """
    check_formats(output)
    objects = describe_folder(Encoder.load(encoder), folder, labels, up)
    found = find_faults(objects, ProbeSettings(), os.cpu_count() or 1)
    pages = any(path.suffix == ".html" for path in output)
    pictures = draw_pictures(objects, found.findings) if pages else {}
    for path in output:
        write_audit(path, found, str(folder), pictures)
    if as_json:
        done = {"output": [str(path) for path in output], "objects": found.objects, "notes": found.notes}
        typer.echo(json.dumps(done | {"counts": found.counts, "passed_over": passed_over([folder])}))
        return
    written = ", ".join(map(str, output))
    typer.echo("\n".join([f"{written}: {found.lines[0]}", *found.lines[1:], *passed_over([folder])]))
