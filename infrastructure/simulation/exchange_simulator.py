"""The simulated exchange as a bot's tests have it: called as the port is, or over HTTP."""

from __future__ import annotations

from infrastructure.simulation.simulated_venue import SimulatedVenue


class SimulatedExchange(SimulatedVenue):
    """One account at an exchange in memory, for tests of a bot."""
