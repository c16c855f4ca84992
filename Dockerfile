FROM python:3.13-slim AS build
WORKDIR /src
COPY . .
RUN pip wheel --no-cache-dir --wheel-dir /wheels . \
    && python -m venv --without-pip /opt/gateway-exporter \
    && pip --python /opt/gateway-exporter/bin/python install --no-cache-dir --no-index /wheels/*.whl

FROM python:3.13-slim
COPY --from=build /opt/gateway-exporter /opt/gateway-exporter
ENV PATH=/opt/gateway-exporter/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
# For `state: {path: /var/lib/gateway-exporter/state.db}`: mount a volume there, or counters last as long as the container.
RUN install -d -o 65532 -g 65532 -m 700 /var/lib/gateway-exporter
VOLUME /var/lib/gateway-exporter
# Any user will do that may read the logs: docker run --user, or a pod's runAsUser and supplementalGroups.
USER 65532:65532
EXPOSE 10114
HEALTHCHECK --interval=15s --timeout=5s --start-period=10s CMD ["python", "-c", "\
import http.client, sys; \
exporter = http.client.HTTPConnection('127.0.0.1', 10114, timeout=4); \
exporter.request('GET', '/-/healthy'); \
sys.exit(exporter.getresponse().status != 200)"]
ENTRYPOINT ["gateway-exporter"]
# The address stands here because a port that only the container itself can reach is of no use.
CMD ["run", "--config.file", "/etc/gateway-exporter/config.yaml", "--web.listen-address", "0.0.0.0:10114"]
