# errand: one Makefile. `make help` lists what it can do.
#
# SAN=address,undefined (or thread) builds everything with those sanitizers, in a
# build folder of its own. CC=clang works too. V=1 shows the commands.

CC      ?= gcc
SAN     ?=
BUILD   ?= build$(if $(SAN),/$(subst $(comma),-,$(SAN)))
comma   := ,
VERSION := 0.1.0
Q       := $(if $(V),,@)

LAYERS  := base model store executors engine server handlers cli
DEPS    := libmicrohttpd libcjson sqlite3 libuv

WARN    := -Wall -Wextra -Werror -Wshadow -Wconversion -Wno-sign-conversion -Wstrict-prototypes \
           -Wmissing-prototypes -Wpointer-arith -Wcast-qual -Wwrite-strings -Wvla -Wundef -Wformat=2
OPT     ?= -O2
CFLAGS  ?= $(OPT) -g
ALL_CFLAGS = -std=gnu11 $(CFLAGS) $(WARN) -fno-common -pthread -D_GNU_SOURCE \
             -DERRAND_VERSION='"$(VERSION)"' -I. -I$(BUILD)/gen -MMD -MP \
             $(shell pkg-config --cflags $(DEPS)) \
             $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all)
ALL_LDFLAGS = $(LDFLAGS) -pthread $(if $(SAN),-fsanitize=$(SAN))
LIBS    = $(shell pkg-config --libs $(DEPS)) -lm

sources   = $(wildcard $(addsuffix /*.c,$(1)))
objects   = $(patsubst %.c,$(BUILD)/obj/%.o,$(call sources,$(1)))
LIB_OBJS := $(call objects,$(filter-out cli,$(LAYERS)))
CLI_OBJS := $(call objects,cli)
GEN      := $(BUILD)/gen/statements.inc $(BUILD)/gen/migrations.inc $(BUILD)/gen/dashboard.inc

.DELETE_ON_ERROR:
.PHONY: all help build run demo test unit api browser lint format bench clean
all: build

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## the server: build/errand
	@tools/need build
	@$(MAKE) --no-print-directory $(BUILD)/errand

$(BUILD)/errand: $(LIB_OBJS) $(CLI_OBJS)
	@echo "  LINK $@"
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/liberrand.a: $(LIB_OBJS)
	$(Q)rm -f $@ && ar rcs $@ $^

$(BUILD)/obj/%.o: %.c | $(GEN)
	@mkdir -p $(@D)
	@echo "  CC   $<"
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(BUILD)/gen/statements.inc: store/statements.sql tools/embed
	@mkdir -p $(@D) && tools/embed sql $< >$@
$(BUILD)/gen/migrations.inc: $(wildcard migrations/*.sql) tools/embed
	@mkdir -p $(@D) && tools/embed migrations migrations >$@
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

unit: $(UNIT_TESTS) ## the unit tests alone
	@tools/run-tests $(UNIT_TESTS)
api: $(BUILD)/errand $(API_TESTS) ## the scenarios over HTTP alone
	@ERRAND=$(abspath $(BUILD)/errand) tools/run-tests $(API_TESTS)

clean: ## remove what was built
	rm -rf build
