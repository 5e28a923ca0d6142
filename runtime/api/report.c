/* SPDX-License-Identifier: BSD-3-Clause */
/* report.c - lines on stderr, each starting with "distmpi: ". */
#include "report.h"

#include <inttypes.h>
#include <stdio.h>

#include "clock.h"
#include "durable.h"
#include "guard.h"

void report_table(const dmpi_worker *workers, int ranks)
{
    fprintf(stderr, "distmpi: rank  node  cores  %-14s  host\n", "cpus");
    for (int i = 0; i < ranks; i++)
        fprintf(stderr, "distmpi: %4d  %4d  %5d  %-14s  %s%s\n",
                workers[i].rank, workers[i].node, workers[i].cores,
                workers[i].cpus, workers[i].host, i ? "" : " (center)");
}

static double percent(double part, double whole)
{
    return whole > 0 ? 100 * part / whole : 0;
}

static void add(struct msg_counts *sum, const struct msg_counts *one)
{
    sum->tasks_run += one->tasks_run;
    sum->tasks_stolen += one->tasks_stolen;
    sum->busy_ns += one->busy_ns;
    sum->inputs += one->inputs;
    sum->inputs_local += one->inputs_local;
    sum->spilled += one->spilled;
    sum->read_back += one->read_back;
    sum->bytes_to_workers += one->bytes_to_workers;
    sum->bytes_to_center += one->bytes_to_center;
    sum->messages += one->messages;
    sum->envelopes += one->envelopes;
}

static void print_workers(const struct session *session, double open_ns,
                          struct msg_counts *sum)
{
    for (int rank = 1; rank < session->ranks; rank++) {
        const struct msg_counts *counts = center_counts(session->center, rank);
        fprintf(stderr,
                "distmpi: rank %d ran %" PRIu64 " tasks, %" PRIu64
                " of them stolen, busy %.1f %%\n",
                rank, counts->tasks_run, counts->tasks_stolen,
                percent((double)counts->busy_ns, open_ns));
        add(sum, counts);
    }
}

static const struct port *own_port(const struct session *session)
{
    return session->mpi ? mpi_port_base(session->mpi)
                        : loop_port(session->loop, 0);
}

static void print_durable(const struct durable *durable)
{
    struct durable_counts counts = durable_counts(durable);
    fprintf(stderr,
            "distmpi: journal: %" PRIu64 " tasks taken from it (%" PRIu64
            " bytes read), %" PRIu64 " values written (%" PRIu64
            " bytes), %" PRIu64 " bytes through rank 0 for it\n",
            counts.tasks_taken, counts.bytes_recalled, counts.values,
            counts.bytes, counts.bytes_fetched);
}

static void print_losses(const struct session *session)
{
    struct losses_counts losses = center_losses(session->center);
    fprintf(stderr,
            "distmpi: workers lost: %" PRIu64 ", tasks run again: %" PRIu64
            ", keys recomputed: %" PRIu64 ", %.3f s without those workers\n",
            losses.workers_lost, losses.tasks_again, losses.keys_again,
            guard_lost_seconds(session->guard));
}

void report_print(const struct session *session)
{
    double open_ns = (double)(clock_ns() - session->opened_ns);
    int workers = session->ranks - 1;
    struct msg_counts sum = {0};
    const struct port *port = own_port(session);
    uint64_t put = center_bytes_put(session->center);
    fprintf(stderr, "distmpi: %d worker%s for %.3f s\n", workers,
            workers == 1 ? "" : "s", open_ns / 1e9);
    print_workers(session, open_ns, &sum);
    if (session->durable) {
        sum.bytes_to_center -= durable_counts(session->durable).bytes_fetched;
        print_durable(session->durable);
    }
    fprintf(stderr, "distmpi: worker to worker: %" PRIu64 " bytes\n",
            sum.bytes_to_workers);
    fprintf(stderr,
            "distmpi: through rank 0: %" PRIu64 " bytes (%" PRIu64
            " put, %" PRIu64 " got)\n",
            put + sum.bytes_to_center, put, sum.bytes_to_center);
    fprintf(stderr,
            "distmpi: inputs found local: %" PRIu64 " of %" PRIu64
            " (%.1f %%)\n",
            sum.inputs_local, sum.inputs,
            percent((double)sum.inputs_local, (double)sum.inputs));
    fprintf(stderr, "distmpi: idle: %.1f %% of the workers' time\n",
            100 - percent((double)sum.busy_ns, open_ns * workers));
    fprintf(stderr,
            "distmpi: spilled to disk: %" PRIu64 " bytes, read back: %" PRIu64
            "\n",
            sum.spilled, sum.read_back);
    fprintf(stderr, "distmpi: keys leaked: %zu\n",
            center_held(session->center));
    fprintf(stderr,
            "distmpi: messages sent: %" PRIu64 ", in %" PRIu64 " envelopes\n",
            sum.messages + port_messages(port),
            sum.envelopes + port->envelopes);
    if (session->guard) print_losses(session);
}
