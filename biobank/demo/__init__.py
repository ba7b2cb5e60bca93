"""The demo study: a made-up registry with a biorepository, the same for the same seed and day."""

from biobank.demo.fill import DatabaseNotEmpty, DemoSummary, Login, fill

__all__ = ["DatabaseNotEmpty", "DemoSummary", "Login", "fill"]
