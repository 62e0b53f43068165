# One image for the code server, the daemon, the web server, the runs and the digest's pages.
#
#   docker build -t signals .                                        FinBERT from the Hugging Face hub
#   docker build -t signals --build-arg MODEL=local .                FinBERT from deploy/model/ (the hub's layout)
#   docker build -t signals --build-arg MODEL=compact .              only the bundled compact model
#
# Layers are ordered by how seldom they change: packages, model, code. A change of code rebuilds the last ones.
ARG MODEL=finbert
# Python 3.11.16 on Debian 12, by the digest of its multi-platform index, so that a release can be built again: Docker Hub's
# on 21 September 2026, the same in the repo-info of Docker's official images. For Debian's newer fixes put the digest here that
#   docker buildx imagetools inspect python:3.11-slim-bookworm
# shows; another base is --build-arg PYTHON_IMAGE=...
ARG PYTHON_IMAGE=python:3.11-slim-bookworm@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b

# --- packages of the runtime ------------------------------------------------------------------------------------------
FROM ${PYTHON_IMAGE} AS packages
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
# hadolint ignore=DL3008
RUN apt-get update && apt-get install --yes --no-install-recommends binutils && rm -rf /var/lib/apt/lists/*
WORKDIR /build
RUN python -m venv /opt/venv
# Every package by its hash, setuptools included, which the next step builds with (`make lock`).
COPY deploy/requirements.txt ./
# The list is complete: pip 23 refuses a dependency with extras (gql[requests]) whose pin has none.
RUN /opt/venv/bin/pip install --no-compile --no-deps --require-hashes -r requirements.txt && /opt/venv/bin/pip check
COPY pyproject.toml setup.py ./
# Without the package beside it this installs the command `signals`.
RUN /opt/venv/bin/pip install --no-compile --no-deps --no-build-isolation .
COPY deploy/trim.sh ./
RUN /opt/venv/bin/pip uninstall --yes pip setuptools && ./trim.sh /opt/venv/lib/python3.11/site-packages
# Bytecode of what a run, the web server and the daemon import: when the image runs its root is read-only.
COPY deploy/warm.py ./
RUN PYTHONDONTWRITEBYTECODE='' /opt/venv/bin/python warm.py

# --- the sentiment model: fetched, exported, quantised and verified where torch may be --------------------------------
# On the platform of the machine that builds: what it makes is data, not programs, and torch emulated is slow.
FROM --platform=${BUILDPLATFORM:-linux/amd64} ${PYTHON_IMAGE} AS preparing
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
WORKDIR /prepare
COPY pyproject.toml setup.py constraints.txt ./
RUN python -m venv /opt/preparing \
    && /opt/preparing/bin/pip install --no-compile -c constraints.txt --extra-index-url "${TORCH_INDEX}" ".[finbert]"
# Only what makes a model: a change anywhere else leaves the model's layer as it is.
COPY signals_pipeline/__init__.py signals_pipeline/
COPY signals_pipeline/adapters/__init__.py signals_pipeline/adapters/cpus.py signals_pipeline/adapters/
COPY signals_pipeline/model_export signals_pipeline/model_export
COPY signals_pipeline/adapters/model signals_pipeline/adapters/model
COPY signals_pipeline/core/*.py signals_pipeline/core/
COPY signals_pipeline/core/sentiment signals_pipeline/core/sentiment
COPY signals_pipeline/sample/__init__.py signals_pipeline/sample/headlines.csv signals_pipeline/sample/

FROM preparing AS model-finbert
RUN /opt/preparing/bin/python -m signals_pipeline.model_export /prepared/models/finbert

FROM preparing AS model-local
COPY deploy/model /model
RUN /opt/preparing/bin/python -m signals_pipeline.model_export /prepared/models/finbert /model

FROM --platform=${BUILDPLATFORM:-linux/amd64} ${PYTHON_IMAGE} AS model-compact
RUN mkdir -p /prepared/models

# hadolint ignore=DL3006
FROM model-${MODEL} AS model

# --- what runs --------------------------------------------------------------------------------------------------------
FROM ${PYTHON_IMAGE} AS runtime
RUN groupadd --gid 10001 signals && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data signals \
    && mkdir -p /data /app && chown signals:signals /data /tmp
COPY --from=packages /opt/venv /opt/venv
# The authorities of RDS's certificates: Debian's own store has none of them.
COPY deploy/rds-ca.pem /opt/
COPY deploy/sbom.py /opt/
RUN /opt/venv/bin/python /opt/sbom.py /opt/sbom.cdx.json
COPY --from=model --chown=root:root /prepared/models /opt/models
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HF_HUB_OFFLINE=1 \
    PGSSLROOTCERT=/opt/rds-ca.pem \
    HOME=/data \
    SIGNALS_DATA_DIR=/data \
    SIGNALS_MODELS_DIR=/opt/models \
    DAGSTER_HOME=/app/deploy \
    DAGSTER_DISABLE_TELEMETRY=true \
    DAGSTER_EVENT_BATCH_SIZE=100
WORKDIR /app
COPY pyproject.toml ./
COPY alembic alembic
COPY deploy/*.yaml deploy/
# With the compact model, which with FinBERT scores companies and events.
COPY signals_pipeline signals_pipeline
RUN python -m compileall -q signals_pipeline alembic
USER 10001:10001
# Refuses an image whose model is damaged: every file's checksum, then one headline scored.
RUN signals model check
# Fargate gives a bind mount at these places the owner that they have here.
VOLUME ["/data", "/tmp"]
CMD ["signals", "--help"]
