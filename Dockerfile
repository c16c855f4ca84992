# `make pin` adds the digest of the image that this tag has, and renews requirements.txt.
ARG PYTHON=python:3.13-slim

FROM ${PYTHON} AS build
WORKDIR /src
COPY . .
# Nothing is installed whose hash requirements.txt does not have; setuptools, which builds the product, is in it too.
RUN pip wheel --no-cache-dir --wheel-dir /wheels --no-deps --require-hashes --only-binary :all: -r requirements.txt \
    && pip install --no-cache-dir --no-index --find-links /wheels --upgrade setuptools \
    && pip wheel --no-cache-dir --wheel-dir /wheels --no-deps --no-index --no-build-isolation . \
    && python -m venv --without-pip /opt/gateway-exporter \
    && pip --python /opt/gateway-exporter/bin/python install --no-cache-dir --no-index --find-links /wheels gateway-exporter

FROM ${PYTHON}
COPY --from=build /opt/gateway-exporter /opt/gateway-exporter
COPY deploy/docker/healthcheck.py /opt/healthcheck.py
ENV PATH=/opt/gateway-exporter/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
# For `state: {path: /var/lib/gateway-exporter/state.db}`: mount a volume there, or counters last as long as the container.
RUN install -d -o 65532 -g 65532 -m 700 /var/lib/gateway-exporter
VOLUME /var/lib/gateway-exporter
# Any user will do that may read the logs: docker run --user, or a pod's runAsUser and supplementalGroups.
USER 65532:65532
EXPOSE 10114
HEALTHCHECK --interval=15s --timeout=10s --start-period=10s CMD ["python", "/opt/healthcheck.py", "10114"]
ENTRYPOINT ["gateway-exporter"]
# The address stands here because a port that only the container itself can reach is of no use.
CMD ["run", "--config.file", "/etc/gateway-exporter/config.yaml", "--web.listen-address", "0.0.0.0:10114"]
