# vpo with ffmpeg and mkvtoolnix, for a NAS or a home server: docs/docker.md.
#
#   docker build -t vpo .
#   docker run -p 8790:8790 -e PUID=1000 -e PGID=1000 -v /volume1/media:/media \
#     -v /volume1/vpo:/config vpo

FROM python:3.13-slim-bookworm AS build
WORKDIR /src
COPY constraints.txt pyproject.toml README.md LICENSE ./
COPY docs/man docs/man
COPY src src
RUN python -m venv /opt/vpo \
 && /opt/vpo/bin/pip install --no-cache-dir --constraint constraints.txt '.[watch,notify,cluster,serve]'

FROM python:3.13-slim-bookworm
# The newest of the release: both read files that nobody has checked.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ffmpeg mkvtoolnix tzdata util-linux \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 1000 --create-home vpo \
 && install --directory --owner vpo --group vpo /config /media
COPY --from=build /opt/vpo /opt/vpo
COPY docker-entrypoint.sh /usr/local/bin/docker-entrypoint.sh
# Everything that vpo keeps is in /config/vpo, whatever user it runs as.
ENV PATH=/opt/vpo/bin:$PATH \
    XDG_CONFIG_HOME=/config \
    XDG_DATA_HOME=/config \
    PYTHONUNBUFFERED=1 \
    HOME=/config
WORKDIR /media
VOLUME ["/config"]
EXPOSE 8790
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD \
  ["python3", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8790/healthz', timeout=4)"]
# The entrypoint gives up root for PUID and PGID; started with -u, it is never root.
ENTRYPOINT ["docker-entrypoint.sh"]
CMD ["serve", "--host", "0.0.0.0"]
