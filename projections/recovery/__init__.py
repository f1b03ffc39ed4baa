"""Recovery: unfinished cycles, the orders that they need, and the proposals that follow from the evidence."""
