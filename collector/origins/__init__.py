"""Who made a model: registry (account to organisation and country), families (lines of models), lineage (roots).

Knows names, dates and declared bases; knows no downloads, no SQL and no hub's wire format. Countries are never derived
from names: a name leads to a root model, the root to its publisher, and the publisher to a dated row of the registry.

    names        words of a model's name: tokens, format and quantisation words
    families     families.toml: which line of models a name belongs to
    corrections  lineage_corrections.csv: declarations known to be wrong or missing
    questions    what lineage asks of a hub's list of models, and under which numbers that is kept
    listing      that list, the whole of it or as much as was asked for
    originals    the models of the families' developers, by the words of their names
    namerule     the base that a name suggests, where none is declared
    graph        ends of chains, cycles included
    lineage      all of these to the roots of every model of a hub, or of a few
    registry     publishers.csv and the user's own rows: account and day to organisation and country
"""
