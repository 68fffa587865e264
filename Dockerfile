# Thalia with a compiler, for an unprivileged user, and with the programs of some circuits.
#
#   docker build -t thalia .
#   docker run --rm -v "$PWD:/work" -u "$(id -u):$(id -g)" thalia    # the first command of the README
#
# The programs run on every processor with the instructions of PROCESSOR:
# --build-arg PROCESSOR=x86-64-v4 uses more of them, armv8-a is for an image for arm64.

FROM python:3.12-slim-bookworm AS base
RUN apt-get update \
    && apt-get install --yes --no-install-recommends g++ \
    && rm -rf /var/lib/apt/lists/*
ARG PROCESSOR=x86-64-v3
ENV CXX="g++ -march=${PROCESSOR}" PATH="/opt/thalia/bin:$PATH" PYTHONUTF8=1

FROM base AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ci-versions.txt ./
COPY thalia thalia
COPY circuits circuits
RUN python -m venv /opt/thalia \
    && pip install --no-cache-dir --constraint ci-versions.txt .
RUN install -d -m 755 /opt/cache \
    && for circuit in pair brunel cortex reward; do \
        THALIA_CACHE=/opt/cache thalia run "circuits/$circuit.yaml" --duration "1 ms" \
            -o "/tmp/$circuit.h5" --json > /dev/null || exit 1; \
    done

FROM base
COPY --from=build /opt/thalia /opt/thalia
COPY --from=build /opt/cache /opt/cache
COPY circuits /circuits
# the layer is only read; the cache of a container that is run as any user ends with it
ENV THALIA_CACHE_LAYERS=/opt/cache THALIA_CACHE=/tmp/thalia MPLCONFIGDIR=/tmp/matplotlib
RUN useradd --create-home thalia && install -d -o thalia -g thalia /work
USER thalia
WORKDIR /work
ENTRYPOINT ["thalia"]
CMD ["run", "/circuits/cortex.yaml", "--plot"]
