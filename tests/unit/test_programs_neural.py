"""The neural expert: it learns on launches, its gradient is right, and it stays out by default."""

import msgspec
import numpy as np
import pytest

from streams.models.programs import NeuralExpert, Population, PopulationDelta, UserPrograms, observe
from streams.models.programs.layout import CALIBRATION
from streams.models.programs.neural import INPUTS, TOP, forward, step
from streams.models.programs.vocabulary import program_hash

EVEN = np.full(4, 0.25)
NAMES = np.array([program_hash(name) for name in ("vim", "make", "gdb", "mail")])


def taught(launches):
    net = NeuralExpert()
    for k, program in enumerate(launches):
        net.observe(NAMES, EVEN, int(NAMES[program]), 60_000 * k)
    return net


def loss_of(net, at, target):
    x, top = np.zeros(INPUTS + 1), np.zeros(TOP + 1)
    return -np.log(forward(*net.layers, net.slots, net.other, at, x, top)[target])


@pytest.mark.parametrize("layer", [0, 1, 2])
def test_a_step_goes_along_the_gradient_that_differences_give(layer):
    net, at = taught([0, 1, 2, 3, 0, 2, 1] * 5), 20
    target, rate, small = int(net.slots[at + 1]), 1.0, 3e-3
    before = [weights.copy() for weights in net.layers]
    net.layers = tuple(weights.copy() for weights in before)
    step(*net.layers, net.slots, net.other, at, target, rate)
    moved = (net.layers[layer] - before[layer]) / -rate
    for place in np.argsort(-np.abs(moved).ravel())[:12]:
        losses = []
        for sign in (1, -1):
            net.layers = tuple(weights.copy() for weights in before)
            net.layers[layer].ravel()[place] += sign * small
            losses.append(loss_of(net, at, target))
        by_difference = (losses[0] - losses[1]) / (2 * small)
        assert moved.ravel()[place] == pytest.approx(by_difference, rel=5e-3)


def test_it_learns_what_depends_on_the_program_before_the_last():
    net = taught([0, 1, 2, 0, 3, 1] * 100)  # gdb follows vim, make; vim follows mail, make
    after_vim_make = NeuralExpert.from_bytes(net.to_bytes())
    for k, program in enumerate((0, 1)):
        after_vim_make.observe(NAMES, EVEN, int(NAMES[program]), 60_000 * (600 + k))
    assert after_vim_make.combined(NAMES, EVEN).argmax() == 2
    assert net.combined(NAMES, EVEN).argmax() == 0


def test_it_says_nothing_before_the_first_launch():
    assert NeuralExpert().combined(NAMES, EVEN) is EVEN


def test_predictions_without_it_do_not_know_of_it():
    said = []
    for expert in (None, NeuralExpert()):
        user, delta = UserPrograms(), PopulationDelta()
        for k in range(60):
            name = ("vim", "make", "gdb")[k * k % 7 % 3]
            prediction = observe(user, Population.empty(), delta, name, 60.0 * k, expert=expert)
        numbers, sums = delta.sums.items()
        said.append((prediction, sums[numbers < CALIBRATION].tolist()))
    (alone, sums), (helped, sums_helped) = said
    assert alone != helped
    assert alone.candidates[0].program == helped.candidates[0].program
    assert sum(c.p_next for c in helped.candidates) <= 1 + 1e-9
    assert sums == sums_helped  # what the population learns of ranking is not the net's


@pytest.mark.parametrize(
    ("field", "value"),
    [(0, 99), (1, 2), (3, b""), (4, b"\xff" * 10), (5, b"1234"), (6, [b"", b"", b""])],
)
def test_states_that_can_not_be_are_refused(field, value):
    fields = msgspec.msgpack.decode(taught([0, 1, 2] * 4).to_bytes())
    fields[field] = value
    with pytest.raises(ValueError, match="neural expert"):
        NeuralExpert.from_bytes(msgspec.msgpack.encode(fields))


def test_numbers_that_are_not_finite_are_refused():
    net = taught([0, 1, 2] * 4)
    net.layers[0][3, 3] = np.nan
    with pytest.raises(ValueError, match="can't be"):
        NeuralExpert.from_bytes(net.to_bytes())
