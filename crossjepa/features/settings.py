"""Settings of feature extraction."""

from crossjepa.settings import Section, setting


class FeaturesSettings(Section):
    """What the frozen encoder is asked for."""

    random_encoders: int = setting(3, "Random-weight encoders to stand beside ours.", "encoders", ge=1)
    turn_seed: int = setting(0, "Seeds what befalls each cloud in the `zz` and `partial` regimes.", ge=0)
