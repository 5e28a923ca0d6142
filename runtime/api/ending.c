/* SPDX-License-Identifier: BSD-3-Clause */
/* ending.c - dmpi_on_end(): a watch, and whom to call when it is over. */
#include "ending.h"

#include <assert.h>
#include <stdlib.h>

#include "distmpi/set.h"
#include "fault.h"
#include "log.h"
#include "running.h"
#include "ticker.h"

struct ending {
    struct watch watch; /* first */
    dmpi_end_call *call;
    void *arg; /* the application's */
};

dmpi_status dmpi_on_end(dmpi_pool *pool, dmpi_key key, dmpi_end_call *call,
                        void *arg)
{
    struct session *session;
    struct center_view view;
    dmpi_status status = session_enter(pool, &session);
    if (status) return status;
    if (!call) status = fault(DMPI_EINVAL, "no function to call");
    else if (!center_look(session->center, key, &view))
        status = fault(DMPI_ENOKEY, "not a key of this pool");
    if (!status) {
        struct ending *ending = log_alloc(sizeof *ending);
        *ending = (struct ending){.call = call, .arg = arg};
        center_watch(session->center, key, &ending->watch, &session->endings);
    }
    return session_leave(session, status);
}

/* In the application's code, as between two of its calls. */
static void call_one(struct session *session, const struct ending *ending)
{
    struct center_view view;
    dmpi_pool *pool = (dmpi_pool *)session;
    dmpi_status status = DMPI_ENOKEY;
    if (center_look(session->center, ending->watch.key, &view))
        status = view.state == DMPI_FAILED ? session_failed(session) : DMPI_OK;
    session_leave(session, DMPI_OK);
    ending->call(pool, ending->watch.key, status, ending->arg);
    status = session_enter(pool, &session);
    assert(!status);
}

void ending_call_due(struct session *session)
{
    struct watch *watch;
    if (!session->endings.first || session->ending || session->sending) return;
    if (running_task() || ticker_is_self()) return;
    session->ending = true;
    while ((watch = watch_list_take(&session->endings))) {
        call_one(session, (struct ending *)watch);
        free(watch);
    }
    session->ending = false;
    session->idle_since_ns = 0; /* the time was not idle */
}
