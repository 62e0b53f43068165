"""What the image is made of: packages by hash, RDS's authorities by hash, and a bill of what is in it."""

import base64
import hashlib
import io
import json
import re
import runpy
import tarfile
from importlib.metadata import distributions
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import trustme

from deploy.rds_certificates import MEMBER, MIN_CERTIFICATES, CertificatesError, certificates
from deploy.sbom import bill_of_materials, debian_components, python_components
from signals_pipeline.adapters.aws.files import repository

ROOT = repository()
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
LOCK = ROOT / "deploy" / "requirements.txt"


def pinned(lines: list[str]) -> dict[str, str]:
    """Version by name, as the Package URL specification writes names."""
    found = [re.match(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^ ;\\]+)", line) for line in lines]
    return {re.sub(r"[._-]+", "-", one[1]).lower(): one[2] for one in found if one}


def lock_entries() -> dict[str, list[str]]:
    """Hashes by `name==version`."""
    text = re.sub(r"^ *#.*\n", "", LOCK.read_text(encoding="utf-8"), flags=re.MULTILINE).replace("\\\n", " ")
    return {line.split()[0]: re.findall(r"--hash=(\S+)", line) for line in text.splitlines() if line.strip()}


def test_every_package_of_the_runtime_is_pinned_with_hashes_and_as_the_tests_ran_with_it() -> None:
    entries = lock_entries()
    assert all(hashes for hashes in entries.values())
    assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", one) for hashes in entries.values() for one in hashes)
    locked = pinned(list(entries))
    with patch("setuptools.setup"):
        direct = pinned(runpy.run_path(str(ROOT / "setup.py"))["RUNTIME"])
    assert direct.items() <= locked.items()
    constraints = pinned((ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines())
    built_with = {"setuptools"}
    assert {name: version for name, version in locked.items() if name not in {*direct, *built_with}}.items() <= (
        constraints.items()
    )


def test_the_image_installs_nothing_without_a_hash() -> None:
    stage = DOCKERFILE[DOCKERFILE.index("AS packages") : DOCKERFILE.index("AS preparing")].replace("\\\n", "")
    installs = [line for line in stage.splitlines() if "pip install" in line]
    assert len(installs) == 2
    assert "--require-hashes -r requirements.txt" in installs[0]
    # The project itself: nothing is fetched for it, not even what it is built with.
    assert "--no-deps --no-build-isolation" in installs[1]


def archive(script: str) -> tuple[bytes, str]:
    """An archive of npm's form, and its hash as npm writes it."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as package:
        member = tarfile.TarInfo(MEMBER)
        member.size = len(script.encode())
        package.addfile(member, io.BytesIO(script.encode()))
    content = file.getvalue()
    return content, "sha512-" + base64.b64encode(hashlib.sha512(content).digest()).decode()


def as_script(pem: str) -> str:
    """A certificate as JavaScript, a string per line."""
    return " +\n        ".join(f"'{line}\\n'" for line in pem.splitlines()) + ",\n"


def test_the_authorities_are_those_of_the_pinned_archive_and_of_no_other() -> None:
    pem = trustme.CA(key_type=trustme.KeyType.ECDSA).cert_pem.bytes().decode()
    content, integrity = archive("exports.defaults = [\n    " + as_script(pem) * MIN_CERTIFICATES + "];\n")
    assert certificates(content, integrity) == pem * MIN_CERTIFICATES
    with pytest.raises(CertificatesError, match=r"has the hash sha512-.*: it is not the archive that was pinned$"):
        certificates(content)


@pytest.mark.parametrize("script", ["exports.defaults = [];", "'-----BEGIN CERTIFICATE-----\\n'," * MIN_CERTIFICATES])
def test_an_archive_without_whole_certificates_is_refused(script: str) -> None:
    content, integrity = archive(script)
    with pytest.raises(CertificatesError, match="whole certificates, fewer than"):
        certificates(content, integrity)


STATUS = """Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.36-9+deb12u13
Description: GNU C Library
 Contains: the standard libraries

Package: binutils
Status: deinstall ok config-files
Architecture: amd64
Version: 2.40-2
"""


def test_the_bill_names_each_package_once_by_its_url_and_is_the_same_each_time() -> None:
    components = [*python_components(distributions()), *debian_components(STATUS)]
    text = bill_of_materials(reversed(components))
    assert text == bill_of_materials(components)
    document: dict[str, Any] = json.loads(text)
    assert (document["bomFormat"], document["specVersion"], document["version"]) == ("CycloneDX", "1.6", 1)
    assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", document["serialNumber"])
    purls = [component["purl"] for component in document["components"] if component["type"] == "library"]
    assert "pkg:deb/debian/libc6@2.36-9%2Bdeb12u13?arch=amd64" in purls
    assert not [purl for purl in purls if "binutils" in purl]
    assert [purl for purl in purls if purl.startswith("pkg:pypi/exchange-calendars@")]
    references = [component["bom-ref"] for component in document["components"]]
    assert len(references) == len(set(references))
    other = bill_of_materials(components[:-2])
    assert json.loads(other)["serialNumber"] != document["serialNumber"]


def test_the_image_has_its_bill_and_the_authorities() -> None:
    runtime = DOCKERFILE[DOCKERFILE.index("AS runtime") :]
    assert "COPY --from=packages /opt/rds-ca.pem /opt/rds-ca.pem" in runtime
    assert "sbom.py /opt/sbom.cdx.json" in runtime
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    for name in ("requirements.txt", "rds_certificates.py", "sbom.py"):
        assert f"!deploy/{name}" in ignored
        assert Path(ROOT / "deploy" / name).is_file()
