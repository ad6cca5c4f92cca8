"""Keys of tests, made from their names: they never hold anything but a test's own play money."""

from fxengine.chain.head import keccak
from fxengine.chain.keys import Key

ROLES = ("OWNER", "OPERATOR", "GUARDIAN", "REGISTRAR", "ACCOUNT")


def key_of(role: str) -> Key:
    return Key.from_hex(keccak(f"a key of the tests for the {role}".encode()).hex())
