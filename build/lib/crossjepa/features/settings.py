"""Settings of feature extraction."""

from crossjepa.settings import Section, setting


class FeaturesSettings(Section):
    """Which features are extracted."""

    random_encoders: int = setting(3, "Encoders with random weights, a baseline.", "encoders", ge=1)
    turn_seed: int = setting(0, "Seed for test-time rotation and cropping (`zz`, `partial`).", ge=0)
