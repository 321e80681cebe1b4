"""How the tables came to be, version by version; run by `tailqa.history.migrate`."""
