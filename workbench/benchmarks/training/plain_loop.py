"""The benchmark's peer, a loop as tutorials write it: a DataLoader, Pillow for each picture, fp32."""

from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image, ImageEnhance, ImageOps
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from trainer.engine import schedules
from trainer.engine.networks import build as networks
from trainer.engine.networks.build import Classifier
from trainer.engine.recipe import Recipe
from workbench.benchmarks.training.digits import Pictures

PAD = 4
ENHANCERS = (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color)


@dataclass(frozen=True)
class Folder(Dataset[tuple[Tensor, int]]):
    """Pictures as float tensors (3, R, R) in [0, 1], read from their files each time, changed if `train`.

    A file of another size than R x R is shrunk by Pillow's anti-aliased bilinear.
    """

    pictures: Pictures
    side: int
    rng: np.random.Generator
    train: bool = True

    def __len__(self) -> int:
        return len(self.pictures.files)

    def __getitem__(self, number: int) -> tuple[Tensor, int]:
        with Image.open(self.pictures.files[number]) as file:
            image = file.convert("RGB")
        if image.size != (self.side, self.side):
            image = image.resize((self.side, self.side), Image.Resampling.BILINEAR)
        if self.train:
            image = self._changed(image)
        pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 255
        return pixels, int(self.pictures.labels[number])

    def _changed(self, image: Image.Image) -> Image.Image:
        left, top = self.rng.integers(0, 2 * PAD + 1, 2).tolist()
        image = ImageOps.expand(image, PAD).crop((left, top, left + self.side, top + self.side))
        if self.rng.random() < 0.5:
            image = ImageOps.mirror(image)
        for enhancer in ENHANCERS:
            image = enhancer(image).enhance(self.rng.uniform(0.8, 1.2))
        return image


class Plain(nn.Module):
    """The same network on float pictures (B, 3, R, R) in [0, 1], channels first."""

    def __init__(self, model: Classifier) -> None:
        super().__init__()
        self.model = model.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]

    def forward(self, images: Tensor) -> Tensor:
        features = self.model.features((images - 0.45) / 0.25)
        return self.model.head(self.model.dropout(features))  # type: ignore[no-any-return]


def train(pictures: Pictures, recipe: Recipe, n_classes: int, *, seed: int) -> Plain:
    """Train the recipe's network for the recipe's steps, by AdamW."""
    generator = torch.Generator().manual_seed(seed)
    model = Plain(networks.build(recipe, n_classes, generator)).train()
    loader = DataLoader(
        Folder(pictures, recipe.resolution, np.random.default_rng(seed)),
        recipe.batch,
        shuffle=True,
        drop_last=True,
        generator=generator,
    )
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=recipe.weight_decay)
    loss_of = nn.CrossEntropyLoss(label_smoothing=recipe.label_smoothing)
    step, steps = 0, recipe.steps(len(pictures.files))
    while step < steps:
        for images, labels in loader:
            step += 1
            for group in optimizer.param_groups:
                group["lr"] = schedules.learning_rate(recipe, step, steps)
            optimizer.zero_grad()
            loss_of(model(images), labels).backward()
            optimizer.step()
            if step == steps:
                break
    return model.eval()


@torch.inference_mode()
def accuracy(model: Plain, pictures: Pictures, side: int) -> float:
    """Return the share of pictures that the model names rightly."""
    loader = DataLoader(Folder(pictures, side, np.random.default_rng(0), train=False), 256)
    right = sum(int((model(images).argmax(1) == labels).sum()) for images, labels in loader)
    return right / len(pictures.files)
