/*
 * Runs commands on real nodes and follows them in every way: waiting, asking for events, a file descriptor, a function that is
 * called. Arguments: options of the engine, a path at which nothing is yet; the
 * nodes are web01 to web03, on one machine.
 */
#define _POSIX_C_SOURCE 200809L

#include "check.h"

#include <poll.h>
#include <pthread.h>

static char request[1024];

/* What a listener has seen. */
struct seen {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t batches;
    size_t finished;
    int ends;
    pabawi_status last;
};

static void on_events(void *user_data, pabawi_status status, const char *events, size_t len, const pabawi_error *error)
{
    struct seen *seen = user_data;
    pthread_mutex_lock(&seen->lock);
    if (status == PABAWI_OK) {
        char *text = calloc(len + 1, 1);
        CHECK(text != NULL && error == NULL);
        memcpy(text, events, len);
        seen->batches++;
        seen->finished += count_of(text, "\"nodeFinished\"");
        free(text);
    } else {
        CHECK(events == NULL && len == 0);
        seen->ends++;
        seen->last = status;
    }
    pthread_cond_signal(&seen->changed);
    pthread_mutex_unlock(&seen->lock);
}

static void on_answer(void *user_data, pabawi_status status, const char *answer, size_t len, const pabawi_error *error)
{
    struct seen *seen = user_data;
    CHECK(status == PABAWI_OK && error == NULL && len > 0 && answer[0] == '{');
    pthread_mutex_lock(&seen->lock);
    seen->ends++;
    pthread_cond_signal(&seen->changed);
    pthread_mutex_unlock(&seen->lock);
}

static void wait_for_end(struct seen *seen)
{
    pthread_mutex_lock(&seen->lock);
    while (seen->ends == 0) {
        pthread_cond_wait(&seen->changed, &seen->lock);
    }
    pthread_mutex_unlock(&seen->lock);
}

static void wait_readable(int fd)
{
    struct pollfd asked = {fd, POLLIN, 0};
    CHECK(poll(&asked, 1, 60000) == 1);
}

/* One command, waited for: succeeded, failed, and the exit codes of nodes. */
static void waits(pabawi_session *session)
{
    pabawi_bytes outcome = {0}, targets = {0};
    command_on(request, sizeof request, "web[01-03]", "case $(uname) in Linux) exit 0;; esac; exit 7");
    OK(pabawi_execute(session, TEXT(request), &outcome, &error));
    HAS(outcome, "\"status\":\"completed\"");
    CHECK(pabawi_bytes_free(&outcome) == PABAWI_OK);

    command_on(request, sizeof request, "web01", "echo out; echo err >&2; exit 9");
    OK(pabawi_execute(session, TEXT(request), &outcome, &error));
    HAS(outcome, "\"status\":\"failed\"");
    char *id = strstr(outcome.data, "\"id\":\"");
    char parameters[128];
    CHECK(id != NULL && snprintf(parameters, sizeof parameters, "{\"id\":\"%.36s\"}", id + 6) > 0);
    OK(pabawi_call(session, TEXT("targets"), TEXT(parameters), &targets, &error));
    HAS(targets, "\"code\":9");
    CHECK(pabawi_bytes_free(&outcome) == PABAWI_OK && pabawi_bytes_free(&targets) == PABAWI_OK);
}

/* A limit of time, a variable, and nodes of which some fail. */
static void limits(pabawi_session *session, const char *path)
{
    pabawi_bytes outcome = {0};
    static char partly[2048];
    OK(pabawi_execute(session,
                      TEXT("{\"action\":{\"type\":\"command\",\"command\":\"sleep 1000\"},\"targets\":\"web01\","
                           "\"timeouts\":{\"nodeMs\":300}}"),
                      &outcome, &error));
    HAS(outcome, "\"timedOut\":1");
    CHECK(pabawi_bytes_free(&outcome) == PABAWI_OK);
    /* They are one machine, so one of them makes the folder. */
    CHECK(snprintf(partly, sizeof partly,
                   "{\"action\":{\"type\":\"command\",\"command\":\"mkdir $WHERE\",\"env\":{\"WHERE\":\"%s\"}},"
                   "\"targets\":\"web[01-03]\",\"timeouts\":{\"connectMs\":120000}}",
                   path) > 0);
    OK(pabawi_execute(session, TEXT(partly), &outcome, &error));
    HAS(outcome, "\"status\":\"partial\"");
    HAS(outcome, "\"succeeded\":1,\"failed\":2");
    CHECK(pabawi_bytes_free(&outcome) == PABAWI_OK);
}

/* An id at once, then where it stands, and waiting with a limit. */
static void submits(pabawi_session *session)
{
    pabawi_id id;
    pabawi_bytes text = {0};
    command_on(request, sizeof request, "web[01-02]", "sleep 1; echo done");
    OK(pabawi_submit(session, TEXT(request), &id, &error));
    CHECK(strlen(id.text) == 36);
    OK(pabawi_get(session, &id, &text, &error));
    HAS(text, id.text);
    CHECK(pabawi_bytes_free(&text) == PABAWI_OK);
    FAILS(PABAWI_TIMED_OUT, "goes on", pabawi_wait(session, &id, 0, &text, &error));
    CHECK(text.data == NULL);
    OK(pabawi_wait(session, &id, -1, &text, &error));
    HAS(text, "\"status\":\"completed\"");
    CHECK(pabawi_bytes_free(&text) == PABAWI_OK);
    /* What has ended is told without waiting. */
    OK(pabawi_wait(session, &id, 0, NULL, &error));
    OK(pabawi_wait(session, &id, 60000, NULL, NULL));
}

/* Events that are asked for, in order and to the end, stdout and stderr apart. */
static void polls(pabawi_session *session)
{
    pabawi_events *events = NULL;
    pabawi_bytes batch = {0};
    pabawi_id id;
    char wanted[2048];
    command_on(request, sizeof request, "web[01-03]", "echo to-stdout; echo to-stderr >&2");
    CHECK(snprintf(wanted, sizeof wanted, "{\"submitted\":{\"request\":%s}}", request) > 0);
    OK(pabawi_events_open(session, TEXT(wanted), &id, &events, &error));
    size_t finished = 0, out = 0, err = 0;
    pabawi_status status;
    while ((status = pabawi_events_next(events, 60000, &batch, NULL)) == PABAWI_OK) {
        CHECK(batch.data[0] == '[' && batch.data[batch.len] == 0);
        finished += count_of(batch.data, "\"nodeFinished\"");
        out += count_of(batch.data, "\"stream\":\"stdout\"");
        err += count_of(batch.data, "\"stream\":\"stderr\"");
        CHECK(pabawi_bytes_free(&batch) == PABAWI_OK);
    }
    CHECK(status == PABAWI_END && finished == 3 && out >= 3 && err >= 3);
    pabawi_error *none = NULL;
    CHECK(pabawi_events_next(events, 0, &batch, &none) == PABAWI_END && none == NULL);
    CHECK(pabawi_events_free(events) == PABAWI_OK);
    /* The same once more from the record, from a number on. */
    CHECK(snprintf(wanted, sizeof wanted, "{\"execution\":{\"id\":\"%s\",\"from\":2}}", id.text) > 0);
    OK(pabawi_events_open(session, TEXT(wanted), NULL, &events, &error));
    OK(pabawi_events_next(events, -1, &batch, &error));
    HAS(batch, "\"seq\":2,");
    CHECK(strstr(batch.data, "\"seq\":1,") == NULL);
    CHECK(pabawi_bytes_free(&batch) == PABAWI_OK && pabawi_events_free(events) == PABAWI_OK);
}

/* The same by a file descriptor, as a program's own loop does it. */
static void watches(pabawi_session *session)
{
    pabawi_events *events = NULL;
    pabawi_bytes batch = {0};
    char wanted[2048];
    int fd = -1;
    command_on(request, sizeof request, "web[01-02]", "sleep 0.2; echo late");
    CHECK(snprintf(wanted, sizeof wanted, "{\"submitted\":{\"request\":%s}}", request) > 0);
    OK(pabawi_events_open(session, TEXT(wanted), NULL, &events, &error));
    OK(pabawi_events_fd(events, &fd, &error));
    size_t finished = 0;
    for (;;) {
        wait_readable(fd);
        pabawi_status status = pabawi_events_next(events, 0, &batch, NULL);
        if (status == PABAWI_END) {
            break;
        }
        CHECK(status == PABAWI_OK);
        finished += count_of(batch.data, "\"nodeFinished\"");
        CHECK(pabawi_bytes_free(&batch) == PABAWI_OK);
    }
    CHECK(finished == 2);
    CHECK(pabawi_events_free(events) == PABAWI_OK);
}

/* The same by a function that is called. */
static void listens(pabawi_session *session)
{
    static struct seen seen = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, 0, 0};
    pabawi_events *events = NULL;
    char wanted[2048];
    command_on(request, sizeof request, "web[01-03]", "echo heard");
    CHECK(snprintf(wanted, sizeof wanted, "{\"submitted\":{\"request\":%s}}", request) > 0);
    OK(pabawi_events_open(session, TEXT(wanted), NULL, &events, &error));
    OK(pabawi_events_listen(events, on_events, &seen, &error));
    FAILS(PABAWI_ALREADY, "listens", pabawi_events_listen(events, on_events, &seen, &error));
    wait_for_end(&seen);
    CHECK(seen.finished == 3 && seen.batches > 0 && seen.last == PABAWI_END && seen.ends == 1);
    CHECK(pabawi_events_free(events) == PABAWI_OK);
}

/* A call that goes on beside the program: waited for, by a file descriptor, and by a function. */
static void goes_on(pabawi_session *session)
{
    static struct seen seen = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, 0, 0};
    pabawi_id id;
    pabawi_operation *operation = NULL;
    pabawi_bytes answer = {0};
    char parameters[128];
    int fd = -1;
    command_on(request, sizeof request, "web01", "sleep 0.3");
    OK(pabawi_submit(session, TEXT(request), &id, &error));
    CHECK(snprintf(parameters, sizeof parameters, "{\"id\":\"%s\"}", id.text) > 0);
    OK(pabawi_call_start(session, TEXT("wait"), TEXT(parameters), on_answer, &seen, &operation, &error));
    OK(pabawi_operation_fd(operation, &fd, &error));
    wait_readable(fd);
    OK(pabawi_operation_wait(operation, 0, &answer, &error));
    HAS(answer, "\"status\":\"completed\"");
    wait_for_end(&seen);
    CHECK(seen.ends == 1);
    CHECK(pabawi_bytes_free(&answer) == PABAWI_OK && pabawi_operation_free(operation) == PABAWI_OK);
    /* A function without a handle. */
    seen.ends = 0;
    OK(pabawi_call_start(session, TEXT("get"), TEXT(parameters), on_answer, &seen, NULL, &error));
    wait_for_end(&seen);
    /* Given up. */
    command_on(request, sizeof request, "web01", "sleep 5");
    OK(pabawi_submit(session, TEXT(request), &id, &error));
    CHECK(snprintf(parameters, sizeof parameters, "{\"id\":\"%s\"}", id.text) > 0);
    OK(pabawi_call_start(session, TEXT("wait"), TEXT(parameters), NULL, NULL, &operation, &error));
    FAILS(PABAWI_TIMED_OUT, "goes on", pabawi_operation_wait(operation, 1, &answer, &error));
    CHECK(pabawi_operation_abort(operation) == PABAWI_OK);
    FAILS(PABAWI_ABORTED, "given up", pabawi_operation_wait(operation, -1, &answer, &error));
    CHECK(pabawi_operation_free(operation) == PABAWI_OK);
    OK(pabawi_cancel(session, &id, TEXT("{\"kill\":true}"), NULL, &error));
    OK(pabawi_wait(session, &id, -1, &answer, &error));
    HAS(answer, "\"status\":\"cancelled\"");
    CHECK(pabawi_bytes_free(&answer) == PABAWI_OK);
}

int main(int count, char **arguments)
{
    CHECK(count == 3);
    CHECK(pabawi_abi_version() == PABAWI_ABI_VERSION);
    pabawi_engine *engine = open_engine(arguments[1]);
    pabawi_session *session = open_session(engine, "carla");
    waits(session);
    limits(session, arguments[2]);
    submits(session);
    polls(session);
    watches(session);
    listens(session);
    goes_on(session);
    pabawi_bytes report = {0};
    OK(pabawi_engine_shutdown(engine, 5000, &report, &error));
    CHECK(report.data[0] == '{');
    CHECK(pabawi_bytes_free(&report) == PABAWI_OK);
    FAILS(PABAWI_SHUTTING_DOWN, "shut", pabawi_execute(session, TEXT(request), &report, &error));
    close_all(engine, session);
    puts("fine");
    return 0;
}
