"""A local Kafka that asks everybody who they are: by SCRAM over TLS, or by certificate (mutual
TLS), as the administrator does; and nothing is allowed that no rule allows."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trustme
from confluent_kafka.admin import (
    AdminClient,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)
from cryptography.hazmat.primitives import serialization

from infra.local.broker import LocalKafka
from infra.local.ports import free_port
from schemas.connection import kafka_config
from schemas.settings import Settings
from tests.testkit.broker import UNHURRIED

ITERATIONS = 4096  # Kafka's least


@dataclass
class SecuredKafka:
    """The running broker and how to be admitted to it."""

    folder: Path
    bootstrap: str
    admin_bootstrap: str
    authority: trustme.CA

    def environment(self, user: str, password: str) -> dict[str, str]:
        """The settings of one process, as environment variables."""
        return {
            "KAFKA_BOOTSTRAP_SERVERS": self.bootstrap,
            "WARMFRONT_KAFKA_SECURITY": "SASL_SSL",
            "WARMFRONT_KAFKA_USERNAME": user,
            "WARMFRONT_KAFKA_PASSWORD": password,
            "WARMFRONT_KAFKA_CA_FILE": str(self.folder / "ca.pem"),
        }

    def settings(self, user: str, password: str, **more: Any) -> Settings:
        return Settings(
            bootstrap_servers=self.bootstrap, kafka_security="SASL_SSL", kafka_username=user,
            kafka_password=password, kafka_ca_file=self.folder / "ca.pem", **more,
        )  # fmt: skip

    def admin(self, **more: Any) -> Settings:
        """The administrator, who shows a certificate."""
        return self.certified("admin", **more)

    def certified(self, name: str, **more: Any) -> Settings:
        """Whoever shows a certificate instead of a password, `User:CN=name` in Kafka's rules."""
        if not (self.folder / f"{name}.crt").exists():
            issue(self.authority, self.folder, name)
        return Settings(
            bootstrap_servers=self.admin_bootstrap, kafka_security="SSL",
            kafka_ca_file=self.folder / "ca.pem",
            kafka_certificate_file=self.folder / f"{name}.crt",
            kafka_key_file=self.folder / f"{name}.key", **more,
        )  # fmt: skip

    def add_user(self, user: str, password: str) -> None:
        info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, ITERATIONS)
        upsert = UserScramCredentialUpsertion(user, info, password.encode())
        admin = AdminClient(kafka_config(self.admin()))
        for done in admin.alter_user_scram_credentials([upsert]).values():
            done.result(60)


@contextmanager
def secured_kafka(folder: Path) -> Iterator[SecuredKafka]:
    """Start the broker with certificates made for it; the first client is the administrator."""
    authority = write_certificates(folder)
    port, controller, admin = free_port(), free_port(), free_port()
    clients, admins = f"127.0.0.1:{port}", f"127.0.0.1:{admin}"
    settings = {
        **UNHURRIED,
        "listeners": f"CLIENTS://{clients},ADMIN://{admins},CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"CLIENTS://{clients},ADMIN://{admins}",
        "listener.security.protocol.map": "CLIENTS:SASL_SSL,ADMIN:SSL,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "ADMIN",
        "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.clients.scram-sha-512.sasl.jaas.config":
            "org.apache.kafka.common.security.scram.ScramLoginModule required;",
        "listener.name.admin.ssl.client.auth": "required",
        "ssl.keystore.type": "PEM", "ssl.keystore.location": str(folder / "admin.pem"),
        "ssl.truststore.type": "PEM", "ssl.truststore.location": str(folder / "ca.pem"),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        # ANONYMOUS is the controller's listener, which has no names; no client reaches it.
        "super.users": "User:CN=admin;User:ANONYMOUS",
        "ssl.principal.mapping.rules": "RULE:^.*(CN=[a-z-]+).*$/$1/,DEFAULT",
    }  # fmt: skip
    with LocalKafka(folder / "kafka", port, controller_port=controller, settings=settings):
        yield SecuredKafka(folder, clients, admins, authority)


def write_certificates(folder: Path) -> trustme.CA:
    """Write an authority's certificate, and the key and certificate that it gave the admin."""
    folder.mkdir(parents=True, exist_ok=True)
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    issue(authority, folder, "admin")
    return authority


def issue(authority: trustme.CA, folder: Path, name: str) -> None:
    """Write the key and the certificate that an authority gives to whom it knows by a name."""
    given = authority.issue_cert("127.0.0.1", "localhost", common_name=name)
    key = serialization.load_pem_private_key(given.private_key_pem.bytes(), None)
    pkcs8 = key.private_bytes(  # the only form that the broker reads
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )  # fmt: skip
    certificates = b"".join(blob.bytes() for blob in given.cert_chain_pems)
    (folder / f"{name}.key").write_bytes(pkcs8)
    (folder / f"{name}.crt").write_bytes(certificates)
    (folder / f"{name}.pem").write_bytes(pkcs8 + certificates)
