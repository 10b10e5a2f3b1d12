"""Which models there are, how their ids are spelled, and what they cost and can do."""

from aimlapi_simulator.catalogue.model import Dialect, Model
from aimlapi_simulator.catalogue.models import BY_ID, MODELS, spoken_by

__all__ = ["BY_ID", "MODELS", "Dialect", "Model", "spoken_by"]
