# SPDX-License-Identifier: BSD-3-Clause
# Build, test and install libdistmpi. `make help` lists the targets.

VERSION   := 0.1.0
SONAME    := libdistmpi.so.0

# The MPI to build for, and the sanitizers to build with (address,undefined).
DEFAULT_MPICC := $(notdir $(shell command -v mpicc.openmpi || echo mpicc))
MPICC  ?= $(DEFAULT_MPICC)
SAN    ?=
PREFIX ?= /usr/local
DESTDIR ?=
OPT    ?= -O2 -g
ifeq ($(origin CC),default)
CC     := gcc
endif

# Every combination has its own directory, so that objects never mix:
# build, build-mpich, build-address-undefined, ...
comma := ,
mpi   := $(patsubst mpicc.%,-%,$(filter-out $(DEFAULT_MPICC) mpicc,$(notdir $(MPICC))))
BUILD := build$(mpi)$(if $(SAN),-$(subst $(comma),-,$(SAN)))

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
        -Wpointer-arith -Wno-unused-parameter
SAN_FLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all \
             -fno-omit-frame-pointer)
ALL_CFLAGS = -std=c11 -D_GNU_SOURCE -fPIC -fvisibility=hidden -pthread \
             $(WARN) $(OPT) $(SAN_FLAGS) $(CPPFLAGS) $(CFLAGS)
ALL_LDFLAGS = -pthread $(SAN_FLAGS) $(LDFLAGS)
LIBS := -lhwloc -lsqlite3 -lxxhash -lm

# One line per file made; V=1 shows the commands.
Q   := $(if $(V),,@)
say  = $(if $(V),,@echo '  $1 $@')

# Which folder may see which: the include path of each is all that it gets,
# beside the public headers.
sees_base     := base
sees_machine  := base machine
sees_isolate  := base isolate
sees_wire     := base wire
sees_center   := base wire center
sees_worker   := base wire worker
sees_journal  := base journal
sees_api      := base machine isolate wire center worker journal api
sees_patterns :=
sees_apps     :=
sees_unit     := base machine isolate wire center worker journal api patterns
sees_sim      := base wire center worker
sees_mpi      :=
sees_faults   :=
sees_fuzz     := base wire center worker
folder = $(word 2,$(subst /, ,$(if $(filter apps/%,$<),x/apps,$<)))

# What is compiled by the MPI compiler; the plain one does not find mpi.h.
sees_mpi_h := runtime/wire/% runtime/api/comm.c apps/% tests/unit/% tests/mpi/% \
              tests/faults/%
compiler = $(if $(filter $(sees_mpi_h),$<),$(MPICC),$(CC))
compile  = $(compiler) $(ALL_CFLAGS) -Iinclude \
           $(addprefix -iquote runtime/,$(sees_$(folder))) \
           $(if $(filter tests/%,$<),-iquote tests) \
           $(if $(filter runtime/%,$<),-DDISTMPI_VERSION='"$(VERSION)"')

# Libraries that single apps need, as libs_NAME := -lthis; an app whose library
# is not there is left out.
libs_cholesky := $(shell pkg-config --libs openblas 2>/dev/null)
libs_uts      := $(shell pkg-config --libs nettle 2>/dev/null)
LEFT_OUT := $(strip $(foreach app,cholesky uts,$(if $(libs_$(app)),,$(app))))

LIB_SRC := $(sort $(wildcard runtime/*/*.c))
APP_SRC := $(filter-out $(LEFT_OUT:%=apps/%.c),$(sort $(wildcard apps/*.c)))
LIB_OBJ := $(LIB_SRC:%.c=$(BUILD)/%.o)
APPS    := $(APP_SRC:apps/%.c=$(BUILD)/apps/%)
STATIC  := $(BUILD)/libdistmpi.a
SHARED  := $(BUILD)/$(SONAME)

# In tests/KIND/ test_*.c and prog_*.c are programs, the first run by `make
# check`, the second by a script; the other files belong to all of the kind.
TEST_SRC  := $(sort $(wildcard tests/*.c tests/unit/*.c tests/sim/*.c \
                               tests/mpi/*.c tests/faults/*.c tests/fuzz/*.c))
programs   = $(sort $(wildcard tests/$1/test_*.c tests/$1/prog_*.c))
helpers    = $(filter-out $(call programs,$1),$(filter tests/$1/%,$(TEST_SRC)))
objects    = $(patsubst %.c,$(BUILD)/%.o,$1)
TESTS_unit := $(patsubst %.c,$(BUILD)/%,$(call programs,unit))
TESTS_sim  := $(patsubst %.c,$(BUILD)/%,$(call programs,sim))
TESTS_mpi  := $(patsubst %.c,$(BUILD)/%,$(call programs,mpi))
TESTS_faults := $(patsubst %.c,$(BUILD)/%,$(call programs,faults))
TESTS_fuzz := $(patsubst %.c,$(BUILD)/%,$(call programs,fuzz))
TESTS      := $(TESTS_unit) $(TESTS_sim) $(TESTS_mpi) $(TESTS_faults) \
              $(TESTS_fuzz)
CHECK_OBJ  := $(BUILD)/tests/check.o

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all tests check check-unit check-sim check-mpi check-faults faults demo \
        bench bench-peers lint format install uninstall clean help FORCE \
        run-check run-check-unit run-check-sim run-check-mpi run-check-faults \
        run-faults run-demo run-lint

all: $(STATIC) $(BUILD)/libdistmpi.so $(APPS)
	$(if $(LEFT_OUT),@echo 'make: without $(LEFT_OUT)$(comma) for want of a library: see scripts/deps')

tests: $(TESTS)

# ---- objects, made again when the flags change ------------------------------

$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,cc  )
	$(Q)$(compile) -MMD -MP -c $< -o $@

flags := $(shell command -v $(MPICC)) $(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) $(VERSION)
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(subst ','\'',$(flags))' >$@.now
	@cmp -s $@.now $@ && rm $@.now || mv $@.now $@

# ---- the library ------------------------------------------------------------

# One object without its hidden symbols: the static library defines dmpi_*
# only, as the shared one does.
$(BUILD)/distmpi.o: $(LIB_OBJ)
	$(call say,ld  )
	$(Q)$(LD) -r $^ -o $@
	$(Q)$(OBJCOPY) --localize-hidden $@

$(STATIC): $(BUILD)/distmpi.o
	$(call say,ar  )
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $^

$(SHARED): $(LIB_OBJ)
	$(call say,link)
	$(Q)$(MPICC) -shared -Wl,-soname,$(SONAME) $(if $(SAN),,-Wl$(comma)-z$(comma)defs) \
	    $(ALL_LDFLAGS) $^ $(LIBS) -o $@

$(BUILD)/libdistmpi.so: $(SHARED)
	$(Q)ln -sf $(SONAME) $@

OBJCOPY ?= objcopy

# ---- programs ---------------------------------------------------------------

$(BUILD)/apps/%: $(BUILD)/apps/%.o $(STATIC)
	$(call say,link)
	$(Q)$(MPICC) $(ALL_LDFLAGS) $^ $(libs_$*) $(LIBS) -o $@

# Unit and sim tests see the modules, one by one; mpi tests see what users see.
$(BUILD)/modules.a: $(LIB_OBJ)
	$(call say,ar  )
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $^

link_test = $(MPICC) -rdynamic $(ALL_LDFLAGS) $^ -lcunit $(LIBS) -o $@

$(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o \
        $(call objects,$(call helpers,unit)) $(CHECK_OBJ) $(BUILD)/modules.a
	$(call say,link)
	$(Q)$(link_test)
$(BUILD)/tests/sim/%: $(BUILD)/tests/sim/%.o \
        $(call objects,$(call helpers,sim)) $(CHECK_OBJ) $(BUILD)/modules.a
	$(call say,link)
	$(Q)$(link_test)
$(BUILD)/tests/mpi/%: $(BUILD)/tests/mpi/%.o \
        $(call objects,$(call helpers,mpi)) $(CHECK_OBJ) $(STATIC)
	$(call say,link)
	$(Q)$(link_test)
$(BUILD)/tests/fuzz/%: $(BUILD)/tests/fuzz/%.o \
        $(call objects,$(call helpers,fuzz)) $(CHECK_OBJ) $(BUILD)/modules.a
	$(call say,link)
	$(Q)$(link_test)
$(BUILD)/tests/faults/%: $(BUILD)/tests/faults/%.o \
        $(call objects,$(call helpers,faults)) $(CHECK_OBJ) $(STATIC)
	$(call say,link)
	$(Q)$(link_test)

# ---- check, demo: what they need is installed first, then make starts again --

again = $(MAKE) --no-print-directory \
        $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))
with  = MPICC='$(MPICC)' SAN='$(SAN)' BUILD='$(BUILD)'

check check-unit check-sim check-mpi check-faults:
	@scripts/deps
	@$(again) run-$@

faults:
	@scripts/deps --faults
	@$(again) run-faults

demo:
	@scripts/deps
	@$(again) run-demo

lint:
	@scripts/deps --lint
	@$(again) run-lint

run-check: all tests
	@$(with) scripts/check unit sim mpi install faults fuzz

run-check-unit run-check-sim run-check-mpi run-check-faults: all tests
	@$(with) scripts/check $(@:run-check-%=%)

run-faults: all tests
	@$(with) scripts/faults $(if $(JOBS),-n $(JOBS))

run-demo: $(BUILD)/apps/wordcount
	@$(with) scripts/demo

run-lint: all
	@$(with) scripts/lint

bench bench-peers: all
	@$(with) scripts/$@

format:
	clang-format -i $$(find runtime include apps tests -name '*.[ch]')

# ---- install ----------------------------------------------------------------

prefix := $(abspath $(PREFIX))
root   := $(DESTDIR)$(prefix)
HEADERS := $(wildcard include/*.h include/*/*.h)

$(BUILD)/distmpi.pc: Makefile FORCE
	@mkdir -p $(@D)
	@{ echo 'prefix=$(prefix)'; \
	   echo 'includedir=$${prefix}/include'; \
	   echo 'libdir=$${prefix}/lib'; \
	   echo; \
	   echo 'Name: distmpi'; \
	   echo 'Description: Data-local distributed computing inside an MPI job'; \
	   echo 'Version: $(VERSION)'; \
	   echo 'Cflags: -I$${includedir}'; \
	   echo 'Libs: -L$${libdir} $(if $(filter-out /usr,$(prefix)),-Wl$(comma)-rpath$(comma)$${libdir} )-ldistmpi'; \
	   echo 'Libs.private: $(LIBS) -pthread'; } >$@

install: $(STATIC) $(SHARED) $(BUILD)/distmpi.pc
	install -d $(root)/include/distmpi $(root)/lib/pkgconfig
	install -m 644 include/distmpi.h $(root)/include
	install -m 644 $(wildcard include/distmpi/*.h) $(root)/include/distmpi
	install -m 644 $(STATIC) $(root)/lib
	install -m 755 $(SHARED) $(root)/lib
	ln -sf $(SONAME) $(root)/lib/libdistmpi.so
	install -m 644 $(BUILD)/distmpi.pc $(root)/lib/pkgconfig

uninstall:
	rm -f $(HEADERS:%=$(root)/%) $(root)/lib/libdistmpi.a \
	    $(root)/lib/libdistmpi.so $(root)/lib/$(SONAME) \
	    $(root)/lib/pkgconfig/distmpi.pc
	-rmdir --ignore-fail-on-non-empty $(root)/include/distmpi \
	    $(root)/lib/pkgconfig

# ---- the rest ---------------------------------------------------------------

clean:
	rm -rf build build-*

help:
	@echo 'make             libraries and apps into $(BUILD)/'
	@echo 'make check       install what is missing, build, run all tests'
	@echo 'make check-unit  (-sim, -mpi, -faults) one kind of tests only'
	@echo 'make faults      all campaigns, for hours; JOBS=10: so many jobs of each'
	@echo 'make demo        the commonest words of the texts on this machine'
	@echo 'make bench       all benches, one table; figures in $(BUILD)/bench.jsonl'
	@echo 'make bench-peers the same work on other task runtimes'
	@echo 'make install     headers, libraries, distmpi.pc; uninstall: remove them'
	@echo 'make lint        format, warnings, analyzers, layers, exported names'
	@echo 'make format      let clang-format do it'
	@echo 'make clean       remove all build directories'
	@echo
	@echo 'MPICC=mpicc.mpich  another MPI     SAN=address,undefined  sanitizers'
	@echo 'PREFIX=/usr/local  where to            DESTDIR=DIR  to pack it up'
	@echo 'V=1                shows the commands'

-include $(patsubst %.c,$(BUILD)/%.d,$(LIB_SRC) $(APP_SRC) $(TEST_SRC))
