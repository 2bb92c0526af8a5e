# What a person types. Needs GNU make 4, a Rust toolchain, a C and a C++ compiler, and python3 with
# pip; what else a target needs, it installs, once. `make help` lists the targets.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
.DEFAULT_GOAL := help

# Arguments for mtok: make bench ARGS="qwen2.5-coder-0.5b --price 2.50/h"
ARGS ?=

TARGET := $(or $(CARGO_TARGET_DIR),target)
VENV := target/venv
NEXTEST_PROFILE := $(if $(CI),ci,default)

NEXTEST_VERSION := 0.9.143
DENY_VERSION := 0.20.2
MACHETE_VERSION := 0.9.2
TYPOS_VERSION := 1.52.0

# A real llama.cpp server, for the tests of what is asked of servers.
LLAMA := target/llama
LLAMA_PACKAGE := xllamacpp==2026.10.11549

# NVIDIA's compiler, in the parts that it is published in.
NVCC := target/nvcc
NVCC_PARTS := nvidia-cuda-nvcc==13.0.88 nvidia-nvvm==13.0.88 nvidia-cuda-crt==13.0.88 \
    nvidia-cuda-runtime==13.0.96 nvidia-cuda-cccl==13.0.85

# $(call install,TOOL,VERSION): from source, a few minutes, only where no version of it is there.
install = command -v $(1) >/dev/null || cargo install --locked $(1) --version $(2)

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: bench
bench: ## Measure the default model here, on the GPU if it can be used; ARGS=… goes to mtok bench
	@features=
	# cudarc asks for nvcc by name, so a toolkit that is only at its usual place is put on the path.
	for bin in "$${CUDA_HOME:-/usr/local/cuda}/bin" /usr/local/cuda/bin; do
	    if ! command -v nvcc >/dev/null && [[ -x $$bin/nvcc ]]; then export PATH="$$bin:$$PATH"; fi
	done
	driver=
	if nvidia-smi -L >/dev/null 2>&1; then driver=yes
	elif /sbin/ldconfig -p 2>/dev/null | grep -q 'libcuda\.so\.1'; then driver=yes; fi
	if [[ -n $$driver ]] && command -v nvcc >/dev/null; then
	    echo "make bench: a CUDA driver and nvcc are here: building with --features cuda" >&2
	    features="--features cuda"
	elif [[ -n $$driver ]]; then
	    echo "make bench: a CUDA driver is here, but no nvcc: building for the CPU, so these will be CPU figures" >&2
	    echo "make bench: to measure the GPU, install a CUDA toolkit (12 or 13) and put nvcc on PATH" >&2
	else
	    echo "make bench: no CUDA driver here: building for the CPU" >&2
	fi
	cargo run --release $$features -- bench $(ARGS)

.PHONY: demo
demo: ## A short tour: a cost worked out, a published figure audited, the models, a short measurement
	@cargo build --release
	mtok="$(TARGET)/release/mtok"
	tour() { printf '\n$$ mtok %s\n' "$$*"; "$$mtok" "$$@"; }
	tour cost --price 2.50/h --rate 185tok/s --load 100%,30%,10%
	tour cost --price 2.50/h --rate 185tok/s --claim 0.0038/Mtok
	tour models list
	tour bench --concurrency 1,4 --duration 5s

.PHONY: validate
validate: ## How wrong the estimate is on published runs: a table, and a plot in target/
	@mkdir -p "$(TARGET)"
	cargo run --release --example validate_estimate -- "$(TARGET)/validation.svg"
	echo "the plot is $(TARGET)/validation.svg" >&2

.PHONY: test
test: $(LLAMA)/installed ## Run every test
	@$(call install,cargo-nextest,$(NEXTEST_VERSION))
	# Pages are opened in a browser, by Debian's package; elsewhere than in CI that test is skipped without.
	if [[ -n "$${CI:-}" ]] && ! command -v chromium >/dev/null; then
	    apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium
	fi
	cargo nextest run --profile $(NEXTEST_PROFILE)
	cargo test --doc

$(LLAMA)/installed:
	@rm -rf $(LLAMA)
	python3 -m venv $(LLAMA)
	$(LLAMA)/bin/pip install --quiet $(LLAMA_PACKAGE)
	touch $@

.PHONY: check
check: fmt lint cuda-check kernels kernels-sanitize doc deny advisories spelling unused ## Everything short of running tests: form, lints, kernels, documentation, licences, spelling
	@echo "make check: all passed"

.PHONY: fmt
fmt:
	cargo fmt --check

.PHONY: lint
lint:
	cargo clippy --profile lint --all-targets -- -D warnings

# Types and lints of the CUDA build, with no toolkit: a stand-in for nvcc goes first on the path.
.PHONY: cuda-check
cuda-check: ## Check the CUDA build's types and lints, without a CUDA toolkit
	@stand_in="$(CURDIR)/tests/tools/fake_nvcc"
	PATH="$$stand_in:$$PATH" NVCC="$$stand_in/nvcc" CUDA_COMPUTE_CAP=90 \
	    cargo clippy --profile lint --features cuda --all-targets -- -D warnings

.PHONY: kernels
kernels: $(NVCC)/installed ## Compile the GPU kernels for every GPU, and list what they take
	@PATH="$(CURDIR)/$(NVCC)/nvidia/cu13/bin:$$PATH" kernels/compile.sh target/kernels

$(NVCC)/installed:
	@rm -rf $(NVCC)
	python3 -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --no-deps --target $(NVCC) $(NVCC_PARTS)
	touch $@

.PHONY: kernels-sanitize
kernels-sanitize: ## Run the GPU kernels on this CPU under the thread and address sanitizers
	@kernels/sanitize.sh

.PHONY: doc
doc:
	RUSTDOCFLAGS="-D warnings -A rustdoc::private_intra_doc_links" cargo doc --profile lint --no-deps --document-private-items

.PHONY: deny
deny:
	@$(call install,cargo-deny,$(DENY_VERSION))
	cargo deny --log-level error check licenses bans sources

# Known vulnerabilities are listed in a public database, which a closed network does not reach.
.PHONY: advisories
advisories:
	@$(call install,cargo-deny,$(DENY_VERSION))
	database=https://github.com/RustSec/advisory-db
	if GIT_TERMINAL_PROMPT=0 timeout 10 git ls-remote --exit-code "$$database" HEAD >/dev/null 2>&1; then
	    cargo deny --log-level error check advisories
	else
	    echo "advisories: not checked: $$database is not reachable from here"
	fi

.PHONY: spelling
spelling:
	@[[ -x $(VENV)/bin/typos ]] || {
	    python3 -m venv $(VENV)
	    $(VENV)/bin/pip install --quiet typos==$(TYPOS_VERSION)
	}
	$(VENV)/bin/typos

.PHONY: unused
unused:
	@$(call install,cargo-machete,$(MACHETE_VERSION))
	cargo machete

# The snapshots are not in this repository: data/README.md says what they are.
SNAPSHOTS ?= ../shared/data/prices

.PHONY: data
data: ## Make the embedded price book anew, from snapshots of public ones; SNAPSHOTS=folder
	@cargo run --example make_prices -- "$(SNAPSHOTS)" data/prices.jsonl

.PHONY: peers
peers: ## Record what llama.cpp says on the same models, as fixtures for the tests
	@python3 -m venv target/venv-peers
	target/venv-peers/bin/pip install --quiet -r benches/peers/requirements.txt
	target/venv-peers/bin/python benches/peers/record_llama_cpp.py --models "$${MTOK_TEST_MODELS:-target/test-models}" $(ARGS)

# llama.cpp is built here, from source, with all the instructions this CPU has.
.PHONY: peers-engine
peers-engine: ## Measure the engine against llama.cpp and mistral.rs, in turns; ARGS="--only NAME …"
	@python3 -m venv target/venv-peers
	CMAKE_ARGS="-DGGML_NATIVE=ON -DLLAVA_BUILD=OFF -DLLAMA_BUILD_TOOLS=OFF -DLLAMA_BUILD_SERVER=OFF \
	    -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_APP=OFF" \
	    target/venv-peers/bin/pip install --quiet -r benches/peers/requirements-engine.txt
	ours="$$(cargo bench --bench engine --no-run 2>&1 | tee /dev/stderr | sed -n 's/.*Executable .*(\(.*\))$$/\1/p')"
	target/venv-peers/bin/python -B benches/peers/engine.py --ours "$$ours" \
	    --models "$${MTOK_TEST_MODELS:-target/test-models}" --out target/peers/engine.json $(ARGS)

# The peers' virtual environments take 1.2 GB and 5.9 GB; one that can't be made is left out.
LOADGEN_VENVS ?= target/peers
LOADGEN_PEERS := aiperf==0.13.0 guidellm==0.8.1

.PHONY: peers-loadgen
peers-loadgen: ## Measure load generators against a server of known latencies; ARGS="--rounds 1 …"
	@cargo build --release --bin mtok --example mock_openai --example control_client
	for peer in $(LOADGEN_PEERS); do
	    venv="$(LOADGEN_VENVS)/venv-$${peer%%=*}"
	    [[ ! -x $$venv/bin/$${peer%%=*} ]] || continue
	    python3 -m venv "$$venv"
	    "$$venv/bin/pip" install --quiet "$$peer" || echo "peers-loadgen: $$peer could not be installed" >&2
	done
	python3 -B benches/peers/loadgen.py --ours "$(TARGET)/release/mtok" \
	    --mock "$(TARGET)/release/examples/mock_openai" \
	    --control "$(TARGET)/release/examples/control_client" \
	    --aiperf "$(LOADGEN_VENVS)/venv-aiperf" --guidellm "$(LOADGEN_VENVS)/venv-guidellm" \
	    --out target/peers/loadgen.json $(ARGS)
