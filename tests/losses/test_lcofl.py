"""LCOFL: its weights, penalties and adversary against what they are by hand."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from lpsr.losses.criterion import LossConfig
from lpsr.losses.lcofl import (
    MOST_WEIGHT,
    LcoflCriterion,
    classification_loss,
    confusion_weights,
    layout_penalty,
)
from lpsr.losses.ssim import ssim
from lpsr.models.recogniser import NOTHING, UNKNOWN, Recogniser, encode, recognition_loss
from lpsr.plates import ALPHABET

A, B, EIGHT, WAN, JIN = (ALPHABET.index(character) for character in "AB8皖津")


@pytest.fixture
def pictures():
    generator = torch.Generator().manual_seed(0)
    sr, hr = torch.rand(2, 2, 3, 16, 48, generator=generator)
    return sr, hr, torch.from_numpy(encode(["皖A12345", "津B12345D"]))


def make(**values) -> LcoflCriterion:
    torch.manual_seed(1)
    return LcoflCriterion(LossConfig(kind="lcofl", **values), Recogniser()).train()


def certain(text: str) -> torch.Tensor:
    """Logits ``(1, 8, 66)`` of a reader that is all but sure of a text."""
    return 50.0 * F.one_hot(torch.from_numpy(encode([text])), NOTHING + 1).float()


class TestConfusionWeights:
    def test_by_hand(self):
        # Of 10 "a" one was read as "b", of 30 "b" three as "a": the pair is confused in 4 of 40 places. "b" was read
        # as "c", of which there are none, in 2 of 30.
        confusion = torch.tensor([[9, 1, 0], [3, 25, 2], [0, 0, 0]])
        weights = confusion_weights(confusion, torch.tensor([1.0, 1.5, 1.0]), 0.5)
        expected = [1 + 0.5 * 4 / 40, 1.5 + 0.5 * (4 / 40 + 2 / 30), 1 + 0.5 * 2 / 30]
        assert weights.tolist() == pytest.approx(expected)

    def test_without_confusion_they_stay(self):
        before = torch.tensor([1.0, 2.0])
        for confusion in (torch.zeros(2, 2), torch.tensor([[7, 0], [0, 3]])):
            assert torch.equal(confusion_weights(confusion, before, 0.5), before)
        assert torch.equal(confusion_weights(torch.tensor([[0, 7], [3, 0]]), before, 0.0), before)

    def test_they_end_somewhere(self):
        weights = torch.ones(2)
        for _ in range(50):
            weights = confusion_weights(torch.tensor([[0, 1], [1, 0]]), weights, 0.5)
        assert weights.tolist() == [MOST_WEIGHT, MOST_WEIGHT]


class TestClassification:
    def test_by_hand(self):
        logits = torch.zeros(1, 8, NOTHING + 1)
        logits[0, 0, WAN], logits[0, 1, A] = 2.0, 1.0
        labels = torch.full((1, 8), UNKNOWN)
        labels[0, 0], labels[0, 1] = WAN, B
        weights = torch.ones(NOTHING + 1)
        weights[B] = 3.0
        first = math.log(NOTHING + math.exp(2)) - 2
        second = math.log(NOTHING + math.e)
        expected = (first + 3 * second) / 4
        assert classification_loss(logits, labels, weights).item() == pytest.approx(expected, rel=1e-5)

    def test_with_equal_weights_it_is_the_cross_entropy(self):
        logits = torch.randn(2, 8, NOTHING + 1, generator=torch.Generator().manual_seed(0))
        labels = torch.from_numpy(encode(["皖A12345", None]))
        for weight in (1.0, 2.5):
            weights = torch.full((NOTHING + 1,), weight)
            expected = recognition_loss(logits, labels)
            assert classification_loss(logits, labels, weights).item() == pytest.approx(expected.item(), rel=1e-5)

    def test_plates_without_texts_cost_nothing(self):
        logits = torch.randn(2, 8, NOTHING + 1, requires_grad=True)
        loss = classification_loss(logits, torch.from_numpy(encode([None, None])), torch.ones(NOTHING + 1))
        loss.backward()
        assert loss.item() == 0 and not logits.grad.any()


class TestLayout:
    @pytest.mark.parametrize(
        ("text", "wrong"),
        [
            ("皖A12345", 0),
            ("津BD1234F", 0),
            # A letter for the province; a digit for the letter; a province among letters and digits.
            ("AA12345", 1),
            ("皖812345", 1),
            ("皖A1234皖", 1),
            ("8皖皖皖皖皖皖皖", 8),
        ],
    )
    def test_it_is_the_share_of_what_cannot_stand_there(self, text, wrong):
        assert layout_penalty(certain(text)).item() == pytest.approx(wrong / 8, abs=1e-6)

    def test_nothing_stands_at_the_eighth_position_alone(self):
        logits = torch.zeros(1, 8, NOTHING + 1)
        logits[..., NOTHING] = 50.0
        assert layout_penalty(logits).item() == pytest.approx(7 / 8, abs=1e-6)

    def test_by_hand_of_an_undecided_reader(self):
        # Allowed of 66: 31 provinces, 24 letters, five times 34 and once 34 with nothing.
        expected = (35 + 42 + 5 * 32 + 31) / (8 * 66)
        logits = torch.zeros(1, 8, NOTHING + 1, requires_grad=True)
        penalty = layout_penalty(logits)
        penalty.backward()
        assert penalty.item() == pytest.approx(expected, rel=1e-5)
        # Downhill is away from a letter in the province's place, and towards a province.
        assert logits.grad[0, 0, A] > 0 > logits.grad[0, 0, WAN]


class TestCriterion:
    def test_it_is_the_weighted_sum_of_its_terms(self, pictures):
        sr, hr, labels = pictures
        criterion = make(w_recognition=0.1, w_layout=0.2, w_dissimilarity=0.3)
        losses = criterion(sr, hr, labels)
        logits = criterion.recogniser(sr)
        assert losses.pixel.item() == pytest.approx(F.mse_loss(sr, hr).item(), rel=1e-6)
        assert losses.recognition.item() == pytest.approx(recognition_loss(logits, labels).item(), rel=1e-5)
        assert losses.layout.item() == pytest.approx(layout_penalty(logits).item(), rel=1e-5)
        assert losses.dissimilarity.item() == pytest.approx(1 - ssim(sr, hr).item(), rel=1e-5)
        expected = losses.pixel + 0.1 * losses.recognition + 0.2 * losses.layout + 0.3 * losses.dissimilarity
        assert losses.total.item() == pytest.approx(expected.item(), rel=1e-5)
        assert losses.adversary == 0

    def test_a_frozen_reader_learns_nothing(self, pictures):
        sr, hr, labels = pictures
        sr = sr.clone().requires_grad_()
        criterion = make()
        criterion(sr, hr, labels).total.backward()
        assert sr.grad.abs().sum() > 0
        assert criterion.frozen == ("recogniser",)
        assert all(parameter.grad is None for parameter in criterion.parameters())

    def test_one_backward_pass_teaches_both_and_mixes_nothing(self, pictures):
        sr, hr, labels = pictures
        sr = sr.clone().requires_grad_()
        criterion, frozen = make(adversary=True), make()
        losses = criterion(sr, hr, labels)
        losses.total.backward()
        assert criterion.frozen == ()
        # To the network it is as if the reader were frozen.
        alone = sr.detach().clone().requires_grad_()
        frozen(alone, hr, labels).total.backward()
        assert torch.allclose(sr.grad, alone.grad, atol=1e-7)
        # The reader learns what stands on HR, and that on SR there is nothing; the network's loss is not its own.
        other = Recogniser().eval()
        other.load_state_dict(criterion.recogniser.state_dict())
        nothing = torch.full_like(labels, NOTHING)
        own = recognition_loss(other(hr), labels) + recognition_loss(other(sr.detach()), nothing)
        own.backward()
        assert losses.adversary.item() == pytest.approx(own.item(), rel=1e-5)
        for name, parameter in other.named_parameters():
            assert torch.allclose(parameter.grad, criterion.recogniser.get_parameter(name).grad, atol=1e-6), name

    @pytest.mark.parametrize("adversary", [False, True])
    def test_batch_normalisation_keeps_its_statistics(self, pictures, adversary):
        criterion = make(adversary=adversary)
        assert criterion.training and not criterion.recogniser.training
        before = {name: buffer.clone() for name, buffer in criterion.recogniser.named_buffers()}
        criterion(*pictures)
        assert before and all(torch.equal(one, before[name]) for name, one in criterion.recogniser.named_buffers())

    def test_it_learns_from_what_is_read_off_the_restored_plates(self):
        criterion = make(confusion_step=0.5)

        class Reader(torch.nn.Module):
            """What it reads is told by how bright a picture is; of the second plate it would rather say nothing."""

            def forward(self, x):
                level = round(x.mean().item() * 255)
                logits = certain(("皖B12345", "津A8D1111", "皖A12345")[level])
                logits[..., NOTHING] += 100 * (level == 1)
                return logits

        criterion.recogniser = Reader()
        pictures = [np.full((16, 48, 3), level, np.uint8) for level in range(3)]
        # Of the last plate the text is not known.
        weights = criterion.learn(pictures, ["皖A12345", "津A8D1111", None])
        # Of two "A" one was read as "B".
        assert weights == {"A": 1.25, "B": 1.25}
        assert criterion.weights[A] == criterion.weights[B] == 1.25
        assert criterion.weights[JIN] == criterion.weights[EIGHT] == criterion.weights[NOTHING] == 1
        assert criterion.learn(pictures[:1], ["皖A12345"]) == {"A": 1.75, "B": 1.75}
        # They are part of what the run keeps.
        assert criterion.state_dict()["weights"][A] == 1.75
