"""Write what an image consists of as CycloneDX, the software bill of materials of a release: `sbom.py FILE`.

It runs in the image while that is built, so that each image has its own in /opt/sbom.cdx.json, of what is really
installed: Python's packages and Debian's. The same content gives the same bytes, or a build without changes would make
a new image. Format: cyclonedx.org/docs/1.6/json.
"""

import json
import platform
import sys
import uuid
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path
from urllib.parse import quote

DPKG_STATUS = Path("/var/lib/dpkg/status")

Component = dict[str, object]


def python_components(packages: Iterable[Distribution]) -> Iterator[Component]:
    """A component per Python package."""
    for package in packages:
        # The names of the Package URL specification: lower case, with hyphens.
        name = package.metadata["Name"].lower().replace("_", "-")
        yield _component("pypi", name, package.version, licence=package.metadata.get("License-Expression") or "")


def debian_components(status: str) -> Iterator[Component]:
    """A component per installed Debian package.

    Args:
        status: Content of dpkg's status file.
    """
    for paragraph in status.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in paragraph.splitlines() if ": " in line and line[0] != " ")
        if fields.get("Status", "").endswith(" installed"):
            yield _component("deb/debian", fields["Package"], fields["Version"], f"?arch={fields['Architecture']}")


def bill_of_materials(components: Iterable[Component]) -> str:
    """The document, as JSON; its serial number follows from its content."""
    # A package is found twice where its folder is on the path twice.
    by_purl = {str(component["purl"]): component for component in components}
    listed = [by_purl[purl] for purl in sorted(by_purl)]
    content = json.dumps(listed, sort_keys=True)
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, content)}",
        "version": 1,
        "metadata": {"component": {"type": "container", "name": "signals_pipeline", "bom-ref": "image"}},
        "components": [
            {"type": "platform", "name": "python", "version": platform.python_version(), "bom-ref": "python"},
            *listed,
        ],
    }
    return json.dumps(document, indent=1)


def _component(kind: str, name: str, version: str, qualifiers: str = "", *, licence: str = "") -> Component:
    purl = f"pkg:{kind}/{quote(name, safe='')}@{quote(version, safe='')}{qualifiers}"
    component: Component = {"type": "library", "name": name, "version": version, "purl": purl, "bom-ref": purl}
    if licence:
        component["licenses"] = [{"expression": licence}]
    return component


def main(path: Path) -> None:
    """Write the bill of this interpreter's packages and of this system's."""
    status = DPKG_STATUS.read_text(encoding="utf-8")
    components = [*python_components(distributions()), *debian_components(status)]
    path.write_text(bill_of_materials(components), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
