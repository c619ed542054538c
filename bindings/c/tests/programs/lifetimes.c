/*
 * Things that are freed while they are used, and functions of the program that come late, never return, or end what they belong
 * to. Arguments: options of the engine, a database for another engine in them at %s.
 */
#define _POSIX_C_SOURCE 200809L

#include "check.h"

#include <pthread.h>
#include <semaphore.h>
#include <time.h>

#define LONG "{\"action\":{\"type\":\"command\",\"command\":\"sleep 1000\"},\"targets\":\"n1\",\"transport\":\"local\"}"

static char options[8192];
static int engines = 0;

/* An engine with a database of its own. */
static pabawi_engine *another(const char *form)
{
    char number[32];
    const char *place = strstr(form, "@@");
    CHECK(place != NULL);
    snprintf(number, sizeof number, "%d", engines++);
    CHECK(snprintf(options, sizeof options, "%.*s%s%s", (int)(place - form), form, number, place + 2) > 0);
    return open_engine(options);
}

static void begin(sem_t *semaphore)
{
    CHECK(sem_init(semaphore, 0, 0) == 0);
}

/* Waits, a minute at most. */
static void take(sem_t *semaphore)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 60;
    CHECK(sem_timedwait(semaphore, &until) == 0);
}

/* A thread that waits for something without an end. */
struct waiter {
    pabawi_session *session;
    pabawi_events *events;
    pabawi_operation *operation;
    pabawi_id id;
    sem_t started;
    pabawi_status status;
};

static void *waits_for_execution(void *user_data)
{
    struct waiter *waiter = user_data;
    sem_post(&waiter->started);
    waiter->status = pabawi_wait(waiter->session, &waiter->id, -1, NULL, NULL);
    return NULL;
}

static void *waits_for_events(void *user_data)
{
    struct waiter *waiter = user_data;
    pabawi_bytes batch = {0};
    sem_post(&waiter->started);
    do {
        CHECK(pabawi_bytes_free(&batch) == PABAWI_OK);
        waiter->status = pabawi_events_next(waiter->events, -1, &batch, NULL);
    } while (waiter->status == PABAWI_OK);
    return NULL;
}

static void *waits_for_operation(void *user_data)
{
    struct waiter *waiter = user_data;
    sem_post(&waiter->started);
    waiter->status = pabawi_operation_wait(waiter->operation, -1, NULL, NULL);
    return NULL;
}

/* What a function was told. */
struct told {
    sem_t called;
    int times;
    pabawi_status last;
    pabawi_engine *engine;
    pabawi_events *events;
    sem_t *block;
};

static void on_answer(void *user_data, pabawi_status status, const char *answer, size_t len, const pabawi_error *error)
{
    struct told *told = user_data;
    (void)answer, (void)len;
    CHECK((status == PABAWI_OK) == (error == NULL));
    told->times++;
    told->last = status;
    if (told->engine != NULL) {
        /* Ends the engine that calls it. */
        CHECK(pabawi_engine_free(told->engine) == PABAWI_OK);
    }
    /* Whoever waits for the call may let go of all this. */
    sem_t *block = told->block;
    sem_post(&told->called);
    if (block != NULL) {
        sem_wait(block);
    }
}

static void on_events(void *user_data, pabawi_status status, const char *events, size_t len, const pabawi_error *error)
{
    struct told *told = user_data;
    (void)events, (void)len, (void)error;
    if (status == PABAWI_OK) {
        if (told->events != NULL) {
            /* Frees the stream that calls it. */
            CHECK(pabawi_events_free(told->events) == PABAWI_OK);
            told->events = NULL;
        }
        return;
    }
    told->times++;
    told->last = status;
    sem_post(&told->called);
}

static pabawi_events *follow(pabawi_session *session, pabawi_id *id)
{
    pabawi_events *events = NULL;
    OK(pabawi_events_open(session, TEXT("{\"submitted\":{\"request\":" LONG "}}"), id, &events, &error));
    return events;
}

/* An engine is freed while threads wait for an execution, for events and for a call: all of them are told. */
static void freed_while_in_flight(const char *form)
{
    pabawi_engine *engine = another(form);
    pabawi_session *session = open_session(engine, "carla");
    struct waiter waiters[3];
    void *(*const what[3])(void *) = {waits_for_execution, waits_for_events, waits_for_operation};
    pthread_t threads[3];
    char parameters[128];
    pabawi_id id;
    pabawi_events *events = follow(session, &id);
    pabawi_operation *operation = NULL;
    CHECK(snprintf(parameters, sizeof parameters, "{\"id\":\"%s\"}", id.text) > 0);
    OK(pabawi_call_start(session, TEXT("wait"), TEXT(parameters), NULL, NULL, &operation, &error));
    for (int number = 0; number < 3; number++) {
        struct waiter *waiter = &waiters[number];
        waiter->session = session, waiter->events = events, waiter->operation = operation, waiter->id = id;
        begin(&waiter->started);
        CHECK(pthread_create(&threads[number], NULL, what[number], waiter) == 0);
        take(&waiter->started);
    }
    CHECK(pabawi_engine_free(engine) == PABAWI_OK);
    for (int number = 0; number < 3; number++) {
        CHECK(pthread_join(threads[number], NULL) == 0);
        /* Whoever waits for the execution may see its end first: it was ended. */
        pabawi_status status = waiters[number].status;
        CHECK(status == PABAWI_CLOSED || status == PABAWI_BAD_HANDLE || status == PABAWI_OK ||
              status == PABAWI_SHUTTING_DOWN);
        sem_destroy(&waiters[number].started);
    }
    CHECK(waiters[1].status == PABAWI_CLOSED);
    FAILS(PABAWI_CLOSED, "freed", pabawi_events_next(events, -1, &(pabawi_bytes){0}, &error));
    CHECK(pabawi_events_free(events) == PABAWI_OK && pabawi_operation_free(operation) == PABAWI_OK);
    close_all(NULL, session);
}

/* A stream and a session are freed while threads use them. */
static void parts_freed_while_in_flight(const char *form)
{
    pabawi_engine *engine = another(form);
    pabawi_session *session = open_session(engine, "carla");
    struct waiter waiter;
    pthread_t thread;
    memset(&waiter, 0, sizeof waiter);
    begin(&waiter.started);
    waiter.events = follow(session, &waiter.id);
    CHECK(pthread_create(&thread, NULL, waits_for_events, &waiter) == 0);
    take(&waiter.started);
    CHECK(pabawi_events_free(waiter.events) == PABAWI_OK);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(waiter.status == PABAWI_ABORTED || waiter.status == PABAWI_BAD_HANDLE);
    waiter.session = open_session(engine, "carla");
    CHECK(pthread_create(&thread, NULL, waits_for_execution, &waiter) == 0);
    take(&waiter.started);
    CHECK(pabawi_session_free(waiter.session) == PABAWI_OK);
    OK(pabawi_cancel(session, &waiter.id, TEXT("{\"kill\":true}"), NULL, &error));
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(waiter.status == PABAWI_OK || waiter.status == PABAWI_BAD_HANDLE);
    sem_destroy(&waiter.started);
    close_all(engine, session);
}

/* Functions have their last call, whoever ends what they belong to, and none comes later. */
static void last_calls(const char *form)
{
    pabawi_engine *engine = another(form);
    pabawi_session *session = open_session(engine, "carla");
    struct told by_stream = {.times = 0}, by_engine = {.times = 0}, answer = {.times = 0}, itself = {.times = 0};
    pabawi_id id;
    char parameters[128];
    begin(&by_stream.called), begin(&by_engine.called), begin(&answer.called), begin(&itself.called);
    pabawi_events *events = follow(session, &id);
    OK(pabawi_events_listen(events, on_events, &by_stream, &error));
    CHECK(pabawi_events_free(events) == PABAWI_OK);
    take(&by_stream.called);
    CHECK(by_stream.times == 1 && by_stream.last == PABAWI_ABORTED);
    itself.events = follow(session, &id);
    OK(pabawi_events_listen(itself.events, on_events, &itself, &error));
    take(&itself.called);
    CHECK(itself.times == 1 && itself.last == PABAWI_ABORTED);
    events = follow(session, &id);
    OK(pabawi_events_listen(events, on_events, &by_engine, &error));
    CHECK(snprintf(parameters, sizeof parameters, "{\"id\":\"%s\"}", id.text) > 0);
    OK(pabawi_call_start(session, TEXT("wait"), TEXT(parameters), on_answer, &answer, NULL, &error));
    CHECK(pabawi_engine_free(engine) == PABAWI_OK);
    /* Both were called before it returned. */
    CHECK(sem_trywait(&by_engine.called) == 0 && by_engine.times == 1 && by_engine.last == PABAWI_CLOSED);
    CHECK(sem_trywait(&answer.called) == 0 && answer.times == 1);
    CHECK(pabawi_events_free(events) == PABAWI_OK);
    close_all(NULL, session);
    CHECK(by_stream.times == 1 && itself.times == 1 && by_engine.times == 1 && answer.times == 1);
}

/* A function ends the engine that calls it. */
static void ends_its_engine(const char *form)
{
    pabawi_engine *engine = another(form);
    pabawi_session *session = open_session(engine, "carla");
    struct told told = {.engine = engine};
    begin(&told.called);
    OK(pabawi_call_start(session, TEXT("stats"), NULL, 0, on_answer, &told, NULL, &error));
    take(&told.called);
    CHECK(told.times == 1 && told.last == PABAWI_OK);
    FAILS(PABAWI_CLOSED, "freed", pabawi_execute(session, TEXT(LONG), &(pabawi_bytes){0}, &error));
    close_all(NULL, session);
}

/* Functions that do not return hold up neither calls nor the end for long. */
static void never_return(const char *form)
{
    enum { MANY = 40 };
    pabawi_engine *engine = another(form);
    pabawi_session *session = open_session(engine, "carla");
    static sem_t block;
    static struct told told[MANY];
    begin(&block);
    for (int number = 0; number < MANY; number++) {
        begin(&told[number].called);
        told[number].block = &block;
        OK(pabawi_call_start(session, TEXT("stats"), NULL, 0, on_answer, &told[number], NULL, &error));
    }
    for (int number = 0; number < MANY; number++) {
        take(&told[number].called);
    }
    pabawi_bytes answer = {0};
    OK(pabawi_call(session, TEXT("stats"), NULL, 0, &answer, &error));
    CHECK(pabawi_bytes_free(&answer) == PABAWI_OK);
    struct timespec before, after;
    clock_gettime(CLOCK_MONOTONIC, &before);
    CHECK(pabawi_engine_free(engine) == PABAWI_OK);
    clock_gettime(CLOCK_MONOTONIC, &after);
    CHECK(after.tv_sec - before.tv_sec < 50);
    for (int number = 0; number < MANY; number++) {
        sem_post(&block);
    }
    CHECK(pabawi_session_free(session) == PABAWI_OK);
}

/* A command that reads nothing of a long input, in a program that leaves SIGPIPE as it was. */
static void reads_nothing(const char *form)
{
    enum { LENGTH = 256 * 1024 };
    static char request[LENGTH + 256];
    char *end = request + sprintf(request, "{\"action\":{\"type\":\"command\",\"command\":\"true\",\"stdin\":{\"bytes\":\"");
    memset(end, 'x', LENGTH);
    strcpy(end + LENGTH, "\"}},\"targets\":\"n1\",\"transport\":\"local\"}");
    pabawi_engine *engine = another(form);
    pabawi_session *session = open_session(engine, "carla");
    for (int turn = 0; turn < 5; turn++) {
        pabawi_bytes outcome = {0};
        OK(pabawi_execute(session, request, strlen(request), &outcome, &error));
        HAS(outcome, "\"status\":\"completed\"");
        CHECK(pabawi_bytes_free(&outcome) == PABAWI_OK);
    }
    close_all(engine, session);
}

/* Who listens when the engine is gone is told so, and not called. */
static void listens_too_late(const char *form)
{
    pabawi_engine *engine = another(form);
    pabawi_session *session = open_session(engine, "carla");
    pabawi_id id;
    pabawi_events *events = follow(session, &id);
    CHECK(pabawi_engine_free(engine) == PABAWI_OK);
    FAILS(PABAWI_CLOSED, "freed", pabawi_events_listen(events, on_events, NULL, &error));
    CHECK(pabawi_events_free(events) == PABAWI_OK);
    close_all(NULL, session);
}

struct ending {
    pabawi_engine *engine;
    sem_t started;
};

static void *shuts_down(void *user_data)
{
    struct ending *ending = user_data;
    sem_post(&ending->started);
    (void)pabawi_engine_shutdown(ending->engine, 600000, NULL, NULL);
    return NULL;
}

/* Whether that process is there; one that has ended and that nobody has waited for is not. */
static int is_running(int pid)
{
    char path[64], line[512] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return 0;
    }
    CHECK(fgets(line, sizeof line, file) != NULL && fclose(file) == 0);
    return strstr(line, ") Z ") == NULL;
}

/* An engine is freed while another thread gives what runs ten minutes: what runs is ended, and so is the other thread's wait. */
static void freed_while_it_is_shut_down(const char *form)
{
    struct ending ending = {.engine = another(form)};
    pabawi_session *session = open_session(ending.engine, "carla");
    pabawi_events *events = NULL;
    pabawi_bytes batch = {0};
    pthread_t thread;
    int pid = 0;
    OK(pabawi_events_open(session,
                          TEXT("{\"submitted\":{\"request\":{\"action\":{\"type\":\"command\",\"command\":\"echo $$; exec sleep 1000\"},"
                               "\"targets\":\"n1\",\"transport\":\"local\"}}}"),
                          NULL, &events, &error));
    while (pid == 0) {
        OK(pabawi_events_next(events, 60000, &batch, &error));
        const char *output = strstr(batch.data, "\"type\":\"output\"");
        const char *data = output != NULL ? strstr(output, "\"data\":\"") : NULL;
        pid = data != NULL ? atoi(data + strlen("\"data\":\"")) : 0;
        CHECK(pabawi_bytes_free(&batch) == PABAWI_OK);
    }
    CHECK(is_running(pid));
    begin(&ending.started);
    CHECK(pthread_create(&thread, NULL, shuts_down, &ending) == 0);
    take(&ending.started);
    /* Long enough to be in it; where it is not, the engine is freed before, and ends what runs as well. */
    CHECK(nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL) == 0);
    CHECK(pabawi_engine_free(ending.engine) == PABAWI_OK);
    CHECK(!is_running(pid));
    CHECK(pthread_join(thread, NULL) == 0);
    sem_destroy(&ending.started);
    CHECK(pabawi_events_free(events) == PABAWI_OK);
    close_all(NULL, session);
}

int main(int count, char **arguments)
{
    CHECK(count == 2);
    reads_nothing(arguments[1]);
    listens_too_late(arguments[1]);
    freed_while_it_is_shut_down(arguments[1]);
    freed_while_in_flight(arguments[1]);
    parts_freed_while_in_flight(arguments[1]);
    last_calls(arguments[1]);
    ends_its_engine(arguments[1]);
    /* Last, since its threads are left alone. */
    never_return(arguments[1]);
    puts("fine");
    return 0;
}
