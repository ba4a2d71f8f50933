.DEFAULT_GOAL := help
.PHONY: help run test check fmt clippy doc deny schema contract client chaos bench bench-micro audit schema-update db-start db-stop db-reset db-psql

help: ## Say what each target does
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 16

run: ## Serve on http://127.0.0.1:8080 with a workspace to try; needs nothing set up
	@scripts/run

test: ## Run every test, on a real PostgreSQL; needs nothing set up
	@scripts/dependencies
	cargo test --workspace

check: fmt clippy doc deny schema ## Run every check that is not a test

fmt: ## Check the formatting
	cargo fmt --all --check

clippy: ## Run the lints
	@scripts/dependencies
	cargo clippy --workspace --all-targets --all-features -- -D warnings

doc: ## Build the documentation, without warnings
	@scripts/dependencies
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps

deny: ## Check licences, banned crates and their sources
	"$$(scripts/tool cargo-deny)" --log-level error check licenses bans sources

schema: ## Check that schema.rs is what the migrations make
	scripts/schema check

contract: ## Hold the running binary to openapi.yaml with generated requests
	scripts/contract

client: ## Generate a client from openapi.yaml, and take a device through its life with it
	scripts/client

chaos: ## Kill and besiege the service, and see what is lost; CHAOS=--short for a tenth of it
	@scripts/dependencies
	cargo run --quiet --package devices-tests --bin chaos -- $(CHAOS)

bench: ## Measure the service beside PostgreSQL itself, in a quarter of an hour; BENCH=--help says what else
	@scripts/dependencies
	cargo run --quiet --release --package devices-tests --bin bench -- $(BENCH)

bench-micro: ## Measure what a device costs on one core: reading, judging, answering
	@scripts/dependencies
	cargo bench --quiet --package devices-api --bench batch

audit: ## Ask for security advisories about dependencies; downloads them
	"$$(scripts/tool cargo-deny)" --log-level warn check advisories

schema-update: ## Write schema.rs anew from the migrations
	scripts/schema update

db-start: ## Start the checkout's own PostgreSQL; the last line is its URL
	@scripts/postgres start

db-stop: ## Stop it
	@scripts/postgres stop

db-reset: ## Start it empty
	@scripts/postgres reset

db-psql: ## Open psql on it
	@scripts/postgres psql
