"""The models, with the spellings of their ids, their prices and their abilities."""

from aimlapi_simulator.catalogue.model import Dialect, Model
from aimlapi_simulator.catalogue.models import BY_ID, MODELS, spoken_by

__all__ = ["BY_ID", "MODELS", "Dialect", "Model", "spoken_by"]
