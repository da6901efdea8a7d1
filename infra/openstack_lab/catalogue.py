"""Who may do what, and which services there are: keystone's contents."""

from collections.abc import Callable
from typing import Any

from infra.openstack_lab.layout import PASSWORD, Lab

INTERFACES = ("public", "internal", "admin")


def ensure(lab: Lab, admin: Any) -> None:
    """Make projects, users, roles, services and endpoints that are not there."""
    identity = admin.identity
    service = _one(identity.find_project, identity.create_project, "service", domain_id="default")
    demo = _one(identity.find_project, identity.create_project, "demo", domain_id="default")
    for name, project, roles in (
        ("svc", service, ("admin", "service")),
        ("demo", demo, ("member",)),
    ):
        user = _one(
            identity.find_user, identity.create_user, name, password=PASSWORD, domain_id="default",
            default_project_id=project.id,
        )  # fmt: skip
        for role in roles:
            held = _one(identity.find_role, identity.create_role, role)
            identity.assign_project_role_to_user(project, user, held)
    _services(lab, identity)


def _services(lab: Lab, identity: Any) -> None:
    ports = lab.ports
    there = {service.type for service in identity.services()}
    for kind, name, address in (
        ("placement", "placement", f"{ports.placement}"),
        ("compute", "nova", f"{ports.nova}/v2.1"),
        ("image", "glance", f"{ports.glance}"),
        ("network", "neutron", f"{ports.neutron}"),
    ):
        if kind in there:
            continue
        made = identity.create_service(name=name, type=kind)
        for interface in INTERFACES:
            identity.create_endpoint(
                service_id=made.id, interface=interface, url=f"http://127.0.0.1:{address}",
                region_id="RegionOne",
            )  # fmt: skip


def _one(find: Callable[..., Any], create: Callable[..., Any], name: str, **other: Any) -> Any:
    return find(name, ignore_missing=True) or create(name=name, **other)
