"""The past on the exchange's clock: the events of a cycle in the order of happening, with their totals counted anew."""
