# Build:  docker build --tag fhir-server .
# Run:    docker run --rm --network host --volume record:/data --env FHIR_AUTH=off fhir-server
#
# Without sign-in the server answers on a loopback address only, so the container shares the network of its host and is
# reached there at http://127.0.0.1:8080/fhir. The record, with its audit chains, lies in the volume.

ARG PYTHON_IMAGE=python:3.11-slim-bookworm

# Build: the assets of the pages, every dependency and the server itself as wheels, in the versions of constraints.txt.
FROM ${PYTHON_IMAGE} AS build
WORKDIR /source
COPY . ./
RUN python fhir_server/web/bring_assets.py
RUN python -m pip wheel --disable-pip-version-check --no-cache-dir --constraint constraints.txt --wheel-dir /wheels .

# Run: the wheels, a user without rights, one folder that may be written.
FROM ${PYTHON_IMAGE} AS run
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    python -m pip install --disable-pip-version-check --no-cache-dir --no-index --find-links /wheels fhir-server \
    && groupadd --system --gid 10001 fhir \
    && useradd --system --uid 10001 --gid fhir --no-create-home --shell /usr/sbin/nologin fhir \
    && install --directory --owner=fhir --group=fhir --mode=0700 /data
ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    FHIR_STORE=sqlite:////data/record.sqlite \
    FHIR_PORT=8080
USER fhir
WORKDIR /data
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['FHIR_PORT'] + '/health/ready', timeout=2)"]
ENTRYPOINT ["fhir-server"]
CMD ["serve"]
