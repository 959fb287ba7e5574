# Names for what is done often. `./serve` and `./test` do without make; everything runs in a virtual
# environment of its own, and nothing else on the machine is touched.

PORT  ?= 5300
BIN    = .venv/bin
export PORT

.PHONY: help serve serve-lab test test-long test-limits ready tables share clean \
        wheel wheels deb image release versions \
        bench-wire bench-latency bench-throughput bench-validation bench-realworld bench-selection \
        bench-outage bench-calm bench-restart bench-forwarding bench-attack bench-valkey

help:
	@echo 'make serve             run the resolver on 127.0.0.1 and ::1, port $(PORT) (as ./serve)'
	@echo 'make serve-lab         the same, answering from a simulated Internet (works offline)'
	@echo 'make test              everything that is checked: style, types, imports, tests (as ./test)'
	@echo 'make test-long         the long tests too: more worlds, more packets'
	@echo 'make test-limits       change each limit: do its tests notice? (an hour)'
	@echo 'make wheel | deb | image   a wheel and an sdist, a Debian package, a container image'
	@echo 'make wheels            compiled wheels too, for this machine: a miss costs less CPU'
	@echo 'make release           is this commit a release? Then all of them'
	@echo 'make tables            put the current tables into the documents'
	@echo 'make share             make the manual pages and shell completion in share/ anew'
	@echo 'make bench-wire | -latency | -throughput | -validation | -realworld | -selection'
	@echo '     bench-outage | -calm | -restart | -forwarding | -attack | -valkey'

serve:
	@exec ./serve

serve-lab:
	@exec ./serve --lab

test:
	@./test

test-long:
	@./test --long

# Half and twice of each limit: do the tests that name it notice? About an hour.
test-limits: ready
	$(BIN)/python -m tests.limit_mutants

# What the rest needs: the environment with everything in it.
ready:
	@. tools/environment.sh && environment .venv test

# --- measure it (each figure in the documents is printed by one of these) ------------------------
bench-wire bench-latency bench-throughput bench-validation bench-realworld bench-selection bench-outage bench-calm bench-restart bench-forwarding bench-attack bench-valkey: bench-%: ready
	$(BIN)/python -m bench.$*

tables: ready
	$(BIN)/python contrib/refresh-tables
	$(BIN)/python -m tools.share

# Manual pages and shell completion, from the command line, the configuration's schema and docs/.
share: ready
	$(BIN)/python -m tools.share

# --- what is published, in dist/ -----------------------------------------------------------------
wheel: ready
	$(BIN)/python -m hatchling build -t sdist -t wheel -d dist

# And one for this platform and each Python that is here, in which the path of a query is compiled:
# half the CPU of a miss. pip takes it where it fits, and else the one for all. Needs a C compiler.
wheels: wheel
	@tools/wheels

# ARCH="amd64 arm64" for both: nothing of the libraries is run.
deb: ready
	@tools/deb $(ARCH)

# With buildah, podman or docker; OPTIONS="--build-arg BASE=…" as they take them.
image:
	@tools/image $(OPTIONS)

# Its version, its tag and its section of CHANGELOG.md have to fit; nothing is made otherwise.
release: ready
	$(BIN)/python -m tools.release
	$(MAKE) wheel deb ARCH="amd64 arm64"
	$(MAKE) image

# The newest versions of the libraries that packages bring: commit what it writes.
versions: ready
	$(BIN)/python -m tools.versions

clean:
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .coverage .coverage.*
