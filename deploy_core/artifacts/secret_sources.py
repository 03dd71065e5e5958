"""Secrets that the settings point at, read when they are needed and never kept."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy_core.model.errors import BuildSecretMissing
from deploy_core.settings import SecretSource
from deploy_core.sources.git_process import redact

MOST_SECRET_BYTES = 100_000


def read_secret(source: SecretSource, name: str, environment: Mapping[str, str]) -> str:
    """Return the secret's text. `name` is for the message. Raises `BuildSecretMissing`."""
    if source.env is not None:
        if source.env not in environment:
            raise BuildSecretMissing(f"`{name}` needs the variable {source.env}, which isn't set.")
        return environment[source.env]
    try:
        content = Path(source.file or "").expanduser().read_bytes()
        text = content.decode("utf-8")
    except (OSError, UnicodeDecodeError):
        raise BuildSecretMissing(
            f"`{name}` needs the file {source.file}, which can't be read."
        ) from None
    if len(content) > MOST_SECRET_BYTES:
        raise BuildSecretMissing(f"The file of `{name}` has more than {MOST_SECRET_BYTES} bytes.")
    return text


class Redactor:
    """Takes secrets out of lines of output, in any form that a tool may echo."""

    def __init__(self, secrets: Sequence[str]) -> None:
        pieces = {
            line.strip() for secret in secrets for line in (secret, *secret.splitlines()) if line
        }
        # The longest first: a secret may contain another one.
        self._secrets = sorted((piece for piece in pieces if piece), key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """Return the text without the secrets and without user names in addresses."""
        return redact(text, self._secrets)
