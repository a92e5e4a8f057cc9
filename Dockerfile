# The program on Debian's own Python. Built and run with buildah; see docs/operating.md.
FROM debian:bookworm-slim AS build
# Debian's security updates are wanted, so its packages are not pinned.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3 python3-venv \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY requirements/ requirements/
RUN python3 -m venv /opt/circles \
    && /opt/circles/bin/pip install --no-cache-dir --require-hashes \
        -r requirements/run.txt -r requirements/build.txt
COPY pyproject.toml README.md LICENSE CHANGELOG.md ./
COPY src/ src/
RUN /opt/circles/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM debian:bookworm-slim
# postgresql-client brings pg_dump and pg_restore for `circles backup` and `restore --check`.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends postgresql-client python3 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --no-create-home circles \
    && install --directory --mode 0700 --owner circles /data
COPY --from=build /opt/circles /opt/circles
# In the container it listens on the container's own network, where only the proxy is.
ENV PATH=/opt/circles/bin:$PATH PYTHONUNBUFFERED=1 CIRCLES_DATA=/data CIRCLES_HOST=0.0.0.0
# By number, so that a host can tell that it is not root.
USER 10001
WORKDIR /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["python", "-m", "circles.operating.alive"]
CMD ["circles", "serve"]
