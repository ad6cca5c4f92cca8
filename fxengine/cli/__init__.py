"""The ``fxengine`` command. Each module holds the commands of one kind of user."""


def main() -> None:
    """Run the command line."""
    from fxengine.cli.app import app

    app()
