"""Measurements, and the generated order flow that they share with the tests."""
