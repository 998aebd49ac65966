"""The one power law that sums up a curve: what an allocation of labels reckons with."""

import numpy as np

from trainer.curves.families import TYPICAL, RatePrior, with_prior
from trainer.curves.fit import MISFITS, Points, posterior
from trainer.curves.outlook import Law


def law(points: Points, rates: RatePrior = TYPICAL) -> Law:
    """Return the power law that keeps pow3's posterior means: floor, error and slope at the largest size.

    In x = n / largest size pow3 reads floor + scale * x^-rate.  Floor and scale are averaged over pow3's
    posterior alone; the rate is averaged by scale, so that scale * rate, the slope at x = 1, is the
    posterior's mean too.  scale is then turned into labels.
    """
    pow3 = next(family for family in with_prior(rates) if family.name == "pow3")
    phi = pow3.shape(points.n / points.n[-1])
    found = [posterior(pow3, phi, points, misfit, chance_error=1.0) for misfit in MISFITS]  # not anchored
    log_weight = np.concatenate([log for _, log in found])
    floor, scale = (np.concatenate([linear[k] for linear, _ in found]) for k in (0, 1))
    weight = np.exp(log_weight - log_weight.max())
    heights = weight * scale if (weight * scale).sum() > 0 else weight
    rate = float(np.average(np.tile(pow3.rates, len(MISFITS)), weights=heights))
    height = float(np.average(scale, weights=weight)) * float(points.n[-1]) ** rate
    return Law(float(np.average(floor, weights=weight)), height, rate)
