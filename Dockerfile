# One image, two entry points: /usr/bin/plimsoll-controller (the default) and /usr/bin/plimsoll-agent.
ARG BASE=docker.io/library/debian:bookworm-slim

FROM ${BASE} AS build
WORKDIR /source
COPY cmake/packages.txt cmake/install-packages.sh cmake/
RUN cmake/install-packages.sh build
COPY CMakeLists.txt CMakePresets.json ./
COPY cmake cmake
COPY lib lib
COPY node-agent node-agent
COPY controller controller
COPY kubectl-plugin kubectl-plugin
RUN cmake --preset release -DBUILD_TESTING=OFF && cmake --build --preset release --target plimsoll-agent plimsoll-controller \
 && strip build/release/bin/plimsoll-agent build/release/bin/plimsoll-controller

FROM ${BASE}
COPY cmake/packages.txt cmake/install-packages.sh /tmp/cmake/
RUN /tmp/cmake/install-packages.sh run && rm -rf /tmp/cmake /var/lib/apt/lists/* /var/cache/apt/*
COPY --from=build /source/build/release/bin/plimsoll-agent /source/build/release/bin/plimsoll-controller /usr/bin/
COPY LICENSE /usr/share/doc/plimsoll/LICENSE
USER 65532:65532
ENTRYPOINT ["/usr/bin/plimsoll-controller"]
