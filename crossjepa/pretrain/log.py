"""The training log: JSON lines for programs, TensorBoard for people."""

import json
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter


class TrainingLog:
    """Appends one record at a time; on resuming, records after the checkpoint's step are dropped."""

    def __init__(self, folder: Path, resume_step: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.file = folder / "metrics.jsonl"
        kept = [record for record in self._records() if record["step"] <= resume_step]
        self.file.write_text("".join(json.dumps(record) + "\n" for record in kept))
        self.board = SummaryWriter(str(folder / "tensorboard"), purge_step=resume_step + 1)

    def _records(self) -> list[dict[str, float]]:
        if not self.file.exists():
            return []
        complete = self.file.read_text().rpartition("\n")[0]  # a killed run may leave half a line
        return [json.loads(line) for line in complete.splitlines()]

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
