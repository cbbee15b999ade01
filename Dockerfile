# vpo with ffmpeg and mkvtoolnix, for a NAS or a home server: docs/docker.md.
#
#   docker build -t vpo .
#   docker run --rm -u 1000:1000 -v /volume1/media:/media -v /volume1/vpo:/config \
#     vpo process -R -p /config/vpo/policies/tidy.yaml /media

FROM python:3.13-slim-bookworm AS build
WORKDIR /src
COPY constraints.txt pyproject.toml README.md LICENSE ./
COPY docs/man docs/man
COPY src src
RUN python -m venv /opt/vpo \
 && /opt/vpo/bin/pip install --no-cache-dir --constraint constraints.txt '.[watch,notify,cluster]'

FROM python:3.13-slim-bookworm
# The newest of the release: both read files that nobody has checked.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ffmpeg mkvtoolnix util-linux \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 1000 --create-home vpo \
 && install --directory --owner vpo --group vpo /config /media
COPY --from=build /opt/vpo /opt/vpo
# Everything that vpo keeps is in /config/vpo, whatever user it runs as.
ENV PATH=/opt/vpo/bin:$PATH \
    XDG_CONFIG_HOME=/config \
    XDG_DATA_HOME=/config \
    PYTHONUNBUFFERED=1
USER 1000:1000
WORKDIR /media
VOLUME ["/config"]
ENTRYPOINT ["vpo"]
CMD ["--help"]
