"""What the image is made of: packages by hash, RDS's authorities by hash, and a bill of what is in it."""

import json
import re
import runpy
import ssl
from importlib.metadata import distributions
from pathlib import Path
from typing import Any
from unittest.mock import patch

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


def test_the_base_image_is_named_by_digest() -> None:
    assert re.search(r"^ARG PYTHON_IMAGE=python:3\.11-\S+@sha256:[0-9a-f]{64}$", DOCKERFILE, re.MULTILINE)
    stages = [re.sub("--platform=\\S+ ", "", line) for line in DOCKERFILE.splitlines() if line.startswith("FROM ")]
    assert {stage.split()[1] for stage in stages if stage.split()[1].startswith(("$", "python"))} == {"${PYTHON_IMAGE}"}


def test_the_database_s_authorities_are_read_and_most_outlast_this_decade() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(ROOT / "deploy" / "rds-ca.pem")
    authorities = context.get_ca_certs()
    # More than two for each of Amazon's regions.
    assert len(authorities) > 100
    years = [int(str(each["notAfter"]).split()[3]) for each in authorities]
    assert sum(year > 2040 for year in years) > len(years) / 2
    assert all("Amazon RDS" in str(each["subject"]) for each in authorities)


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
    assert "COPY deploy/rds-ca.pem /opt/" in runtime
    assert "sbom.py /opt/sbom.cdx.json" in runtime
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    for name in ("requirements.txt", "rds-ca.pem", "sbom.py"):
        assert f"!deploy/{name}" in ignored
        assert Path(ROOT / "deploy" / name).is_file()
