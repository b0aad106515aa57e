# Runs as uid 10001 with a read-only root; everything that changes is in the volume /data.
#   docker run --read-only --cap-drop ALL --tmpfs /tmp -v busybridge:/data -p 5232:5232 busybridge
FROM python:3.11-slim AS build
COPY . /source
RUN python -m venv /opt/busybridge && /opt/busybridge/bin/pip install --no-cache-dir /source

FROM python:3.11-slim
RUN useradd --uid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin busybridge \
 && install --directory --owner=10001 --group=10001 --mode=0700 /data
COPY --from=build /opt/busybridge /opt/busybridge
ENV PATH=/opt/busybridge/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    BUSYBRIDGE_CONFIG=/data/busybridge.yaml
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 5232
HEALTHCHECK --interval=30s --timeout=10s --start-period=20s \
    CMD ["python", "-m", "bridge.app.healthcheck"]
ENTRYPOINT ["busybridge"]
CMD ["serve"]
