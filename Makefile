# Settings of `up` may stand behind it or before it (`make up JOB_TIMEOUT=2`, `JOB_TIMEOUT=2 make up`): see docs/configuration.md.
export PORT ?= 3000
export WORKERS ?= 2
export FCGI ?= 1
export RUN ?= .run

# make would expand a `$` in what stands on its command line; what it took from the environment it passes on untouched.
$(foreach name,$(.VARIABLES),$(if $(filter command,$(word 1,$(origin $(name)))),\
    $(eval override export $(name) := $$(value $(name)))))

release := swift build --configuration release --static-swift-stdlib

.PHONY: help install build up test model chaos asan tsan fuzz bench test-containers lint clean

help: ## Show this help
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand --tabs=24

install: ## Install the Debian packages that are missing
	@Sources/stack/install run test

build: ## Build the release binaries
	@Sources/stack/install run
	$(release)

up: build ## Run everything on this machine until Ctrl-C: PORT=3000 WORKERS=2 FCGI=1 RATE_LIMIT= RUN=.run
	@exec setpriv --pdeathsig TERM Sources/stack/up

# One kind after the other: servers at work would starve the tests that have deadlines.
test: install ## Build and run every test
	$(release)
	swift build --build-tests
	swift test --skip-build --skip 'IntegrationTests|EndToEndTests'
	swift test --skip-build --filter IntegrationTests
	swift test --skip-build --filter EndToEndTests

model: ## Check the protocol's model, and that it notices what would break the protocol
	@Sources/stack/install model
	@exec Tests/Model/model

fuzz: install ## Try the readers of what others send with inputs that libFuzzer makes up: SECONDS_EACH=15
	FUZZ=1 swift build --configuration release --scratch-path .build/fuzz --product fuzz \
		-Xswiftc -sanitize=fuzzer,address -Xswiftc -enable-testing -Xswiftc -use-ld=lld
	@exec Tests/Fuzz/fuzz

bench: ## Measure the service on this machine, into .bench/<time>: QUICK=1
	@Sources/stack/install run bench
	$(release)
	@exec Tests/Bench/bench

chaos: ## Run the service under load and faults, and check its promises: DURATION=60 SEED= FAULTS=rolling
	@Sources/stack/install run chaos
	$(release)
	@exec Tests/Chaos/chaos

test-containers: ## Run docker-compose.yml on an engine, scale, redeploy and break it: ROUNDS=3 STEPS=
	@exec Tests/Containers/containers

asan: ## Run the tests with the address sanitizer, and look for leaks
	@Sources/stack/install run test bench
	@exec Tests/Sanitize/sanitize address

tsan: ## Run the tests with the thread sanitizer, and look for races under load
	@Sources/stack/install run test bench
	@exec Tests/Sanitize/sanitize thread

lint: install ## Check the style of the sources
	swift format lint --strict --recursive Package.swift Sources Tests
	shellcheck --external-sources --source-path=SCRIPTDIR .ci/run $$(grep --files-with-matches --recursive '^#!.*bash' Sources Tests)

clean: ## Remove the stack's data, logs and secrets, and what was built
	@Sources/stack/clean
	rm -rf .build
