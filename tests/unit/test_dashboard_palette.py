"""The page's colours are told apart by colour-blind people, and texts in them are read by all."""

import re
from itertools import combinations, product

import numpy as np
import pytest

from tests.testkit.pipeline import REPOSITORY

STATIC = REPOSITORY / "streams/dashboard/static"
CSS = (STATIC / "page.css").read_text(encoding="utf-8")
PAIRS = dict(re.findall(r"--(\w+): light-dark\((#[0-9a-f]{6}, #[0-9a-f]{6})\)", CSS))
THEMES = ("light", "dark")
TEXT = ("ink", "faint", "blue", "orange", "green", "purple")
SERIES = ("blue", "orange", "green", "purple", "sky", "sand")
# Machado, Oliveira and Fernandes 2009, severity 1.0, in linear RGB.
SIGHT = {
    "all cones": np.eye(3),
    "no red cones": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
         [-0.003882, -0.048116, 1.051998]]
    ),
    "no green cones": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
         [-0.011820, 0.042940, 0.968881]]
    ),
}  # fmt: skip
XYZ = np.array(
    [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
)  # fmt: skip
WHITE = XYZ.sum(axis=1)
# CIE 1976; 2.3 is just noticeable side by side.
APART = 10.0


def linear(name: str, theme: str) -> np.ndarray:
    """A colour of the style sheet in linear RGB, 0 to 1."""
    code = PAIRS[name].split(", ")[THEMES.index(theme)]
    parts = np.array([int(code[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    ratio = XYZ @ np.clip(rgb, 0, 1) / WHITE
    x, y, z = np.where(ratio > 0.008856, np.cbrt(ratio), 7.787 * ratio + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def contrast(one: np.ndarray, other: np.ndarray) -> float:
    """As the Web Content Accessibility Guidelines define it."""
    low, high = sorted(float(XYZ[1] @ colour) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(("theme", "sight"), product(THEMES, SIGHT))
def test_series_are_told_apart(theme: str, sight: str) -> None:
    seen = {name: lab(SIGHT[sight] @ linear(name, theme)) for name in SERIES}
    near = {
        (one, other): round(float(np.linalg.norm(seen[one] - seen[other])), 1)
        for one, other in combinations(SERIES, 2)
    }
    assert {pair: far for pair, far in near.items() if far < APART} == {}


def test_red_and_green_alone_would_not_be() -> None:
    """Shows that the measure finds what colour-blind people confuse."""
    green, red = np.array([0.13, 0.21, 0.02]), np.array([0.33, 0.09, 0.02])
    seen = [lab(SIGHT["no green cones"] @ colour) for colour in (green, red)]
    assert np.linalg.norm(seen[0] - seen[1]) < APART < np.linalg.norm(lab(green) - lab(red))


@pytest.mark.parametrize(("theme", "name", "ground"), product(THEMES, TEXT, ("ground", "card")))
def test_texts_have_contrast(theme: str, name: str, ground: str) -> None:
    assert contrast(linear(name, theme), linear(ground, theme)) >= 4.5


def test_charts_take_their_colours_from_the_style_sheet() -> None:
    declared = set(re.findall(r"--(\w+):", CSS))
    scripts = [file.read_text(encoding="utf-8") for file in sorted(STATIC.glob("*.js"))]
    used = {name for script in scripts for name in re.findall(r'colour\("(\w+)"\)', script)}
    assert len(used) > 5
    assert used <= declared
    assert [code for script in scripts for code in re.findall(r"#[0-9a-fA-F]{6}\b", script)] == []
