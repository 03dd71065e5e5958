# Builds with BuildKit and with the classic builder alike: nothing here needs either.
#
#   docker build -t dagster-chatops .
#
# EXTRA_PACKAGES are Debian packages that only some need: `docker-cli docker-buildx` to build images
# with BuildKit on an engine (without them its classic builder is used), or a credential helper such
# as `amazon-ecr-credential-helper`.
ARG PYTHON=python:3.11-slim

FROM ${PYTHON} AS build
WORKDIR /src
# The libraries change less often than the code: their layer stays.
COPY requirements.lock ./
RUN python3 -m venv /opt/venv \
 && /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps --no-compile \
    --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY bot bot
COPY handlers handlers
COPY deploy_core deploy_core
COPY pex_runner pex_runner
# Compiled here, since the bot may not write where it runs.
RUN /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps --no-compile . \
 && /opt/venv/bin/pip uninstall --yes --quiet pip setuptools \
 && /opt/venv/bin/python -m compileall -q /opt/venv/lib

FROM ${PYTHON}
ARG EXTRA_PACKAGES=""
# git reads the projects, ssh is for deploy keys and engines behind SSH, tini reaps what they leave.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends \
    git openssh-client tini ca-certificates ${EXTRA_PACKAGES} \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/*
# Writable for the group 0 too: there the user is any number, with that group (OpenShift).
RUN useradd --uid 10001 --gid 0 --home-dir /var/lib/dagster-chatops --no-create-home chatops \
 && mkdir -m 0770 /var/lib/dagster-chatops \
 && chown 10001:0 /var/lib/dagster-chatops
COPY --from=build /opt/venv /opt/venv
COPY manifest.yml /opt/dagster-chatops/manifest.yml
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    HOME=/var/lib/dagster-chatops USER=chatops LOGNAME=chatops \
    DAGSTER_CHATOPS_CONFIG=/etc/dagster-chatops/dagster-chatops.yaml \
    DAGSTER_CHATOPS_STATE=/var/lib/dagster-chatops \
    HEALTH_PORT=8080
USER 10001
WORKDIR /var/lib/dagster-chatops
VOLUME /var/lib/dagster-chatops
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s CMD ["python3", "-c", \
  "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ[\"HEALTH_PORT\"]}/livez', timeout=4)"]
ENTRYPOINT ["tini", "--", "dagster-chatops"]
CMD ["run"]
