"""The next program of a user: what, with which probability, and when."""

from streams.models.programs.clock import PopulationClock
from streams.models.programs.delta import PopulationDelta
from streams.models.programs.neural import NeuralExpert
from streams.models.programs.observe import observe, probability_of
from streams.models.programs.population import Population
from streams.models.programs.prediction import MODEL, WINDOWS_S, Candidate, Prediction
from streams.models.programs.rules import Rule, sequences
from streams.models.programs.user import UserPrograms

__all__ = [
    "MODEL", "WINDOWS_S", "Candidate", "NeuralExpert", "Population", "PopulationClock",
    "PopulationDelta", "Prediction", "Rule", "UserPrograms", "observe", "probability_of",
    "sequences",
]  # fmt: skip
