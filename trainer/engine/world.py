"""The processes that train one model together, one a GPU; nearly always one alone."""

from dataclasses import dataclass

from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel


@dataclass(frozen=True)
class World:
    """Rank `rank` of `size` processes.  All draw the same batches; each computes its share of every one."""

    rank: int = 0
    size: int = 1

    def wrap(self, model: nn.Module) -> nn.Module:
        """Return the model whose gradients are averaged over all processes; the model itself where alone."""
        if self.size == 1:
            return model
        cuda = next(model.parameters()).is_cuda
        if cuda:  # torch synchronizes batch statistics on CUDA only
            model = nn.SyncBatchNorm.convert_sync_batchnorm(model)  # type: ignore[no-untyped-call]
        return DistributedDataParallel(model)

    def check_batch(self, batch: int) -> None:
        """Raise ValueError for a batch that cannot be shared equally: its mean would not be the whole's."""
        if batch % self.size:
            raise ValueError(f"batch must be a multiple of the {self.size} processes, got {batch}")

    def share(self, images: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return this process's part of a batch."""
        return images[self.rank :: self.size], targets[self.rank :: self.size]

    def mean(self, figures: Tensor) -> Tensor:
        """Return the mean of a small tensor over all processes."""
        if self.size > 1:
            distributed.all_reduce(figures)
            figures /= self.size
        return figures


ALONE = World()
