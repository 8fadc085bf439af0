"""From the axis that points up in a file to the frame of this software."""

import numpy as np

# Each moves the named axis to +Y and keeps the frame right-handed.
UPRIGHT = {
    "x": np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]),
    "y": np.eye(3),
    "z": np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]]),
}
