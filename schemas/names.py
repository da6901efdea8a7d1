"""How long names of users, programs, hosts and sources may be."""

# States keep names, and a state has to fit into a message of 8 MB, beyond which a worker that made
# it can't save and ends, again and again: four names of 4 MB were enough.
MAX_NAME_CHARS = 256
