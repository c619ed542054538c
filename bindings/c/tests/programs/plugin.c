/*
 * A plugin in C: two of three nodes succeed, answers from a thread of its own, answers too often, too late, wrong or never.
 * Arguments: options of the engine.
 */
#define _POSIX_C_SOURCE 200809L

#include "tables.h"

#include <poll.h>

static const char description[] =
    "{\"name\":\"deploy\",\"version\":\"1.0\",\"description\":\"Deploys\",\"capabilities\":["
    "{\"name\":\"task.execute\",\"description\":\"Deploys\",\"parameters\":{\"type\":\"object\"},"
    "\"requiredPermissions\":[],\"risk\":\"execute\",\"sensitive\":[\"/password\"]},"
    "{\"name\":\"versions.list\",\"description\":\"Lists\",\"parameters\":{\"type\":\"object\"},"
    "\"requiredPermissions\":[],\"risk\":\"read\",\"timeoutMs\":5000}],"
    "\"configSchema\":{\"type\":\"object\",\"required\":[\"greeting\"]}}";

static struct counter ready = COUNTER, runs = COUNTER, threads = COUNTER, shut = COUNTER, destroyed = COUNTER;
static int marker;

/* Kept by a function that never answers, until the end. */
static pabawi_completion *kept[2];

struct work {
    pabawi_completion *completion;
    char *request;
};

/* Tells of each node that is in the request: the third fails, with something on its standard error. */
static void tell_all(pabawi_completion *completion, const char *request)
{
    static const char key[] = "\"node\":\"";
    char line[256];
    for (const char *at = strstr(request, key); at != NULL; at = strstr(at + 1, key)) {
        char *node = between(at, key, "\"");
        CHECK(node != NULL);
        int fails = strcmp(node, "c03") == 0;
        CHECK(snprintf(line, sizeof line, "{\"node\":\"%s\",\"stdout\":\"deploying \"}\n{\"node\":\"%s\",\"stdout\":\"%s\\n\"}",
                       node, node, node) > 0);
        OK(pabawi_completion_tell(completion, TEXT(line), &error));
        CHECK(snprintf(line, sizeof line, fails ? "{\"node\":\"%s\",\"stderr\":\"no disk left\\n\",\"exited\":3}"
                                                : "{\"node\":\"%s\",\"exited\":0}", node) > 0);
        OK(pabawi_completion_tell(completion, TEXT(line), &error));
        free(node);
    }
}

static void *works(void *data)
{
    struct work *work = data;
    tell_all(work->completion, work->request);
    OK(pabawi_completion_finish(work->completion, NULL, 0, &error));
    FAILS(PABAWI_ALREADY, "before", pabawi_completion_finish(work->completion, NULL, 0, &error));
    FAILS(PABAWI_ALREADY, "before", pabawi_completion_fail(work->completion, PABAWI_DNS, TEXT("x"), &error));
    FAILS(PABAWI_ALREADY, "before", pabawi_completion_tell(work->completion, TEXT("{}"), &error));
    CHECK(pabawi_completion_free(work->completion) == PABAWI_OK);
    CHECK(pabawi_completion_free(work->completion) == PABAWI_BAD_HANDLE);
    FAILS(PABAWI_BAD_HANDLE, "freed", pabawi_completion_finish(work->completion, NULL, 0, &error));
    CHECK(pabawi_completion_is_wanted(work->completion) == 0);
    free(work->request);
    free(work);
    add(&threads, 1);
    return NULL;
}

static void *stops(void *data)
{
    pabawi_completion *completion = data;
    int fd = -1;
    OK(pabawi_completion_fd(completion, &fd, &error));
    struct pollfd asked = {fd, POLLIN, 0};
    CHECK(pabawi_completion_is_wanted(completion) == 1);
    OK(pabawi_completion_tell(completion, TEXT("{\"node\":\"c01\",\"stdout\":\"begun\\n\"}"), &error));
    add(&runs, 1);
    CHECK(poll(&asked, 1, 60000) == 1);
    CHECK(pabawi_completion_is_wanted(completion) == 0);
    FAILS(PABAWI_ABORTED, "nobody", pabawi_completion_tell(completion, TEXT("{\"node\":\"c01\",\"exited\":0}"), &error));
    FAILS(PABAWI_ABORTED, "nobody", pabawi_completion_finish(completion, NULL, 0, &error));
    CHECK(pabawi_completion_free(completion) == PABAWI_OK);
    add(&threads, 1);
    return NULL;
}

static void on_thread(void *(*function)(void *), void *data)
{
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, function, data) == 0 && pthread_detach(thread) == 0);
}

static void run(void *user_data, const char *request, size_t len, pabawi_completion *completion)
{
    CHECK(user_data == &marker);
    char *text = copy_of(request, len);
    CHECK(strstr(text, "\"config\":{\"greeting\":\"Hello\"}") != NULL);
    char *name = between(text, "\"name\":\"", "\"");
    CHECK(name != NULL);
    if (strcmp(name, "deploy") == 0) {
        CHECK(strstr(text, "\"password\":\"hunter2\"") != NULL);
        struct work *work = malloc(sizeof *work);
        CHECK(work != NULL);
        *work = (struct work){completion, text};
        text = NULL;
        on_thread(works, work);
    } else if (strcmp(name, "at-once") == 0) {
        answer(completion, "{\"node\":\"c01\",\"exited\":0}\n{\"node\":\"c02\",\"stdout\":\"two\",\"signalled\":\"KILL\"}");
    } else if (strcmp(name, "fails") == 0) {
        OK(pabawi_completion_tell(completion, TEXT("{\"node\":\"c01\",\"exited\":0}"), &error));
        FAILS(PABAWI_VALIDATION, "code", pabawi_completion_fail(completion, PABAWI_OK, TEXT("x"), &error));
        FAILS(PABAWI_NULL_POINTER, "message", pabawi_completion_fail(completion, PABAWI_DNS, NULL, 0, &error));
        OK(pabawi_completion_fail(completion, PABAWI_UNAVAILABLE, TEXT("the \"deployer\" is away"), &error));
        CHECK(pabawi_completion_free(completion) == PABAWI_OK);
    } else if (strcmp(name, "nonsense") == 0) {
        answer(completion, "{\"node\":\"c09\",\"exited\":0}");
    } else if (strcmp(name, "freed") == 0) {
        CHECK(pabawi_completion_free(completion) == PABAWI_OK);
    } else if (strcmp(name, "stops") == 0) {
        on_thread(stops, completion);
    } else {
        CHECK(strcmp(name, "never") == 0);
        kept[0] = completion;
        add(&runs, 1);
    }
    free(name);
    free(text);
}

static void call(void *user_data, const char *request, size_t len, pabawi_completion *completion)
{
    CHECK(user_data == &marker);
    char *text = copy_of(request, len);
    CHECK(strstr(text, "\"capability\":\"versions.list\"") != NULL && strstr(text, "\"user\":\"carla\"") != NULL);
    if (strstr(text, "never") != NULL) {
        kept[1] = completion;
        free(text);
        return;
    }
    free(text);
    FAILS(PABAWI_VALIDATION, "answer", pabawi_completion_finish(completion, TEXT("[1, 2"), &error));
    FAILS(PABAWI_BAD_UTF8, "answer", pabawi_completion_finish(completion, TEXT("\"\xff\""), &error));
    FAILS(PABAWI_VALIDATION, "lines", pabawi_completion_tell(completion, TEXT("{}"), &error));
    answer(completion, "[\"v1\",\n \"v2\"]");
}

static void initialize(void *user_data, const char *request, size_t len, pabawi_completion *completion)
{
    CHECK(user_data == &marker && len > 0 && request[0] == '{');
    add(&ready, 1);
    OK(pabawi_completion_finish(completion, NULL, 0, &error));
    CHECK(pabawi_completion_free(completion) == PABAWI_OK);
}

static void health(void *user_data, const char *request, size_t len, pabawi_completion *completion)
{
    CHECK(user_data == &marker && len > 0 && request[0] == '{');
    answer(completion, "{\"state\":\"degraded\",\"message\":\"half of it\",\"working\":[],\"failing\":[\"task.execute\"]}");
}

static void shutdown_it(void *user_data, const char *request, size_t len, pabawi_completion *completion)
{
    CHECK(user_data == &marker && len > 0 && request[0] == '{');
    CHECK(value_of(&destroyed) == 0);
    add(&shut, 1);
    answer(completion, "null");
}

static void destroy(void *user_data)
{
    CHECK(user_data == &marker && value_of(&shut) == 1);
    add(&destroyed, 1);
}

static const char *task(const char *name, const char *targets, const char *more)
{
    static char request[512];
    const char *form = "{\"action\":{\"type\":\"task\",\"name\":\"%s\",\"plugin\":\"deploy\",\"parameters\":{\"password\":\"hunter2\"}},"
                       "\"targets\":\"%s\"%s}";
    CHECK(snprintf(request, sizeof request, form, name, targets, more) > 0);
    return request;
}

static pabawi_bytes execute(pabawi_session *session, const char *request)
{
    pabawi_bytes outcome = {0};
    OK(pabawi_execute(session, TEXT(request), &outcome, &error));
    return outcome;
}

/* What is stored of the targets of an execution that was waited for. */
static pabawi_bytes stored(pabawi_session *session, pabawi_bytes *outcome)
{
    char parameters[128];
    char *id = between(outcome->data, "\"executionId\":\"", "\"");
    if (id == NULL) {
        id = between(outcome->data, "\"id\":\"", "\"");
    }
    CHECK(id != NULL);
    CHECK(snprintf(parameters, sizeof parameters, "{\"id\":\"%s\"}", id) > 0);
    free(id);
    CHECK(pabawi_bytes_free(outcome) == PABAWI_OK);
    return called(session, "targets", parameters);
}

static void partial(pabawi_session *session)
{
    pabawi_bytes outcome = execute(session, task("deploy", "c[01-03]", ""));
    HAS(outcome, "\"status\":\"partial\"");
    HAS(outcome, "\"succeeded\":2");
    CHECK(strstr(outcome.data, "hunter2") == NULL);
    pabawi_bytes targets = stored(session, &outcome);
    CHECK(count_of(targets.data, "\"outcome\":\"succeeded\"") == 2);
    HAS(targets, "\"outcome\":\"exited\"");
    HAS(targets, "\"code\":3");
    /* What the third said stands in the history. */
    char *third = between(targets.data, "\"stderr\":{\"hash\":\"", "\"");
    CHECK(third != NULL && count_of(targets.data, "\"stderr\"") == 1 && count_of(targets.data, "\"stdout\"") == 3);
    char parameters[128];
    CHECK(snprintf(parameters, sizeof parameters, "{\"hash\":\"%s\"}", third) > 0);
    pabawi_bytes output = called(session, "output", parameters);
    HAS(output, "\"data\":\"no disk left\\n\"");
    free(third);
    CHECK(pabawi_bytes_free(&output) == PABAWI_OK && pabawi_bytes_free(&targets) == PABAWI_OK);
    pabawi_bytes entries = called(session, "journal.query", "{\"node\":\"c03\"}");
    HAS(entries, "\"source\":\"deploy\"");
    CHECK(pabawi_bytes_free(&entries) == PABAWI_OK);
    wait_for(&threads, 1);
}

static void ends(pabawi_session *session)
{
    pabawi_bytes outcome = execute(session, task("at-once", "c[01-02]", ""));
    HAS(outcome, "\"status\":\"partial\"");
    pabawi_bytes targets = stored(session, &outcome);
    HAS(targets, "\"signal\":\"KILL\"");
    CHECK(pabawi_bytes_free(&targets) == PABAWI_OK);
    static const char *const faults[][3] = {
        {"fails", "the \\\"deployer\\\" is away", "unavailable"},
        {"nonsense", "none of those that it was to work on", "plugin_fault"},
        {"freed", "freed without an answer", "plugin_fault"},
    };
    for (size_t place = 0; place < sizeof faults / sizeof faults[0]; place++) {
        outcome = execute(session, task(faults[place][0], "c[01-02]", ""));
        targets = stored(session, &outcome);
        HAS(targets, faults[place][1]);
        HAS(targets, faults[place][2]);
        CHECK(count_of(targets.data, "\"outcome\":\"succeeded\"") == (place == 0));
        CHECK(pabawi_bytes_free(&targets) == PABAWI_OK);
    }
}

static void limits(pabawi_session *session)
{
    /* One that never answers ends with the time of its request. */
    long before = value_of(&runs);
    pabawi_bytes outcome = execute(session, task("never", "c01", ",\"timeouts\":{\"nodeMs\":3000}"));
    CHECK(value_of(&runs) == before + 1);
    pabawi_bytes targets = stored(session, &outcome);
    HAS(targets, "\"timedOut\"");
    HAS(targets, "\"unconfirmed\"");
    CHECK(pabawi_bytes_free(&targets) == PABAWI_OK);
    CHECK(pabawi_completion_is_wanted(kept[0]) == 0);
    /* One that is cancelled hears of it, and what it says then counts. */
    pabawi_id id;
    before = value_of(&runs);
    const char *request = task("stops", "c01", "");
    OK(pabawi_submit(session, TEXT(request), &id, &error));
    wait_for(&runs, before + 1);
    OK(pabawi_cancel(session, &id, TEXT("{\"graceMs\":20000}"), NULL, &error));
    OK(pabawi_wait(session, &id, -1, &outcome, &error));
    HAS(outcome, "\"status\":\"cancelled\"");
    targets = stored(session, &outcome);
    HAS(targets, "\"confirmed\"");
    CHECK(pabawi_bytes_free(&targets) == PABAWI_OK);
    wait_for(&threads, 2);
}

static void calls(pabawi_session *session)
{
    pabawi_bytes told = called(session, "plugins.call", "{\"capability\":\"versions.list\"}");
    CHECK(strcmp(told.data, "[\"v1\",\"v2\"]") == 0);
    CHECK(pabawi_bytes_free(&told) == PABAWI_OK);
    const char *never = "{\"capability\":\"versions.list\",\"parameters\":{\"how\":\"never\"}}";
    pabawi_error *why = NULL;
    CHECK(pabawi_call(session, TEXT("plugins.call"), TEXT(never), &told, &why) != PABAWI_OK);
    CHECK(strstr(pabawi_error_json(why), "did not answer within 5000 ms") != NULL);
    CHECK(pabawi_error_free(why) == PABAWI_OK);
    told = called(session, "plugins.health", "{\"plugin\":\"deploy\"}");
    HAS(told, "half of it");
    CHECK(pabawi_bytes_free(&told) == PABAWI_OK);
    /* The plugin is as every other one. */
    told = called(session, "capabilities", "{}");
    HAS(told, "\"versions.list\"");
    CHECK(pabawi_bytes_free(&told) == PABAWI_OK);
}

int main(int count, char **arguments)
{
    CHECK(count == 2);
    pabawi_config *config = NULL;
    pabawi_engine *engine = NULL;
    pabawi_plugin plugin = {.struct_size = sizeof plugin, .user_data = &marker, .destroy = destroy, .run = run, .call = call,
                            .initialize = initialize, .health = health, .shutdown = shutdown_it};
    OK(pabawi_config_new(TEXT(arguments[1]), &config, &error));
    OK(pabawi_config_add_plugin(config, TEXT(description), TEXT("{\"greeting\":\"Hello\"}"), &plugin, &error));
    memset(&plugin, 0, sizeof plugin);
    OK(pabawi_engine_new(config, &engine, &error));
    CHECK(pabawi_config_free(config) == PABAWI_OK && value_of(&ready) == 1);
    pabawi_session *session = open_session(engine, "carla");
    partial(session);
    ends(session);
    limits(session);
    calls(session);
    OK(pabawi_engine_shutdown(engine, 5000, NULL, &error));
    CHECK(value_of(&shut) == 1 && value_of(&destroyed) == 0);
    CHECK(pabawi_session_free(session) == PABAWI_OK && pabawi_engine_free(engine) == PABAWI_OK);
    CHECK(value_of(&destroyed) == 1);
    /* Answers that come after all of it hurt nobody. */
    for (int place = 0; place < 2; place++) {
        FAILS(PABAWI_ABORTED, "nobody", pabawi_completion_finish(kept[place], TEXT("{}"), &error));
        FAILS(PABAWI_ALREADY, "before", pabawi_completion_finish(kept[place], TEXT("{}"), &error));
        CHECK(pabawi_completion_free(kept[place]) == PABAWI_OK);
    }
    CHECK(pabawi_open_handles() == 0);
    puts("fine");
    return 0;
}
