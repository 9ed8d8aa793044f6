# errand: one Makefile. `make help` lists what it can do.
#
# SAN=address,undefined (or thread) builds everything with those sanitizers, FAULTS=1 a server
# that can be made to die at named points (base/fault.h), COVERAGE=1 with counters for each
# line; each in a build folder of its own. CC=clang works too. V=1 shows the commands.

CC       ?= gcc
SAN      ?=
FAULTS   ?=
COVERAGE ?=
BUILD    ?= build$(if $(FAULTS),/faults)$(if $(COVERAGE),/coverage)$(if $(SAN),/$(subst $(comma),-,$(SAN)))
comma   := ,
VERSION := 0.1.0
Q       := $(if $(V),,@)

LAYERS  := base model store executors engine server handlers cli
DEPS    := libmicrohttpd libcjson sqlite3 libuv libcurl nettle

WARN    := -Wall -Wextra -Werror -Wshadow -Wconversion -Wno-sign-conversion -Wstrict-prototypes \
           -Wmissing-prototypes -Wpointer-arith -Wcast-qual -Wwrite-strings -Wvla -Wundef -Wformat=2
OPT     ?= -O2
CFLAGS  ?= $(OPT) -g
ALL_CFLAGS = -std=gnu11 $(CFLAGS) $(WARN) -fno-common -pthread -D_GNU_SOURCE \
             -DERRAND_VERSION='"$(VERSION)"' $(if $(FAULTS),-DERRAND_FAULTS) -I. -I$(BUILD)/gen -MMD -MP \
             $(shell pkg-config --cflags $(DEPS)) \
             $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all) \
             $(if $(COVERAGE),--coverage -fprofile-update=atomic -fno-builtin-execve)
ALL_LDFLAGS = $(LDFLAGS) -pthread $(if $(SAN),-fsanitize=$(SAN)) $(if $(COVERAGE),--coverage)
LIBS    = $(shell pkg-config --libs $(DEPS)) -lm

sources   = $(wildcard $(addsuffix /*.c,$(1)))
objects   = $(patsubst %.c,$(BUILD)/obj/%.o,$(call sources,$(1)))
LIB_OBJS := $(call objects,$(filter-out cli,$(LAYERS)))
CLI_OBJS := $(call objects,cli)
GEN      := $(BUILD)/gen/statements.inc $(BUILD)/gen/invariants.inc $(BUILD)/gen/migrations.inc \
            $(BUILD)/gen/dashboard.inc $(BUILD)/gen/schemas.inc

.DELETE_ON_ERROR:
.PHONY: all help build run demo demo-check faults faults-check test unit api browser docs openapi openapi-check lint format bench fuzz clean
all: build

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## the server: build/errand
	@tools/need build
	@$(MAKE) --no-print-directory $(BUILD)/errand

# A child that shares the server's memory must not flush the server's counters when it execs
# (-fno-builtin-execve); what leaves by _exit must (tests/coverage/record.c).
$(BUILD)/errand: $(LIB_OBJS) $(CLI_OBJS) $(if $(COVERAGE),$(call objects,tests/coverage))
	@echo "  LINK $@"
	$(Q)$(CC) $(ALL_LDFLAGS) $(if $(COVERAGE),-Wl$(comma)--wrap=_exit$(comma)--wrap=state_move) -o $@ $^ $(LIBS)

$(BUILD)/liberrand.a: $(LIB_OBJS)
	$(Q)rm -f $@ && ar rcs $@ $^

$(BUILD)/obj/%.o: %.c | $(GEN)
	@mkdir -p $(@D)
	@echo "  CC   $<"
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(BUILD)/gen/statements.inc: store/statements.sql tools/embed
	@mkdir -p $(@D) && tools/embed named $< >$@
$(BUILD)/gen/invariants.inc: store/invariants.sql tools/embed
	@mkdir -p $(@D) && tools/embed named $< >$@
$(BUILD)/gen/migrations.inc: $(wildcard migrations/*.sql) tools/embed
	@mkdir -p $(@D) && tools/embed migrations migrations >$@
$(BUILD)/gen/schemas.inc: handlers/schemas.txt tools/embed
	@mkdir -p $(@D) && tools/embed named $< >$@
$(BUILD)/gen/dashboard.inc: handlers/dashboard.html tools/embed
	@mkdir -p $(@D) && tools/embed asset $< >$@

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

# --- tests ------------------------------------------------------------------
# tests/unit/X_test.c and tests/api/X_test.c are programs of their own (cmocka);
# tests/api/lib/ is the client and the harness that the api ones share.

UNIT_TESTS := $(patsubst tests/unit/%_test.c,$(BUILD)/tests/unit/%,$(wildcard tests/unit/*_test.c))
API_TESTS  := $(patsubst tests/api/%_test.c,$(BUILD)/tests/api/%,$(wildcard tests/api/*_test.c))
API_LIB    := $(call objects,tests/api/lib)
TEST_LIBS   = $(shell pkg-config --libs cmocka libcurl)

$(BUILD)/tests/unit/%: $(BUILD)/obj/tests/unit/%_test.o $(BUILD)/liberrand.a
	@mkdir -p $(@D)
	@echo "  LINK $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(TEST_LIBS) $(LIBS)
$(BUILD)/tests/api/%: $(BUILD)/obj/tests/api/%_test.o $(API_LIB) $(BUILD)/liberrand.a
	@mkdir -p $(@D)
	@echo "  LINK $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(TEST_LIBS) $(LIBS)
.PRECIOUS: $(BUILD)/obj/%.o

# tests/faults/X_test.c: calls that fail on purpose, by a library that is loaded into the server.
FAULT_TESTS := $(patsubst tests/faults/%_test.c,$(BUILD)/tests/faults/%,$(wildcard tests/faults/*_test.c))
FAULT_LIB   := $(filter-out %_test.o %/fault.o,$(call objects,tests/faults))
$(BUILD)/tests/faults/%: $(BUILD)/obj/tests/faults/%_test.o $(FAULT_LIB) $(API_LIB) $(BUILD)/liberrand.a
	@mkdir -p $(@D)
	@echo "  LINK $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(TEST_LIBS) $(LIBS)
$(BUILD)/libfault.so: tests/faults/fault.c tests/faults/fault.h tests/faults/kind.def
	@mkdir -p $(@D)
	@echo "  LINK $@"
	$(Q)$(CC) -std=gnu11 $(CFLAGS) $(WARN) -D_GNU_SOURCE -I. -fPIC -shared -o $@ $<

# What the scenarios asked and were answered, for the check of the API's description.
EXCHANGES := $(abspath build)/exchanges.jsonl

test: ## everything: units, scenarios and what fuzzers found under sanitizers, the API's description, the demo, docs/semantics.md, the browser, the clients, kills, calls that fail
	@tools/need build test demo browser clients crash
	@tools/need-npm tests/openapi
	@rm -f $(EXCHANGES)
	@ERRAND_EXCHANGES=$(EXCHANGES) JOBS=2 $(MAKE) --no-print-directory SAN=address,undefined unit api corpus
	@$(MAKE) --no-print-directory openapi-check demo-check semantics browser clients crash faults-check

unit: $(UNIT_TESTS) ## the unit tests alone
	@tools/run-tests $(UNIT_TESTS)
api: $(BUILD)/errand $(API_TESTS) ## the scenarios over HTTP alone
	@ERRAND=$(abspath $(BUILD)/errand) tools/run-tests $(API_TESTS)
# The release itself runs under valgrind; the sanitizers cannot look into it, nor into libraries.
.PHONY: valgrind
valgrind: $(BUILD)/errand $(UNIT_TESTS) $(API_TESTS) ## units and scenarios under valgrind's memcheck: errors and leaks; ONLY=NAME for one program
	@tools/need test valgrind
	@tests/valgrind/run $(UNIT_TESTS) $(API_TESTS)
# Programs in which all threads take part; each takes about twenty times as long as by itself.
HELGRIND := $(addprefix $(BUILD)/tests/api/,meta cancel events http leases logs process wait worker)
.PHONY: helgrind
helgrind: $(BUILD)/errand $(HELGRIND) ## some scenarios under valgrind's helgrind: races, in libraries too
	@tools/need test valgrind
	@TOOL=helgrind tests/valgrind/run $(HELGRIND)
# The release itself is tested: the sanitizers' allocator cannot be made to fail in this way.
faults: build ## calls that fail on purpose, one after the other: all of them but allocations at the start
	@tools/need test
	@$(MAKE) --no-print-directory faults-check ROUNDS=0 START_ROUNDS=200
faults-check: build $(BUILD)/libfault.so $(FAULT_TESTS)
	@ERRAND=$(abspath $(BUILD)/errand) FAULT_LIBRARY=$(abspath $(BUILD)/libfault.so) \
	    ROUNDS=$(or $(ROUNDS),1) START_ROUNDS=$(or $(START_ROUNDS),1) tools/run-tests $(FAULT_TESTS)
openapi: build ## the API's description, held against the scenarios and docs/api.md
	@tools/need test
	@tools/need-npm tests/openapi
	@rm -f $(EXCHANGES)
	@ERRAND_EXCHANGES=$(EXCHANGES) $(MAKE) --no-print-directory api
	@$(MAKE) --no-print-directory openapi-check
openapi-check: build
	@ERRAND=$(abspath $(BUILD)/errand) node tests/openapi/check.mjs $(EXCHANGES)
browser: build ## the dashboard and event streams in headless Chromium
	@tools/need browser
	@ERRAND=$(abspath $(BUILD)/errand) node tests/browser/run.mjs
.PHONY: soak
soak: build ## T seconds of honest and hostile clients, and 10,000 event streams: make soak T=180
	@tools/need clients
	@ERRAND=$(abspath $(BUILD)/errand) python3 tests/soak/soak.py $(T)
	@ERRAND=$(abspath $(BUILD)/errand) python3 tests/soak/streams.py
.PHONY: clients
clients: build ## what authors of functions use, in Python and in JavaScript
	@tools/need clients
	@ERRAND=$(abspath $(BUILD)/errand) tests/clients/run

# The server is killed again and again under load. KILLS=N SEED=N, see tests/crash/run.
.PHONY: crash check-crash
crash: ## the server is killed 25 times under load: nothing acknowledged may be lost
	@KILLS=$(or $(KILLS),25) $(MAKE) --no-print-directory check-crash
check-crash: build ## the same with 200 kills, at each point of base/crash_points.def: docs/crash-safety.md
	@tools/need crash
	@$(MAKE) --no-print-directory FAULTS=1 build/faults/errand
	@tests/crash/absent build/errand build/faults/errand
	@ERRAND=$(abspath build/faults/errand) KILLS=$(or $(KILLS),200) tests/crash/run

# --- running it -------------------------------------------------------------

run: build ## the server on examples/word_count, at http://127.0.0.1:8080
	@$(BUILD)/errand serve --functions examples/word_count
demo: build ## one meta-task from POST to result, with its notices as they arrive
	@tools/need demo
	@ERRAND=$(abspath $(BUILD)/errand) tools/demo
demo-check: build
	@tools/need demo
	@ERRAND=$(abspath $(BUILD)/errand) tools/demo-check
.PHONY: semantics
semantics: build ## every line of docs/semantics.md on a real server
	@tools/need test demo
	@ERRAND=$(abspath $(BUILD)/errand) tests/semantics/run

# --- quality ----------------------------------------------------------------

lint: ## format, layers, headers, banned calls, sizes, clang-tidy, cppcheck, shellcheck
	@tools/need build test lint
	@$(MAKE) --no-print-directory $(GEN)
	@tools/lint
.PHONY: analyze
analyze: $(GEN) ## paths through the server that nobody has run: gcc's analyser, and clang's across files
	@tools/need build analyze
	@tools/analyze $(filter-out -MMD -MP -g,$(ALL_CFLAGS))
format: ## clang-format on every C file
	@tools/need lint
	@find . -path ./build -prune -o -name '*.[ch]' -print | xargs clang-format -i
docs: ## docs/truth-table.md, from the table that its test runs
	@tools/need build test
	@$(MAKE) --no-print-directory $(BUILD)/tests/api/truth_table
	@$(BUILD)/tests/api/truth_table --page >$(BUILD)/truth-table.md
	@mv $(BUILD)/truth-table.md docs/truth-table.md

coverage: ## the lines that units and scenarios reach, by folder; fails below 95 % where it counts
	@tools/need build test coverage
	@rm -rf build/coverage
	@$(MAKE) --no-print-directory COVERAGE=1 OPT=-O1 coverage-run; ran=$$?; \
	    tools/coverage build/coverage build/coverage/moves build/coverage/problems && exit $$ran
coverage-run: $(BUILD)/errand $(UNIT_TESTS) $(API_TESTS)
	@COVERAGE_MOVES=$(abspath $(BUILD)/moves) COVERAGE_PROBLEMS=$(abspath $(BUILD)/problems) \
	    $(MAKE) --no-print-directory unit api
.PHONY: coverage coverage-run

BENCHES   := $(patsubst tests/bench/%.c,$(BUILD)/tests/bench/%,$(wildcard tests/bench/*.c))
BENCH_LIB := $(call objects,tests/bench/lib)
$(BUILD)/tests/bench/%: $(BUILD)/obj/tests/bench/%.o $(BENCH_LIB)
	@mkdir -p $(@D)
	@echo "  LINK $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)
bench: build ## the figures of docs/performance.md, as ratios; fails below a floor
	@{ tools/need bench && tools/need-npm tests/bench/bullmq; } || \
	    echo "bench: no BullMQ to stand beside, so one part will not be measured" >&2
	@$(MAKE) --no-print-directory $(BENCHES)
	@ERRAND=$(abspath $(BUILD)/errand) tests/bench/run

# tests/fuzz/X_fuzz.c is a libFuzzer program, and tests/fuzz/corpus/X what it begins with. Linked
# with replay.c in libFuzzer's place it runs its corpus once, and any compiler will do.
# T: seconds for each. ONLY: the names of some.
T ?= 60
FUZZERS  := $(patsubst tests/fuzz/%_fuzz.c,%,$(wildcard tests/fuzz/*_fuzz.c))
FUZZ_LIB := $(call objects,tests/fuzz/lib)
$(BUILD)/tests/fuzz/%: $(BUILD)/obj/tests/fuzz/%_fuzz.o $(FUZZ_LIB) $(BUILD)/liberrand.a
	@mkdir -p $(@D)
	@echo "  LINK $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS)
$(BUILD)/tests/corpus/%: $(BUILD)/obj/tests/fuzz/%_fuzz.o $(BUILD)/obj/tests/fuzz/replay.o $(FUZZ_LIB) $(BUILD)/liberrand.a
	@mkdir -p $(@D)
	@echo "  LINK $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)
.PHONY: fuzzers corpus
fuzzers: $(addprefix $(BUILD)/tests/fuzz/,$(FUZZERS)) $(BUILD)/errand
corpus: $(addprefix $(BUILD)/tests/corpus/,$(FUZZERS)) $(BUILD)/errand ## what the fuzzers begin with and have found, once
	@for name in $(FUZZERS); do $(BUILD)/tests/corpus/$$name tests/fuzz/corpus/$$name || exit 1; done
	@ERRAND=$(abspath $(BUILD)/errand) python3 tests/fuzz/server.py --rounds 100 --seed 1
fuzz: ## the fuzzers, T seconds each: make fuzz T=60
	@tools/need build test lint
	@tools/fuzz $(T) $(ONLY)

clean: ## remove what was built
	rm -rf build
