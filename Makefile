# Everything runs inside .venv, which `make` creates: Python, a C++ compiler and make are all it needs.
#
#   make build      compile the extension in place (the default)
#   make demo       train the digits networks and draw what they read
#   make test       run the tests; PYTEST_ARGS="-k sort" picks some
#   make lint       ruff, pyright, clang-format; changes nothing
#   make format     write what the formatters and ruff's fixes would
#   make bench      measure against JAX, in .bench-env; BENCH_ARGS="--quick --only dispatch"
#   make bench-torch-env  install PyTorch into .bench-torch-env; the next `make bench` measures it too
#   make bench-check      compare every workload's result, without times
#   make coverage   write docs/coverage.md: which of JAX's public names are there
#   make ulp        check the elementary functions over the whole float32 range
#   make sanitize   run the native tests on an extension built with address and undefined sanitizers
#   make sanitize-thread   the same with the thread sanitizer
#   make clean      remove what was built

PYTHON ?= python3
BIN := .venv/bin
BUILD := build/in-place
# Two builds at once in one folder would corrupt it.
LOCK := $(if $(shell command -v flock),flock $(BUILD)/.lock,)

.DEFAULT_GOAL := build
.PHONY: build demo test lint format bench bench-env bench-torch-env bench-check ulp coverage sanitize sanitize-thread clean

# More workers than this only compete for memory bandwidth.
JOBS ?= $(shell n=$$(nproc 2>/dev/null || echo 1); [ $$n -gt 4 ] && echo 4 || echo $$n)
PYTEST_ARGS ?=
BENCH_ARGS ?=
BENCH_JAX ?= 0.10.2
BENCH_TORCH ?= torch
CPP_FILES = $(shell find csrc -name '*.cpp' -o -name '*.hpp' -o -name '*.h')
comma := ,
say = @printf '==> %s\n'

.venv/.stamp: pyproject.toml
	$(say) "installing into .venv what gradax needs (a minute or two)"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check numpy scipy llvmlite ml_dtypes opt_einsum pytest \
	  pytest-xdist hypothesis cloudpickle mpmath ruff 'pyright[nodejs]' clang-format matplotlib scikit-learn tqdm \
	  threadpoolctl scikit-build-core nanobind cmake ninja
	@echo "$(CURDIR)" > "$$($(BIN)/python -c 'import site; print(site.getsitepackages()[0])')/gradax.pth"
	@touch $@

$(BUILD)/.stamp: CMakeLists.txt .venv/.stamp
	mkdir -p $(BUILD)
	$(LOCK) $(BIN)/cmake -S . -B $(BUILD) -G Ninja -DGRADAX_IN_PLACE=ON -DCMAKE_MAKE_PROGRAM=$(CURDIR)/$(BIN)/ninja \
	  -DPython_EXECUTABLE=$(CURDIR)/$(BIN)/python -DCMAKE_EXPORT_COMPILE_COMMANDS=ON
	@touch $@

build: $(BUILD)/.stamp
	$(say) "building the extension in place, for .venv"
	@$(LOCK) $(BIN)/cmake --build $(BUILD)

demo: build
	$(say) "training two networks on 1,797 handwritten digits"
	@$(BIN)/python examples/digits.py --picture digits.png

test: build
	$(say) "running the tests, $(JOBS) at a time"
	@$(BIN)/python -m pytest -n $(JOBS) --dist worksteal $(PYTEST_ARGS)

lint: .venv/.stamp
	$(say) "ruff"
	@$(BIN)/ruff check --quiet . && $(BIN)/ruff format --quiet --check .
	$(say) "clang-format"
	@$(BIN)/clang-format --dry-run -Werror $(CPP_FILES)
	$(say) "pyright"
	@PYRIGHT_PYTHON_IGNORE_WARNINGS=1 $(BIN)/pyright

format: .venv/.stamp
	$(say) "ruff, clang-format"
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .
	@$(BIN)/clang-format -i $(CPP_FILES)

bench: build $(if $(GRADAX_BENCH_PYTHON),,bench-env)
	$(say) "measuring gradax and others in turns (half an hour; BENCH_ARGS=--quick: a glance)"
	@$(BIN)/python benchmarks/harness.py $(BENCH_ARGS)

bench-check: build
	$(say) "comparing the results of the benchmark's workloads"
	@$(BIN)/python benchmarks/harness.py --check $(BENCH_ARGS)

bench-env: .bench-env/.stamp
.bench-env/.stamp:
	$(say) "installing JAX $(BENCH_JAX) into .bench-env, to measure against"
	@$(PYTHON) -m venv .bench-env
	@.bench-env/bin/python -m pip install --quiet --disable-pip-version-check jax==$(BENCH_JAX)
	@touch $@

bench-torch-env: .bench-torch-env/.stamp
.bench-torch-env/.stamp:
	$(say) "installing PyTorch into .bench-torch-env, to measure against (several gigabytes)"
	@$(PYTHON) -m venv .bench-torch-env
	@.bench-torch-env/bin/python -m pip install --quiet --disable-pip-version-check numpy setuptools $(BENCH_TORCH)
	@touch $@

coverage: build
	@$(BIN)/python tools/coverage.py

ulp: build
	$(BIN)/python tools/ulp.py

# What exercises csrc; SANITIZE_TESTS=tests is the whole suite, and takes hours.
SANITIZE_TESTS ?= tests/runtime tests/kernels_native tests/tree tests/passes/test_link.py tests/passes/test_disk.py \
  tests/passes/test_levels.py tests/api/test_jit.py
preload = LD_PRELOAD="$$($(CXX) -print-file-name=$(1)) $$($(CXX) -print-file-name=libstdc++.so)"
BUILD_SANITIZED = \
  mkdir -p build/$@ && rm -rf build/$@/tree && mkdir -p build/$@/tree && \
  $(BIN)/cmake -S . -B build/$@ -G Ninja -DGRADAX_SANITIZE=$(1) \
    -DCMAKE_MAKE_PROGRAM=$(CURDIR)/$(BIN)/ninja -DPython_EXECUTABLE=$(CURDIR)/$(BIN)/python && \
  $(BIN)/cmake --build build/$@ && \
  cp -r gradax csrc tests benchmarks examples pyproject.toml build/$@/tree && \
  rm -f build/$@/tree/gradax/_native*.so && cp build/$@/_native*.so build/$@/tree/gradax

sanitize: .venv/.stamp
	$(say) "building the extension with address and undefined sanitizers"
	@$(call BUILD_SANITIZED,address$(comma)undefined)
	$(say) "running the tests that exercise it"
	@cd build/$@/tree && $(call preload,libasan.so) PYTHONPATH=. GRADAX_SANITIZED=address \
	  ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1 \
	  $(CURDIR)/$(BIN)/python -m pytest -p no:cacheprovider $(SANITIZE_TESTS) $(PYTEST_ARGS)

sanitize-thread: .venv/.stamp
	$(say) "building the extension with the thread sanitizer"
	@$(call BUILD_SANITIZED,thread)
	$(say) "running the tests that exercise it"
	@cd build/$@/tree && $(call preload,libtsan.so) PYTHONPATH=. GRADAX_SANITIZED=thread OPENBLAS_NUM_THREADS=1 \
	  TSAN_OPTIONS=suppressions=$(CURDIR)/tools/tsan.supp:history_size=7:die_after_fork=0:exitcode=66 \
	  $(CURDIR)/$(BIN)/python -m pytest -p no:cacheprovider $(SANITIZE_TESTS) $(PYTEST_ARGS)

clean:
	rm -rf build gradax/_native*.so
