"""The training log: JSON lines for programs, TensorBoard for people."""

import json
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter


class TrainingLog:
    """Appends records; when a run resumes, records after the checkpoint's step are dropped first."""

    def __init__(self, folder: Path, resume_step: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.file = folder / "metrics.jsonl"
        written = self.file.read_text() if self.file.exists() else ""
        complete = written.rpartition("\n")[0].splitlines()  # a killed run may leave half a line
        kept = [line for line in complete if json.loads(line)["step"] <= resume_step]
        self.file.write_text("".join(line + "\n" for line in kept))
        self.board = SummaryWriter(str(folder / "tensorboard"), purge_step=resume_step + 1)

    def write(self, record: dict[str, float]) -> None:
        """Append `record`, which has a `step`, to both logs."""
        with self.file.open("a") as lines:
            lines.write(json.dumps(record) + "\n")
        for name, value in record.items():
            if name not in ("step", "epoch"):
                self.board.add_scalar(f"pretrain/{name}", value, int(record["step"]))

    def close(self) -> None:
        """Flush and close TensorBoard's file."""
        self.board.close()
