"""LCOFL, the layout and character oriented focal loss, for Chinese plates.

After Nascimento et al., "Enhancing License Plate Super-Resolution: A Layout-Aware and Character-Driven Approach",
SIBGRAPI 2024: a classification loss whose weights follow the confusions, a layout penalty, and 1 − SSIM, with the
reader as the discriminator of a GAN. What differs here stands at each part.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.func import functional_call
from torch.nn import functional as F

from lpsr.losses.criterion import Criterion, LossConfig
from lpsr.losses.ssim import ssim
from lpsr.models.recogniser import NOTHING, POSITIONS, UNKNOWN, Recogniser, encode, recognition_loss
from lpsr.models.restorer import to_tensor
from lpsr.plates import ALPHABET, LENGTHS, alphabet_at

# The most that a character weighs: in a long run those that LR never shows would else silence all others.
MOST_WEIGHT = 5.0


def confusion_weights(confusion: Tensor, weights: Tensor, step: float) -> Tensor:
    """The weights of characters ``(K,)`` after a validation, from what was read for what.

    ``confusion`` ``(K, K)`` counts: row the true character, column what was read. Of a pair, the share that is confused
    is (C_ab + C_ba) / (n_a + n_b), n the counts of the true characters. Both weigh ``step`` times that more, over all
    their pairs, up to ``MOST_WEIGHT``.

    In the paper the weights start at 1 and those of a pair that the confusion matrix of an epoch shows rise by a fixed
    amount, however often it was confused; here a pair counts by how often.
    """
    errors = confusion.float() * (1 - torch.eye(len(confusion), device=confusion.device))
    seen = confusion.float().sum(1)
    shares = (errors + errors.T) / (seen[:, None] + seen[None, :]).clamp(min=1)
    return (weights + step * shares.sum(1)).clamp(max=MOST_WEIGHT)


def classification_loss(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Mean cross-entropy over characters, each with the weight of the true one; 0 where every text is unknown.

    Logits ``(N, 8, 66)``, labels ``(N, 8)``, weights ``(66,)``. The paper's code compares the characters that were
    decoded, through which no gradient passes; this takes the probabilities.
    """
    entropies = F.cross_entropy(logits.flatten(0, 1).float(), labels.flatten(), ignore_index=UNKNOWN, reduction="none")
    known = labels.flatten() != UNKNOWN
    own = weights[labels.flatten().clamp(min=0)] * known
    return (own * entropies).sum() / own.sum().clamp(min=1)


def layout_penalty(logits: Tensor) -> Tensor:
    """The mean probability, over positions of logits ``(N, 8, 66)``, of what cannot stand there; [0, 1].

    The paper punishes a letter in a digit's place and the reverse. A Chinese plate has a province, a letter, then
    letters and digits alike; nothing is allowed at the eighth position alone.
    """
    return (torch.softmax(logits.float(), -1) * _forbidden().to(logits.device)).sum(-1).mean()


def _forbidden() -> Tensor:
    """``(8, 66)``, 1 for the classes that cannot stand at a position."""
    forbidden = torch.ones(POSITIONS, NOTHING + 1)
    for position in range(POSITIONS):
        forbidden[position, [ALPHABET.index(character) for character in alphabet_at(position)]] = 0
        if position >= min(LENGTHS):
            forbidden[position, NOTHING] = 0
    return forbidden


class LcoflLosses(NamedTuple):
    """Scalars of one batch.

    Attributes:
        total: what is minimised: the network's loss and, of an adversary, its own.
        recognition: the weighted cross-entropy of a character in nats.
        layout: the probability of what cannot stand where it is read. dissimilarity: 1 − SSIM.
        adversary: the recogniser's own loss, the cross-entropies off HR and off SR together; 0 of a frozen one.
    """

    total: Tensor
    pixel: Tensor
    recognition: Tensor
    layout: Tensor
    dissimilarity: Tensor
    adversary: Tensor


class LcoflCriterion(Criterion):
    """``L_pixel + w · L_classification + w · L_layout + w · (1 − SSIM)``, the recogniser frozen or an adversary.

    The paper has no pixel term; here MSE holds colours and brightness, and the others have small weights beside it.

    As an adversary the recogniser has one class more than there are characters, as in Salimans et al., "Improved
    Techniques for Training GANs", NeurIPS 2016: it learns to read the true characters off HR and ``NOTHING`` off SR,
    while the network learns to have its characters read. Its loss sees SR cut off from the network, the network's sees
    its parameters cut off from it, so that one backward pass serves both. Its batch normalisation keeps the statistics
    it came with: those of a batch would tell HR from SR by themselves.
    """

    judges = ("recogniser",)

    def __init__(self, config: LossConfig, recogniser: Recogniser) -> None:
        super().__init__()
        self.config = config
        self.recogniser = recogniser.requires_grad_(config.adversary).eval()
        # Saved with the run, and the same in all its processes: each step takes the buffers of the first.
        self.register_buffer("weights", torch.ones(NOTHING + 1))

    def forward(self, sr: Tensor, hr: Tensor, labels: Tensor) -> LcoflLosses:
        """Labels ``(N, 8)``, see ``recogniser.encode``."""
        config = self.config
        pixel = F.mse_loss(sr, hr)
        cut_off = {name: parameter.detach() for name, parameter in self.recogniser.named_parameters()}
        logits = functional_call(self.recogniser, cut_off, (sr,))
        recognition, layout = classification_loss(logits, labels, self.weights), layout_penalty(logits)
        dissimilarity = 1 - ssim(sr, hr)
        total = pixel + config.w_recognition * recognition + config.w_layout * layout
        total = total + config.w_dissimilarity * dissimilarity
        adversary = pixel.new_tensor(0.0)
        if config.adversary:
            nothing = torch.full_like(labels, NOTHING)
            adversary = recognition_loss(self.recogniser(hr), labels)
            adversary = adversary + recognition_loss(self.recogniser(sr.detach()), nothing)
            total = total + adversary
        terms = (pixel, recognition, layout, dissimilarity, adversary)
        return LcoflLosses(total, *(term.detach() for term in terms))

    @torch.no_grad()
    def learn(self, restored: Iterable[np.ndarray], texts: Iterable[str | None]) -> dict[str, float]:
        """Raise the weights by what the recogniser confuses on restored plates ``(H, W, 3)`` uint8 with these texts.

        Returns the weights that are not 1, by character, the largest first. What is read is always a character: an
        adversary says nothing of SR otherwise.
        """
        confusion = torch.zeros(NOTHING, NOTHING)
        for picture, text in zip(restored, texts, strict=True):
            if text:
                truth = torch.from_numpy(encode([text])[0])[: len(text)]
                read = self.recogniser(to_tensor(picture).to(self.weights.device))[0, : len(text), :NOTHING].argmax(-1)
                confusion.index_put_((truth, read.cpu()), torch.tensor(1.0), accumulate=True)
        raised = confusion_weights(confusion, self.weights[:NOTHING].cpu(), self.config.confusion_step)
        self.weights[:NOTHING] = raised.to(self.weights.device)
        known = {ALPHABET[k]: round(float(weight), 4) for k, weight in enumerate(raised) if weight != 1}
        return dict(sorted(known.items(), key=lambda item: -item[1]))
