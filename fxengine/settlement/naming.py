"""Who an account is: the name that a CREDENTIAL command gave it, for the books.

The core knows an identity as a hash; the text it is the hash of rides in the command's own records,
so the journal alone can name every account. A name is taken from a command that the core carried
out (it said CREDENTIALED) and whose text indeed hashes to the identity; any other text proves
nothing and is left out.
"""

from fxengine.codes import EventKind
from fxengine.engine.directory import named_in
from fxengine.ledger.batch import AccountName
from fxengine.records import Records


def credentialed_names(commands: Records, events: Records, first_sequence: int) -> list[AccountName]:
    """Return the names of the accounts whose credential these commands opened or renewed.

    ``commands`` are whole commands, the first of them number ``first_sequence``; ``events`` are
    theirs. O(commands) when there is a credential among them, else O(1) after a look at the events.
    """
    carried_out = events[events["kind"] == EventKind.CREDENTIALED]
    accounts = dict(zip(carried_out["sequence"].tolist(), carried_out["account"].tolist(), strict=True))
    if not accounts:
        return []
    names = []
    n_records = commands["n_records"].tolist()
    at, sequence = 0, first_sequence
    while at < len(n_records):
        if sequence in accounts:
            name = named_in(commands[at : at + n_records[at]])
            names += [AccountName(accounts[sequence], *name)] if name else []
        at, sequence = at + n_records[at], sequence + 1
    return names
