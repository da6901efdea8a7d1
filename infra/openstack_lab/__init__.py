"""A real OpenStack control plane with a simulated hypervisor, on this machine's loopback."""
