"""Every report stream of these tests is held against FIX."""

from tests.fix_identities import fix_identities

__all__ = ["fix_identities"]
