"""A simulator of the AI/ML API for tests and first steps. It shares no code with the provider."""

from aimlapi_simulator.faults.script import (
    Account,
    BatchPlan,
    Cache,
    Fault,
    Forms,
    Gateway,
    Latency,
    Limits,
    Script,
    ScriptError,
)
from aimlapi_simulator.ledger import Ledger, Record
from aimlapi_simulator.model.answers import answer_for
from aimlapi_simulator.server import Simulator, simulator_thread

__all__ = [
    "Account",
    "BatchPlan",
    "Cache",
    "Fault",
    "Forms",
    "Gateway",
    "Latency",
    "Ledger",
    "Limits",
    "Record",
    "Script",
    "ScriptError",
    "Simulator",
    "answer_for",
    "simulator_thread",
]
