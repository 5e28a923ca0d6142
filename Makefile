# SPDX-License-Identifier: BSD-3-Clause
# Build and test libdistmpi. `make help` lists the targets.

MPICC  ?= mpicc
BUILD  ?= build
CC     := $(MPICC)
OPT    ?= -O2 -g
WARN   := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
          -Wpointer-arith -Wno-unused-parameter
SAN    ?=
CFLAGS_ALL = -std=c11 -D_GNU_SOURCE -fPIC -fvisibility=hidden -pthread $(WARN) \
             $(OPT) $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer) $(CFLAGS)

# Which layer may see which: the include path of each is all it gets.
sees_base     := base
sees_machine  := base machine
sees_wire     := base wire
sees_center   := base wire center
sees_worker   := base wire worker
sees_api      := base machine wire center worker api
sees_patterns :=
layer = $(word 2,$(subst /, ,$<))

LIB_SRC := $(wildcard runtime/*/*.c)
LIB_OBJ := $(LIB_SRC:%.c=$(BUILD)/%.o)
APPS    := $(patsubst apps/%.c,$(BUILD)/apps/%,$(wildcard apps/*.c))
LIBS    := -lhwloc -lm -pthread

.PHONY: all clean
all: $(BUILD)/libdistmpi.a $(APPS)

$(BUILD)/runtime/%.o: runtime/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) -Iinclude $(addprefix -Iruntime/,$(sees_$(layer))) -MMD -MP -c $< -o $@

$(BUILD)/libdistmpi.a: $(LIB_OBJ)
	@rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/apps/%: apps/%.c $(BUILD)/libdistmpi.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) -Iinclude -MMD -MP $< $(BUILD)/libdistmpi.a $(LIBS) -o $@

clean:
	rm -rf $(BUILD)

-include $(LIB_OBJ:.o=.d)
