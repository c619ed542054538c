/*
 * What no program should do, and some do: every misuse has to be told, nothing may break. Prints how many there were.
 * Arguments: options of the engine.
 */
#define _POSIX_C_SOURCE 200809L

#include "check.h"

#include <pthread.h>
#include <stdint.h>

/* Only in builds for tests. */
extern pabawi_status pabawi_test_panic(pabawi_error **error);

static int misuses = 0;

/* A misuse that is told with a reason. */
#define MISUSE(status, part, call)                                                      \
    do {                                                                                \
        FAILS(status, part, call);                                                      \
        misuses++;                                                                      \
    } while (0)

/* A misuse of a function that tells the status alone. */
#define QUIET(status, call)                                                             \
    do {                                                                                \
        CHECK((call) == (status));                                                      \
        misuses++;                                                                      \
    } while (0)

#define REQUEST "{\"action\":{\"type\":\"command\",\"command\":\"true\"},\"targets\":\"n1\",\"transport\":\"local\"}"

static void on_answer(void *user_data, pabawi_status status, const char *answer, size_t len, const pabawi_error *error)
{
    (void)user_data, (void)status, (void)answer, (void)len, (void)error;
}

/* Pointers that are handles of nothing. */
static void *const made_up[] = {(void *)1, (void *)8, (void *)0x7fff1234, (void *)UINTPTR_MAX, (void *)(UINTPTR_MAX - 6)};
#define MADE_UP (sizeof made_up / sizeof made_up[0])

static void texts(pabawi_session *session)
{
    pabawi_config *config = NULL;
    pabawi_bytes answer = {0};
    pabawi_id id;
    memset(&id, 0, sizeof id);
    /* Lengths. */
    MISUSE(PABAWI_NULL_POINTER, "request", pabawi_submit(session, NULL, 0, &id, &error));
    MISUSE(PABAWI_NULL_POINTER, "request", pabawi_submit(session, NULL, 12, &id, &error));
    MISUSE(PABAWI_BAD_LENGTH, "request", pabawi_submit(session, REQUEST, SIZE_MAX, &id, &error));
    MISUSE(PABAWI_BAD_LENGTH, "request", pabawi_submit(session, REQUEST, SIZE_MAX / 2, &id, &error));
    MISUSE(PABAWI_BAD_LENGTH, "request", pabawi_submit(session, REQUEST, 64u * 1024 * 1024 + 1, &id, &error));
    MISUSE(PABAWI_VALIDATION, "EOF", pabawi_submit(session, REQUEST, 0, &id, &error));
    MISUSE(PABAWI_VALIDATION, "EOF", pabawi_submit(session, REQUEST, 10, &id, &error));
    MISUSE(PABAWI_BAD_LENGTH, "options", pabawi_config_new("{}", SIZE_MAX, &config, &error));
    MISUSE(PABAWI_BAD_LENGTH, "name", pabawi_call(session, "get", SIZE_MAX, NULL, 0, &answer, &error));
    MISUSE(PABAWI_BAD_LENGTH, "parameters", pabawi_call(session, TEXT("get"), "{}", SIZE_MAX, &answer, &error));
    MISUSE(PABAWI_NULL_POINTER, "parameters", pabawi_call(session, TEXT("get"), NULL, 1, &answer, &error));
    MISUSE(PABAWI_NULL_POINTER, "name", pabawi_call(session, NULL, 0, NULL, 0, &answer, &error));
    /* Not UTF-8: a lone byte, a cut sequence, an overlong one, a surrogate. */
    static const char *const bad[] = {"\xff", "\xe2\x82", "\xc0\xaf", "\xed\xa0\x80"};
    for (size_t number = 0; number < sizeof bad / sizeof bad[0]; number++) {
        MISUSE(PABAWI_BAD_UTF8, "request", pabawi_submit(session, TEXT(bad[number]), &id, &error));
        MISUSE(PABAWI_BAD_UTF8, "query", pabawi_history(session, TEXT(bad[number]), &answer, &error));
    }
    MISUSE(PABAWI_BAD_UTF8, "options", pabawi_config_new("{\xff}", 3, &config, &error));
    /* No JSON, or another one than is wanted; the field is named. */
    MISUSE(PABAWI_VALIDATION, "expected", pabawi_submit(session, TEXT("hello"), &id, &error));
    MISUSE(PABAWI_VALIDATION, "invalid length", pabawi_submit(session, TEXT("[]"), &id, &error));
    MISUSE(PABAWI_VALIDATION, "action", pabawi_submit(session, TEXT("{}"), &id, &error));
    MISUSE(PABAWI_VALIDATION, "\"priority\"",
           pabawi_submit(session, TEXT("{\"priority\":\"high\"," "\"action\":{\"type\":\"command\",\"command\":\"id\"},\"targets\":\"n1\"}"), &id, &error));
    MISUSE(PABAWI_VALIDATION, "action.command",
           pabawi_submit(session, TEXT("{\"action\":{\"type\":\"command\",\"command\":\"\"},\"targets\":\"n1\"}"), &id, &error));
    MISUSE(PABAWI_VALIDATION, "trailing", pabawi_submit(session, TEXT(REQUEST "x"), &id, &error));
    MISUSE(PABAWI_VALIDATION, "no call", pabawi_call(session, TEXT("no.such.call"), NULL, 0, &answer, &error));
    MISUSE(PABAWI_VALIDATION, "unknown field", pabawi_call(session, TEXT("breakers"), TEXT("{\"x\":1}"), &answer, &error));
    /* JSON that is deeper than anybody needs, and a text with NUL inside. */
    static char deep[200000];
    memset(deep, '[', sizeof deep);
    MISUSE(PABAWI_VALIDATION, "", pabawi_submit(session, deep, sizeof deep, &id, &error));
    MISUSE(PABAWI_VALIDATION, "", pabawi_submit(session, "{\0}", 3, &id, &error));
    /* Large, but a text: it is taken, and refused for what it says. */
    size_t size = 20u * 1024 * 1024;
    char *large = malloc(size);
    CHECK(large != NULL);
    memset(large, 'x', size);
    int head = snprintf(large, size, "{\"targets\":\"n1\",\"action\":{\"type\":\"command\",\"command\":\"");
    CHECK(head > 0);
    large[head] = 'x';
    memcpy(large + size - 3, "\"}}", 3);
    MISUSE(PABAWI_VALIDATION, "action.command", pabawi_submit(session, large, size, &id, &error));
    free(large);
    /* Nothing was written, and nothing given. */
    CHECK(config == NULL && answer.data == NULL && id.text[0] == 0);
}

static void places(pabawi_engine *engine, pabawi_session *session)
{
    pabawi_id id;
    pabawi_bytes answer = {0};
    memset(&id, 0, sizeof id);
    /* Nowhere to put what is asked for: then nothing is started either. */
    MISUSE(PABAWI_NULL_POINTER, "id", pabawi_submit(session, TEXT(REQUEST), NULL, &error));
    MISUSE(PABAWI_NULL_POINTER, "outcome", pabawi_execute(session, TEXT(REQUEST), NULL, &error));
    MISUSE(PABAWI_NULL_POINTER, "answer", pabawi_call(session, TEXT("stats"), NULL, 0, NULL, &error));
    MISUSE(PABAWI_NULL_POINTER, "answer", pabawi_history(session, NULL, 0, NULL, &error));
    MISUSE(PABAWI_NULL_POINTER, "schemas", pabawi_schemas(NULL, &error));
    MISUSE(PABAWI_NULL_POINTER, "config", pabawi_config_new(NULL, 0, NULL, &error));
    MISUSE(PABAWI_NULL_POINTER, "engine", pabawi_engine_new(NULL, NULL, &error));
    MISUSE(PABAWI_NULL_POINTER, "session", pabawi_session_new(engine, TEXT("carla"), NULL, &error));
    MISUSE(PABAWI_NULL_POINTER, "events", pabawi_events_open(session, TEXT("{}"), NULL, NULL, &error));
    MISUSE(PABAWI_NULL_POINTER, "operation", pabawi_call_start(session, TEXT("stats"), NULL, 0, NULL, NULL, NULL, &error));
    /* Ids that are none. */
    MISUSE(PABAWI_NULL_POINTER, "id", pabawi_get(session, NULL, &answer, &error));
    MISUSE(PABAWI_VALIDATION, "id", pabawi_get(session, &id, &answer, &error));
    memset(id.text, 'a', sizeof id.text);
    MISUSE(PABAWI_VALIDATION, "id", pabawi_wait(session, &id, -1, &answer, &error));
    memset(id.text, 0, sizeof id.text);
    memcpy(id.text, "01890b5e-7f3a-7cc0-98c2-0f1a2b3c4d5e", 36);
    MISUSE(PABAWI_NOT_FOUND, "01890b5e", pabawi_get(session, &id, &answer, &error));
    MISUSE(PABAWI_NOT_FOUND, "01890b5e", pabawi_wait(session, &id, 0, &answer, &error));
    MISUSE(PABAWI_NOT_FOUND, "01890b5e", pabawi_cancel(session, &id, NULL, 0, &answer, &error));
    MISUSE(PABAWI_VALIDATION, "", pabawi_cancel(session, &id, TEXT("[1]"), &answer, &error));
    /* A slip in a name must not end all nodes. */
    MISUSE(PABAWI_VALIDATION, "node", pabawi_cancel(session, &id, TEXT("{\"node\":[\"n1\"]}"), &answer, &error));
    MISUSE(PABAWI_VALIDATION, "pabawi_engine_shutdown", pabawi_call(session, TEXT("shutdown"), NULL, 0, &answer, &error));
    /* Places that are not aligned for what is put there. */
    union {
        pabawi_bytes aligned;
        char bytes[sizeof(pabawi_bytes) * 2];
    } place;
    memset(&place, 0, sizeof place);
    uintptr_t odd = (uintptr_t)place.bytes + 1;
    MISUSE(PABAWI_BAD_POINTER, "aligned", pabawi_history(session, NULL, 0, (pabawi_bytes *)odd, &error));
    QUIET(PABAWI_BAD_POINTER, pabawi_bytes_free((pabawi_bytes *)odd));
    QUIET(PABAWI_NULL_POINTER, pabawi_submit(session, NULL, 0, &id, (pabawi_error **)odd));
    /* No error is wanted. */
    QUIET(PABAWI_NULL_POINTER, pabawi_submit(session, NULL, 0, &id, NULL));
    QUIET(PABAWI_NULL_POINTER, pabawi_get(NULL, NULL, NULL, NULL));
    CHECK(answer.data == NULL);
    pabawi_bytes list = {0};
    OK(pabawi_history(session, NULL, 0, &list, &error));
    HAS(list, "\"items\":[]");
    CHECK(pabawi_bytes_free(&list) == PABAWI_OK);
}

static void handles(pabawi_engine *engine, pabawi_session *session)
{
    pabawi_bytes answer = {0};
    pabawi_id id;
    /* NULL can be freed, and nothing else can be done with it. */
    CHECK(pabawi_config_free(NULL) == PABAWI_OK && pabawi_engine_free(NULL) == PABAWI_OK);
    CHECK(pabawi_session_free(NULL) == PABAWI_OK && pabawi_operation_free(NULL) == PABAWI_OK);
    CHECK(pabawi_events_free(NULL) == PABAWI_OK && pabawi_error_free(NULL) == PABAWI_OK);
    CHECK(pabawi_bytes_free(NULL) == PABAWI_OK && pabawi_bytes_free(&answer) == PABAWI_OK);
    MISUSE(PABAWI_NULL_POINTER, "pabawi_session", pabawi_submit(NULL, TEXT(REQUEST), &id, &error));
    MISUSE(PABAWI_NULL_POINTER, "pabawi_engine", pabawi_engine_shutdown(NULL, 0, &answer, &error));
    MISUSE(PABAWI_NULL_POINTER, "pabawi_operation", pabawi_operation_wait(NULL, 0, &answer, &error));
    MISUSE(PABAWI_NULL_POINTER, "pabawi_events", pabawi_events_next(NULL, 0, &answer, &error));
    QUIET(PABAWI_NULL_POINTER, pabawi_operation_abort(NULL));
    /* Numbers that were never given out, and handles of other kinds. */
    for (size_t number = 0; number < MADE_UP; number++) {
        void *wrong = made_up[number];
        MISUSE(PABAWI_BAD_HANDLE, "pabawi_session", pabawi_submit(wrong, TEXT(REQUEST), &id, &error));
        MISUSE(PABAWI_BAD_HANDLE, "pabawi_events", pabawi_events_next(wrong, -1, &answer, &error));
        QUIET(PABAWI_BAD_HANDLE, pabawi_engine_free(wrong));
        QUIET(PABAWI_BAD_HANDLE, pabawi_error_free(wrong));
        QUIET(PABAWI_BAD_HANDLE, pabawi_error_status(wrong));
        CHECK(strcmp(pabawi_error_message(wrong), "") == 0 && strcmp(pabawi_error_json(wrong), "") == 0);
    }
    MISUSE(PABAWI_BAD_HANDLE, "pabawi_session", pabawi_submit((void *)engine, TEXT(REQUEST), &id, &error));
    MISUSE(PABAWI_BAD_HANDLE, "pabawi_engine", pabawi_engine_shutdown((void *)session, 0, NULL, &error));
    MISUSE(PABAWI_BAD_HANDLE, "pabawi_config", pabawi_engine_new((void *)engine, &engine, &error));
    QUIET(PABAWI_BAD_HANDLE, pabawi_config_free((void *)session));
    QUIET(PABAWI_BAD_HANDLE, pabawi_events_free((void *)session));
    /* Freed twice, and used after that: sessions, errors, operations, streams, texts. */
    pabawi_session *other = open_session(engine, "carla");
    CHECK(pabawi_session_free(other) == PABAWI_OK);
    QUIET(PABAWI_BAD_HANDLE, pabawi_session_free(other));
    MISUSE(PABAWI_BAD_HANDLE, "freed", pabawi_submit(other, TEXT(REQUEST), &id, &error));
    pabawi_error *reason = NULL;
    CHECK(pabawi_submit(NULL, NULL, 0, &id, &reason) == PABAWI_NULL_POINTER);
    CHECK(pabawi_error_free(reason) == PABAWI_OK);
    QUIET(PABAWI_BAD_HANDLE, pabawi_error_free(reason));
    QUIET(PABAWI_BAD_HANDLE, pabawi_error_status(reason));
    CHECK(strcmp(pabawi_error_kind(reason), "") == 0);
    pabawi_operation *operation = NULL;
    OK(pabawi_call_start(session, TEXT("stats"), NULL, 0, NULL, NULL, &operation, &error));
    OK(pabawi_operation_wait(operation, -1, NULL, &error));
    CHECK(pabawi_operation_free(operation) == PABAWI_OK);
    QUIET(PABAWI_BAD_HANDLE, pabawi_operation_free(operation));
    MISUSE(PABAWI_BAD_HANDLE, "freed", pabawi_operation_wait(operation, -1, &answer, &error));
    int fd = -7;
    MISUSE(PABAWI_BAD_HANDLE, "freed", pabawi_operation_fd(operation, &fd, &error));
    CHECK(fd == -7);
    pabawi_events *events = NULL;
    OK(pabawi_events_open(session, TEXT("{\"submitted\":{\"request\":" REQUEST "}}"), &id, &events, &error));
    MISUSE(PABAWI_NULL_POINTER, "batch", pabawi_events_next(events, -1, NULL, &error));
    MISUSE(PABAWI_NULL_POINTER, "function", pabawi_events_listen(events, NULL, NULL, &error));
    MISUSE(PABAWI_NULL_POINTER, "fd", pabawi_events_fd(events, NULL, &error));
    CHECK(pabawi_events_free(events) == PABAWI_OK);
    QUIET(PABAWI_BAD_HANDLE, pabawi_events_free(events));
    MISUSE(PABAWI_BAD_HANDLE, "freed", pabawi_events_next(events, -1, &answer, &error));
    MISUSE(PABAWI_BAD_HANDLE, "freed", pabawi_events_listen(events, on_answer, NULL, &error));
    OK(pabawi_wait(session, &id, -1, NULL, &error));
    OK(pabawi_call(session, TEXT("stats"), NULL, 0, &answer, &error));
    pabawi_bytes copy = answer;
    CHECK(pabawi_bytes_free(&answer) == PABAWI_OK);
    QUIET(PABAWI_BAD_HANDLE, pabawi_bytes_free(&copy));
    CHECK(pabawi_bytes_free(&answer) == PABAWI_OK);
    pabawi_bytes own = {"mine", 4, 0};
    CHECK(pabawi_bytes_free(&own) == PABAWI_OK);
    own.data = "mine", own.len = 4, own.owner = 12345;
    QUIET(PABAWI_BAD_HANDLE, pabawi_bytes_free(&own));
    CHECK(strcmp(own.data, "mine") == 0);
    /* One configuration for two engines. */
    pabawi_config *config = NULL;
    pabawi_engine *none = NULL;
    OK(pabawi_config_new(TEXT("{\"database\":\"/proc/no/such/place.db\"}"), &config, &error));
    pabawi_status status = pabawi_engine_new(config, &none, NULL);
    CHECK(status != PABAWI_OK && none == NULL);
    MISUSE(PABAWI_ALREADY, "configuration", pabawi_engine_new(config, &none, &error));
    CHECK(pabawi_config_free(config) == PABAWI_OK);
    MISUSE(PABAWI_BAD_HANDLE, "freed", pabawi_engine_new(config, &none, &error));
    /* Users that are none. */
    pabawi_session *nobody = NULL;
    MISUSE(PABAWI_NULL_POINTER, "user", pabawi_session_new(engine, NULL, 0, &nobody, &error));
    MISUSE(PABAWI_VALIDATION, "user", pabawi_session_new(engine, TEXT("  "), &nobody, &error));
    MISUSE(PABAWI_VALIDATION, "user", pabawi_session_new(engine, TEXT("a\nb"), &nobody, &error));
    CHECK(nobody == NULL);
    MISUSE(PABAWI_PANIC, "on purpose", pabawi_test_panic(&error));
    QUIET(PABAWI_PANIC, pabawi_test_panic(NULL));
}

/* Options that are none. */
static void options(void)
{
    pabawi_config *config = NULL;
    static const char *const bad[][2] = {
        {"{\"databse\":\"x\"}", "databse"},
        {"{\"database\":7}", "database"},
        {"{\"authorizer\":\"me\"}", "authorizer"},
        {"{\"authorizer\":{\"policy\":7}}", "authorizer"},
        {"{\"workerThreads\":0}", "workerThreads"},
        {"{\"workerThreads\":-1}", "workerThreads"},
        {"{\"limits\":{\"maxNodeRuns\":\"all\"}}", "limits.maxNodeRuns"},
        {"null", "map"},
    };
    for (size_t number = 0; number < sizeof bad / sizeof bad[0]; number++) {
        MISUSE(PABAWI_VALIDATION, bad[number][1], pabawi_config_new(TEXT(bad[number][0]), &config, &error));
    }
    CHECK(config == NULL);
    /* Bad only once it is looked at. */
    pabawi_engine *engine = NULL;
    static const char *const late[][2] = {
        {"{\"authorizer\":{\"policy\":\"/no/such/file\"}}", "authorizer.policy"},
        {"{\"inventory\":[\"/no/such/file\"]}", "inventory[0]"},
        {"{\"ssh\":{\"config\":\"/no/such/file\"}}", "ssh.config"},
    };
    for (size_t number = 0; number < sizeof late / sizeof late[0]; number++) {
        OK(pabawi_config_new(TEXT(late[number][0]), &config, &error));
        MISUSE(PABAWI_VALIDATION, late[number][1], pabawi_engine_new(config, &engine, &error));
        CHECK(pabawi_config_free(config) == PABAWI_OK && engine == NULL);
    }
}

/* One of many threads that use, misuse and free the same things at once. */
static void *busy(void *user_data)
{
    pabawi_session *session = user_data;
    for (int round = 0; round < 20; round++) {
        pabawi_bytes answer = {0};
        pabawi_operation *operation = NULL;
        OK(pabawi_call(session, TEXT("stats"), NULL, 0, &answer, &error));
        CHECK(pabawi_bytes_free(&answer) == PABAWI_OK);
        OK(pabawi_call_start(session, TEXT("executions"), NULL, 0, NULL, NULL, &operation, &error));
        if (round % 2 == 0) {
            CHECK(pabawi_operation_abort(operation) == PABAWI_OK);
        }
        pabawi_status status = pabawi_operation_wait(operation, -1, &answer, NULL);
        CHECK(status == PABAWI_OK || status == PABAWI_ABORTED);
        CHECK(pabawi_bytes_free(&answer) == PABAWI_OK && pabawi_operation_free(operation) == PABAWI_OK);
        FAILS(PABAWI_BAD_HANDLE, "freed", pabawi_operation_wait(operation, 0, NULL, &error));
    }
    return NULL;
}

static void threads(pabawi_session *session)
{
    pthread_t all[16];
    for (int number = 0; number < 16; number++) {
        CHECK(pthread_create(&all[number], NULL, busy, session) == 0);
    }
    for (int number = 0; number < 16; number++) {
        CHECK(pthread_join(all[number], NULL) == 0);
    }
    misuses++;
}

int main(int count, char **arguments)
{
    CHECK(count == 2);
    options();
    pabawi_engine *engine = open_engine(arguments[1]);
    pabawi_session *session = open_session(engine, "carla");
    texts(session);
    places(engine, session);
    handles(engine, session);
    threads(session);
    /* After the end of the engine. */
    pabawi_bytes answer = {0};
    CHECK(pabawi_engine_free(engine) == PABAWI_OK);
    QUIET(PABAWI_BAD_HANDLE, pabawi_engine_free(engine));
    MISUSE(PABAWI_CLOSED, "freed", pabawi_call(session, TEXT("stats"), NULL, 0, &answer, &error));
    MISUSE(PABAWI_CLOSED, "freed", pabawi_call_start(session, TEXT("stats"), NULL, 0, on_answer, NULL, NULL, &error));
    MISUSE(PABAWI_CLOSED, "freed", pabawi_events_open(session, TEXT("{\"submitted\":{\"request\":" REQUEST "}}"), NULL, (pabawi_events *[]){NULL}, &error));
    MISUSE(PABAWI_BAD_HANDLE, "freed", pabawi_session_new(engine, TEXT("carla"), &session, &error));
    close_all(NULL, session);
    printf("%d\n", misuses);
    return 0;
}
