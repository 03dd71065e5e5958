# syntax is plain on purpose: it builds with BuildKit and with the classic builder.
ARG PYTHON=python:3.11-slim

FROM ${PYTHON} AS build
WORKDIR /src
COPY requirements.lock pyproject.toml README.md LICENSE ./
RUN python3 -m venv /opt/venv \
 && /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps \
    --require-hashes -r requirements.lock
COPY bot bot
COPY handlers handlers
COPY deploy_core deploy_core
RUN /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps . \
 && /opt/venv/bin/python -m compileall -q /opt/venv/lib \
 && /opt/venv/bin/pip uninstall --yes --quiet pip setuptools

FROM ${PYTHON}
# git reads the projects; tini reaps what git leaves behind when it is stopped.
RUN apt-get update \
 && apt-get install --yes --no-install-recommends git openssh-client tini ca-certificates \
 && rm -rf /var/lib/apt/lists/*
RUN useradd --uid 10001 --create-home --home-dir /var/lib/dagster-chatops chatops
COPY --from=build /opt/venv /opt/venv
COPY manifest.yml /opt/dagster-chatops/manifest.yml
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 \
    DAGSTER_CHATOPS_CONFIG=/etc/dagster-chatops/dagster-chatops.yaml
USER chatops
WORKDIR /var/lib/dagster-chatops
VOLUME /var/lib/dagster-chatops
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s \
  CMD ["python3", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/livez', timeout=4)"]
ENTRYPOINT ["tini", "--", "dagster-chatops"]
CMD ["run"]
