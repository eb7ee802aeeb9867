"""Settings of training, apart from its work, so that a command line can list them at once."""

from __future__ import annotations

from dataclasses import dataclass, field

from simulation.draw import Simulation

# fmt: off
CHANNELS = ("blue", "green", "red", "swir1", "ndsi", "ndglai", "blue_red",
            "thermal.scene", "thermal.diff61",
            "green.diff21", "green.diff61", "swir1.diff21", "green.std7")
# fmt: on

TRAINING_OPTIONS = {  # of the settings, what a command line can change
    "steps": "of the optimiser",
    "batch": "crops in a step",
    "crop": "side of the training crops, a multiple of 32",
    "encoder": "of the network: lite0 or lite2",
}


@dataclass(frozen=True)
class TrainerSettings:
    """How a network is trained, whatever it is and whatever it sees."""

    steps: int
    learning_rate: float = 1e-3
    warmup: float = 0.15  # share of the steps until the learning rate is reached
    weight_decay: float = 1e-2
    average: float = 0.99  # decay of the moving average of the weights
    mixed_precision: bool = True  # bfloat16, on devices that compute in it
    evaluate_every: int = 150
    checkpoint_every: int = 100
    loss: str = "bce_dice"
    optimiser: str = "adamw"
    schedule: str = "one_cycle"
    clip: float = 1.0  # largest norm of the gradient; 0: any
    patience: int = 0  # evaluations without a better score after which training ends; 0: never
    keep_best: bool = False  # the average with the best score is chosen, not the last one
    head_factor: float = 1.0  # times the learning rate, for all but the network's encoder


@dataclass(frozen=True)
class Augmentation:
    """How far a sample may be changed; standard deviations are of normal draws, shares are probabilities."""

    gain: float = 0.10  # log gain of all reflectances
    band_gain: float = 0.03  # log gain of each reflectance
    haze: float = 0.008  # added reflectance
    thermal_shift: float = 1.5  # kelvin, on differences from the scene's median
    context_gain: float = 0.10  # log gain of differences and textures
    rank_gamma: float = 0.15  # log exponent on ranks
    drop_thermal: float = 0.2
    drop_ranks: float = 0.1
    scale: float = 0.5  # share of samples resampled
    scale_range: tuple[float, float] = (0.7, 1.4)


@dataclass(frozen=True)
class TrainingConfig:
    """All settings of a training run; stored in its checkpoint and in the model."""

    channels: tuple[str, ...] = CHANNELS
    encoder: str = "lite0"  # of EfficientNet-Lite
    steps: int = 1000
    batch: int = 8
    crop: int = 256
    learning_rate: float = 1e-3
    warmup: float = 0.15
    weight_decay: float = 1e-2
    average: float = 0.99
    imagenet: bool = True
    mixed_precision: bool = True
    seed: int = 0
    extra_share: float = 0.3  # of the samples, where there are extra tiles
    simulated_share: float = 0.4  # of the samples: the training tiles as other scenes would show them
    simulation: Simulation = field(default_factory=Simulation)
    drawn_share: float = 0.0  # of the samples: chips that are drawn on, half of it in place of training tiles
    coloured: int = 0  # copies of each tile with the histograms of unlabelled chips, among the simulated ones
    weight: float = 1.0  # of what it ends with, in the mean of a network's rounds
    evaluate_every: int = 250
    checkpoint_every: int = 100
    augmentation: Augmentation = field(default_factory=Augmentation)

    @property
    def trainer(self) -> TrainerSettings:
        """What of it the trainer needs."""
        return TrainerSettings(
            self.steps,
            self.learning_rate,
            self.warmup,
            self.weight_decay,
            self.average,
            self.mixed_precision,
            self.evaluate_every,
            self.checkpoint_every,
        )
