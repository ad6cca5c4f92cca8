"""fxengine: a foreign-exchange venue for local-currency stablecoins.

This module imports nothing, so that each program pays only for the parts it uses: a client
imports :mod:`fxengine.client`, a checker :mod:`fxengine.audit`, and neither loads the engine.
"""

__version__ = "0.1.0"
