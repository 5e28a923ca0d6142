/* SPDX-License-Identifier: BSD-3-Clause */
/* cores.c - masks by hwloc, thread numbers by variable and by call. */
#include "cores.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "topology.h"

/* What thread libraries read, when they start or a child does. */
static const char *const variables[CORES_VARIABLES] = {
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS"};

/* What those that have started listen to, if they are in the program. */
static const struct library {
    const char *set, *get;
} libraries[CORES_LIBRARIES] = {
    {"omp_set_num_threads", "omp_get_max_threads"},
    {"openblas_set_num_threads", "openblas_get_num_threads"},
    {"MKL_Set_Num_Threads", "MKL_Get_Max_Threads"},
};

/* Made when the first task wants it: to look at a machine takes milliseconds. */
struct cores {
    struct machine *machine; /* owned; NULL: it cannot be looked at */
    char own[MACHINE_CPUS_SIZE];
    int count; /* in OWN */
    int now;   /* of those, the process runs on so many */
};

/* The thread libraries of this program; NULL: it has them not. */
static struct {
    bool sought;
    void (*set[CORES_LIBRARIES])(int threads);
    int (*get[CORES_LIBRARIES])(void);
} found;

/* The function of that name in this program, through a pointer to a pointer as
 * POSIX has it. */
static void find(const char *name, void *function)
{
    void *address = dlsym(RTLD_DEFAULT, name);
    memcpy(function, &address, sizeof address);
}

static void find_libraries(void)
{
    if (found.sought) return;
    found.sought = true;
    for (int i = 0; i < CORES_LIBRARIES; i++) {
        find(libraries[i].set, &found.set[i]);
        find(libraries[i].get, &found.get[i]);
    }
}

static struct cores *cores_new(void)
{
    char why[200];
    struct cores *cores = log_alloc(sizeof *cores);
    *cores = (struct cores){.machine = machine_new(NULL, why, sizeof why)};
    if (cores->machine) {
        machine_mask(cores->machine, cores->own, sizeof cores->own);
        cores->count = machine_cores(cores->machine, cores->own);
        cores->now = cores->count;
    }
    return cores;
}

void cores_free(struct cores *cores)
{
    if (!cores) return;
    machine_free(cores->machine);
    free(cores);
}

/* All threads of the process: those that a library keeps from task to task, too.
 * Our own other thread does little and may come along. */
static void bind_first(struct cores *cores, int count)
{
    char first[MACHINE_CPUS_SIZE];
    if (count == cores->now || !machine_first_cores(cores->machine, cores->own,
                                                    count, first, sizeof first))
        return;
    if (machine_bind(cores->machine, first)) cores->now = count;
}

static void set_variables(int count, struct cores_before *before)
{
    char text[16];
    snprintf(text, sizeof text, "%d", count);
    for (int i = 0; i < CORES_VARIABLES; i++) {
        const char *value = getenv(variables[i]);
        before->variable[i] = value ? strdup(value) : NULL;
        setenv(variables[i], text, 1);
    }
}

static void restore_variables(struct cores_before *before)
{
    for (int i = 0; i < CORES_VARIABLES; i++) {
        if (before->variable[i]) setenv(variables[i], before->variable[i], 1);
        else unsetenv(variables[i]);
        free(before->variable[i]);
    }
}

void cores_set_threads(int count, struct cores_before *before)
{
    find_libraries();
    set_variables(count, before);
    for (int i = 0; i < CORES_LIBRARIES; i++) {
        bool there = found.set[i] && found.get[i];
        before->threads[i] = there ? found.get[i]() : 0;
        if (there) found.set[i](count);
    }
}

void cores_restore_threads(struct cores_before *before)
{
    for (int i = 0; i < CORES_LIBRARIES; i++)
        if (before->threads[i]) found.set[i](before->threads[i]);
    restore_variables(before);
}

void cores_set(struct session *session, int count, struct cores_before *before)
{
    if (!session->cores) session->cores = cores_new();
    struct cores *cores = session->cores;
    before->cores = cores->now;
    if (session->bound && cores->machine) bind_first(cores, count);
    cores_set_threads(count, before);
}

void cores_restore(struct session *session, struct cores_before *before)
{
    struct cores *cores = session->cores;
    cores_restore_threads(before);
    if (session->bound && cores->machine) bind_first(cores, before->cores);
}
