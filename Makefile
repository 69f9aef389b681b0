# make demo       the main job on real parts: three TPMs, a real API server, two controllers; leaves everything running
# make demo-stop  ends what the demo left running
# make test       all tests but the long ones; installs what they need
# make test-all   and the long ones: the unit and swtpm tests again under sanitizers, 120,000 mutants
# make fuzz       every fuzz target for 20 seconds, two at a time on two cores; FUZZ_SECONDS=600 make fuzz for longer
# make lint       formatting, layering, shell, YAML, the chart's copies
# make tidy       clang-tidy over the libraries and programs (a quarter of an hour)
# make bench      benchmarks; results in build/bench/results.json
# make format     formats the sources

SHELL := /bin/bash
PRESET ?= dev
BUILD := build/$(PRESET)
JOBS ?= $(shell nproc)
SOURCES := $(shell git ls-files '*.cc' '*.h')

.PHONY: all deps build demo demo-stop test test-all fuzz lint tidy bench format image

all: build

deps:
	@cmake/install-packages.sh build test

build: deps
	@mkdir -p build && cmake --preset $(PRESET) >$(BUILD).log 2>&1 || { cat $(BUILD).log; exit 1; }
	@cmake --build --preset $(PRESET) -j $(JOBS)

demo: deps
	@mkdir -p build && cmake --preset release -DBUILD_TESTING=OFF -DPLIMSOLL_BENCHMARKS=OFF >build/demo-configure.log 2>&1 || { cat build/demo-configure.log; exit 1; }
	@cmake --build --preset release -j $(JOBS) --target plimsoll-agent plimsoll-controller
	@demo/start.sh build/release/bin

demo-stop:
	@demo/stop.sh

test: deps
	@tests/cluster/tools/build.sh >/dev/null
	@mkdir -p build && cmake --preset $(PRESET) >build/configure.log 2>&1 || { cat build/configure.log; exit 1; }
	@cmake --build --preset $(PRESET) -j $(JOBS)
	@ctest --preset $(PRESET) -j $(JOBS)

test-all: test
	@for preset in asan-ubsan tsan; do \
	  cmake --preset $$preset >build/$$preset-configure.log 2>&1 && cmake --build --preset $$preset -j $(JOBS) && ctest --preset $$preset -j $(JOBS) -L 'unit|swtpm' || exit 1; \
	done
	@PLIMSOLL_MUTATIONS=120000 ctest --preset asan-ubsan -j $(JOBS) -L mutation

# The targets have a build of their own (preset fuzz), which the ctests bring up to date; any build has those ctests.
fuzz: deps
	@mkdir -p build && cmake --preset $(PRESET) >build/configure.log 2>&1 || { cat build/configure.log; exit 1; }
	@ctest --preset $(PRESET) -j $(JOBS) -L fuzz --verbose

lint:
	@cmake/install-packages.sh lint
	@tests/lint/run.sh

tidy: deps
	@cmake/install-packages.sh lint
	@mkdir -p build && cmake --preset tidy -DPLIMSOLL_BENCHMARKS=OFF >build/tidy.log 2>&1 || { cat build/tidy.log; exit 1; }
	@run-clang-tidy-14 -quiet -p build/tidy '^$(CURDIR)/(lib|node-agent|controller|kubectl-plugin)/'

bench: deps
	@mkdir -p build/bench && cmake --preset release -DBUILD_TESTING=ON -DPLIMSOLL_BENCHMARKS=ON >build/bench/configure.log 2>&1 || { cat build/bench/configure.log; exit 1; }
	@cmake --build --preset release -j $(JOBS) --target plimsoll_bench
	@build/release/bin/plimsoll_bench --benchmark_out=build/bench/results.json --benchmark_out_format=json

format:
	@cmake/install-packages.sh lint
	@clang-format-14 -i $(SOURCES)

image:
	@buildah bud --isolation chroot --tag plimsoll:dev --file Dockerfile .
