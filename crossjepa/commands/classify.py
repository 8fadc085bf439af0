"""`crossjepa classify`"""

import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from crossjepa.audit.copies import find_copies, join_groups
from crossjepa.commands.encoding import AsJson, EncoderName, Folder, Labels, UpAxis, tell, tell_json
from crossjepa.errors import UserError
from crossjepa.inference.encoder import Encoder
from crossjepa.inference.folder import check_classes, describe_folder
from crossjepa.probe.predict import predict, write_predictions
from crossjepa.probe.settings import ProbeSettings


def classify(
    folder: Folder,
    output: Annotated[Path, typer.Option("--output", "-o", help="The .csv to write.")],
    encoder: EncoderName = None,
    labels: Labels = None,
    up: UpAxis = None,
    as_json: AsJson = False,
) -> None:
    """Predict the classes of a folder's unlabelled objects from those that are labelled.

    The CSV has the columns id, path, class, probability (empty where the class was given) and source (given
    or predicted). What accuracy to expect is printed, by cross-validation that keeps copies, and objects of
    one group, together; so are the objects that cannot be read, with the reasons.
    """
    if output.suffix != ".csv":
        raise UserError(f"{output}: its name must end in .csv")
    check_classes(folder, labels)
    found = describe_folder(Encoder.load(encoder), folder, labels, up)
    copies = find_copies(found.table["sha256"].tolist(), found.clouds, found.features)
    groups = join_groups(found.table["group"].to_numpy(str), copies)
    table, trust = predict(found.table, found.features, groups, ProbeSettings(), os.cpu_count() or 1)
    write_predictions(output, table)
    predicted = int((table["source"] == "predicted").sum())
    if as_json:
        done = {"output": str(output), "predicted": predicted, "trust": asdict(trust)}
        tell_json(done, found.reasons, [folder])
        return
    tell(f"{output}: {predicted} of {len(table)} objects predicted", found.reasons, [folder])
    typer.echo("\n".join(trust.lines))
