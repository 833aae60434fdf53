from __future__ import annotations

import pytest
import torch

from mien.engines.swapnet.batch import Answer
from mien.engines.swapnet.code import NAMED
from mien.engines.swapnet.losses import Weights, code_losses, energy_loss, picture_losses, place_loss, shown, structure
from mien.engines.swapnet.network import Encoded
from mien.engines.swapnet.validate import Score, picture_scores


def answer(size: int = 32) -> Answer:
    generator = torch.Generator().manual_seed(1)
    pixels = torch.rand(2, 3, size, size, generator=generator)
    mask, wet, detail = (torch.zeros(2, 1, size, size) for _ in range(3))
    mask[..., 4:-4, 4:-4], detail[..., 8:12, 8:20], wet[..., 9:11, 9:19] = 1, 1, 1
    return Answer(pixels, mask, wet, detail, torch.zeros(len(pixels), 3, size // 2, size // 2))


def logits(truth: Answer) -> torch.Tensor:
    return torch.cat([truth.mask, truth.wet], 1) * 40 - 20


def test_the_truth_loses_nothing() -> None:
    truth = answer()
    for value in picture_losses(truth.pixels, logits(truth), truth, Weights()).values():
        assert float(value) == pytest.approx(0, abs=1e-5)


def test_an_error_in_the_eyes_costs_more_than_on_the_cheek_and_little_outside() -> None:
    truth = answer()

    def cost(rows: slice, columns: slice) -> float:
        drawn = truth.pixels.clone()
        drawn[..., rows, columns] += 0.2
        return float(picture_losses(drawn, logits(truth), truth, Weights())["colour"])

    eye, cheek, outside = (
        cost(slice(8, 12), slice(8, 12)),
        cost(slice(20, 24), slice(8, 12)),
        cost(slice(0, 4), slice(0, 4)),
    )
    assert eye == pytest.approx(4 * cheek, rel=0.01)
    assert outside < 0.1 * cheek


def test_blur_costs_gradient_and_structure() -> None:
    truth = answer()
    flat = torch.nn.functional.avg_pool2d(torch.nn.functional.pad(truth.pixels, (1, 1, 1, 1), mode="reflect"), 3, 1)
    losses = picture_losses(flat, logits(truth), truth, Weights())
    assert float(losses["gradient"]) > 0.1
    assert float(losses["structure"]) > 0.02
    assert float(structure(truth.pixels, truth.pixels)) == pytest.approx(1, abs=1e-5)


def test_unknown_truth_teaches_nothing() -> None:
    named = torch.full((2, len(NAMED)), float("nan"))
    named[0, 3] = 0.5
    guess = torch.zeros(2, len(NAMED), requires_grad=True)
    encoded = Encoded(guess, torch.zeros(2, 4), None, torch.zeros(2, 1, 8, 8))
    losses = code_losses(encoded, named, torch.zeros(2, 1, 8, 8), Weights(named=1.0))
    losses["named"].backward()
    assert float(losses["named"].detach()) == pytest.approx(0.25)
    assert guess.grad is not None
    assert guess.grad.nonzero().tolist() == [[0, 3]]
    assert "divergence" not in losses


def test_a_distribution_is_drawn_to_the_normal_one() -> None:
    def divergence(mean: float, spread: float) -> float:
        encoded = Encoded(
            torch.zeros(2, len(NAMED)), torch.full((2, 4), mean), torch.full((2, 4), spread), torch.zeros(2, 1, 8, 8)
        )
        losses = code_losses(encoded, torch.zeros(2, len(NAMED)), torch.zeros(2, 1, 8, 8), Weights(divergence=1.0))
        return float(losses["divergence"])

    assert divergence(0, 0) == 0
    assert divergence(1, 0) == pytest.approx(2)
    assert divergence(0, -2) > 0


def test_scores_are_those_of_the_inside() -> None:
    truth = answer()
    drawn = truth.pixels.clone()
    drawn[..., :4, :] = 0
    assert picture_scores(drawn, truth.mask * 40 - 20, truth.pixels, truth.mask)[0][0] > 80
    drawn = (truth.pixels + 0.1).clone()
    psnr, ssim, sharp, iou = picture_scores(drawn, truth.mask * 40 - 20, truth.pixels, truth.mask)[0]
    assert psnr == pytest.approx(20, abs=0.01)
    assert ssim < 1
    assert sharp == pytest.approx(1, abs=1e-4)
    assert iou == 1


def test_a_lookup_costs_what_it_is_off_where_that_is_known() -> None:
    places = torch.zeros(1, 3, 64, 64)
    places[:, 0], places[:, 2, :32] = 0.1, 1
    loss = Weights(place=1.0)
    moved = places[:, :2].clone()
    moved[..., 32:, :] = 5.0
    assert float(place_loss(moved, places, loss)) == 0
    moved[:, 1, :32] += 0.04
    shared = float(place_loss(moved, places, loss))
    assert shared == pytest.approx(0.02)
    # As far off, but in another way at each pixel.
    moved[:, 1, :32:2] -= 0.08
    assert float(place_loss(moved, places, loss)) > 5 * shared
    assert float(place_loss(moved, torch.zeros(1, 3, 64, 64), loss)) == 0


def test_blur_lacks_energy_and_a_shift_does_not() -> None:
    generator = torch.Generator().manual_seed(2)
    truth, focus = torch.rand(1, 3, 64, 64, generator=generator), torch.ones(1, 1, 64, 64)
    flat = torch.nn.functional.avg_pool2d(torch.nn.functional.pad(truth, (1, 1, 1, 1), mode="reflect"), 3, 1)
    shifted = torch.roll(truth, 1, 3)
    assert float(energy_loss(truth, truth, focus)) == 0
    assert float(energy_loss(flat, truth, focus)) > 5 * float(energy_loss(shifted, truth, focus))


def test_what_the_mask_hides_is_the_truth() -> None:
    truth = answer()
    out = shown(torch.zeros_like(truth.pixels), truth)
    assert torch.equal(out[..., :4, :], truth.pixels[..., :4, :])
    assert float(out[..., 4:-4, 4:-4].max()) == 0


def test_a_sharper_picture_is_worth_some_error_up_to_the_truths_own() -> None:
    def merit(psnr: float, sharpness: float) -> float:
        return Score(psnr, 0.9, sharpness, 1, 1, 0).merit

    assert merit(28.5, 0.5) > merit(29.3, 0.1)
    assert merit(28.0, 0.2) < merit(29.3, 0.1)
    assert merit(28.0, 1.5) == merit(28.0, 0.7)
