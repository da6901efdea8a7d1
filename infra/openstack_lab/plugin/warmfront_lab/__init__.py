"""Runs inside the lab's Nova and Neutron, in their environment and not in this project's."""
