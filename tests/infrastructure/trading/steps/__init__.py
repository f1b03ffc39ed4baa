"""Tests of the steps that flows are put together from."""
