"""The contrastive half of PECL: distances between embeddings (equation 18) and what is made of them (equation 17)."""

from typing import Literal

import torch
from torch import Tensor

Distance = Literal["manhattan", "euclidean"]
Form = Literal["printed", "attract", "paired"]

# The root's derivative at 0 is infinite; this keeps it finite and changes no distance above 1e-4 by more than 1e-8.
_EPSILON = 1e-12


def embedding_distance(a: Tensor, b: Tensor, distance: Distance, scaled: bool) -> Tensor:
    """D between embeddings ``(..., d)`` of unit ℓ2 length, ``(...)``.

    ``scaled`` divides ℓ1 by √d, so that Manhattan like Euclidean lies in [0, 2] whatever d is; unscaled, ℓ1 reaches
    2√d.
    """
    difference = a - b
    if distance == "euclidean":
        # Subtracted again so that equal embeddings are exactly 0 apart.
        return (difference.square().sum(-1) + _EPSILON).sqrt() - _EPSILON**0.5
    manhattan = difference.abs().sum(-1)
    return manhattan / difference.shape[-1] ** 0.5 if scaled else manhattan


def contrastive_loss(sr: Tensor, hr: Tensor, *, form: Form, distance: Distance, margin: float = 2.0) -> Tensor:
    """The contrastive term over a batch of embeddings ``(N, d)``, a scalar.

    - ``printed``: mean of max(m − D, 0)² over (SR_i, HR_i), equation 17 as it stands. It *repels*: its derivative by D
      is −2(m − D) ≤ 0, so minimising it drives SR and HR apart.
    - ``attract``: mean of D² over (SR_i, HR_i), the similar-pair half of Hadsell, Chopra & LeCun (CVPR 2006).
    - ``paired``: ``attract`` plus the mean of max(m − D, 0)² over (SR_i, HR_j), j ≠ i: both halves.

    ``printed`` takes ℓ1 unscaled as the paper does; the other two scale it. Raises ValueError where ``paired`` gets a
    batch of one.
    """
    if form == "printed":
        return (margin - embedding_distance(sr, hr, distance, scaled=False)).clamp(min=0).square().mean()
    similar = embedding_distance(sr, hr, distance, scaled=True).square().mean()
    if form == "attract":
        return similar
    count = sr.shape[0]
    if count < 2:
        raise ValueError("the paired form needs a batch of at least two")
    every = embedding_distance(sr[:, None], hr[None, :], distance, scaled=True)  # (N, N)
    others = every[~torch.eye(count, dtype=torch.bool, device=every.device)]
    return similar + (margin - others).clamp(min=0).square().mean()
