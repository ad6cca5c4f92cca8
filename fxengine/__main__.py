"""``python -m fxengine`` is the ``fxengine`` command."""

from fxengine.cli import main

main()
