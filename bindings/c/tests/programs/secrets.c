/*
 * Runs requests with secrets and writes all that comes out into files, for its caller to look at. Arguments: options of the engine,
 * a folder with NAME.json for each run (one request) and with what the plugin tells (output.jsonl, message), and then the names.
 * What comes out by a way is written to told/NAME.WAY.
 */
#define _POSIX_C_SOURCE 200809L

#include "tables.h"

static const char description[] =
    "{\"name\":\"gossip\",\"version\":\"1.0\",\"description\":\"Gossips\",\"capabilities\":[{\"name\":\"task.execute\","
    "\"description\":\"Gossips\",\"parameters\":{\"type\":\"object\"},\"requiredPermissions\":[],\"risk\":\"execute\","
    "\"sensitive\":[\"/password\"]}]}";

static const char *folder, *now;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char *output, *message;
static pabawi_completion *kept;
static struct counter records = COUNTER, metrics = COUNTER;

/* The text of a file. */
static char *text_of(const char *name)
{
    static char text[1 << 20];
    char path[1024];
    CHECK(snprintf(path, sizeof path, "%s/%s", folder, name) > 0);
    FILE *file = fopen(path, "rb");
    CHECK(file != NULL);
    size_t length = fread(text, 1, sizeof text, file);
    CHECK(length < sizeof text && fclose(file) == 0);
    return copy_of(text, length);
}

static void tell(const char *way, const char *text, size_t length)
{
    char path[1024];
    pthread_mutex_lock(&lock);
    CHECK(snprintf(path, sizeof path, "%s/told/%s.%s", folder, now, way) > 0);
    FILE *file = fopen(path, "ab");
    CHECK(file != NULL && fwrite(text, 1, length, file) == length && fputc('\n', file) == '\n' && fclose(file) == 0);
    pthread_mutex_unlock(&lock);
}

static void tell_bytes(const char *way, pabawi_bytes *bytes)
{
    tell(way, bytes->data, bytes->len);
    CHECK(pabawi_bytes_free(bytes) == PABAWI_OK);
}

static void on_log(void *user_data, const char *text, size_t length)
{
    (void)user_data;
    tell("log", text, length);
    add(&records, 1);
}

static void on_metrics(void *user_data, const char *text, size_t length)
{
    (void)user_data;
    tell("measured", text, length);
    add(&metrics, 1);
}

/* Tells all it knows, and ends as the task is called. */
static void run(void *user_data, const char *request, size_t length, pabawi_completion *completion)
{
    (void)user_data;
    char *text = copy_of(request, length);
    OK(pabawi_completion_tell(completion, TEXT(output), &error));
    if (strstr(text, "\"name\":\"fails\"") != NULL) {
        OK(pabawi_completion_fail(completion, PABAWI_UNAVAILABLE, TEXT(message), &error));
    } else if (strstr(text, "\"name\":\"breaks\"") != NULL) {
        /* No answer at all is what a panic is in C: nothing can be said with it. */
        OK(pabawi_completion_fail(completion, PABAWI_INTERNAL, TEXT(message), &error));
    } else if (strstr(text, "\"name\":\"hangs\"") != NULL) {
        kept = completion;
        free(text);
        return;
    } else {
        OK(pabawi_completion_finish(completion, TEXT("{\"node\":\"n1\",\"exited\":0}"), &error));
    }
    CHECK(pabawi_completion_free(completion) == PABAWI_OK);
    free(text);
}

static void ask(pabawi_session *session, const char *way, const char *call, const char *parameters)
{
    pabawi_bytes told = called(session, call, parameters);
    tell_bytes(way, &told);
}

/* All pieces of a stream. */
static void follow(pabawi_session *session, const char *way, const char *parameters)
{
    pabawi_events *events = NULL;
    pabawi_bytes piece = {0};
    pabawi_status status;
    OK(pabawi_events_open(session, TEXT(parameters), NULL, &events, &error));
    while ((status = pabawi_events_next(events, -1, &piece, NULL)) == PABAWI_OK) {
        tell_bytes(way, &piece);
    }
    CHECK(status == PABAWI_END && pabawi_events_free(events) == PABAWI_OK);
}

static void one(pabawi_session *session)
{
    static const char *const formats[] = {"json", "ndjson", "html"};
    char name[64], parameters[256];
    pabawi_id id;
    pabawi_bytes outcome = {0};
    pabawi_error *why = NULL;
    CHECK(snprintf(name, sizeof name, "%s.json", now) > 0);
    char *request = text_of(name);
    OK(pabawi_submit(session, TEXT(request), &id, &error));
    OK(pabawi_wait(session, &id, -1, &outcome, &error));
    tell_bytes("outcome", &outcome);
    CHECK(snprintf(parameters, sizeof parameters, "{\"execution\":{\"id\":\"%s\"}}", id.text) > 0);
    follow(session, "events", parameters);
    CHECK(snprintf(parameters, sizeof parameters, "{\"id\":\"%s\"}", id.text) > 0);
    ask(session, "results", "targets", parameters);
    ask(session, "attempts", "attempts", parameters);
    ask(session, "slow", "explainSlow", parameters);
    for (size_t number = 0; number < 3; number++) {
        CHECK(snprintf(parameters, sizeof parameters, "{\"document\":{\"id\":\"%s\",\"format\":\"%s\"}}", id.text,
                       formats[number]) > 0);
        follow(session, formats[number], parameters);
    }
    OK(pabawi_history(session, TEXT("{}"), &outcome, &error));
    tell_bytes("history", &outcome);
    OK(pabawi_journal(session, TEXT("{}"), &outcome, &error));
    tell_bytes("journal", &outcome);
    ask(session, "metrics", "metrics", "{}");
    ask(session, "prometheus", "prometheus", "{}");
    /* What is refused says what is wrong, and not what was given. */
    request[strlen(request) - 1] = 0;
    CHECK(pabawi_submit(session, TEXT(request), &id, &why) != PABAWI_OK);
    tell("error", TEXT(pabawi_error_json(why)));
    CHECK(pabawi_error_free(why) == PABAWI_OK);
    free(request);
}

int main(int count, char **arguments)
{
    CHECK(count > 3);
    pabawi_config *config = NULL;
    pabawi_engine *engine = NULL;
    pabawi_log_sink log = {sizeof log, NULL, NULL, on_log};
    pabawi_metrics_sink sink = {sizeof sink, NULL, NULL, on_metrics};
    pabawi_plugin plugin = {.struct_size = sizeof plugin, .run = run};
    folder = arguments[2];
    now = arguments[3];
    output = text_of("output.jsonl");
    message = text_of("message");
    OK(pabawi_config_new(TEXT(arguments[1]), &config, &error));
    OK(pabawi_config_set_log_sink(config, &log, &error));
    OK(pabawi_config_set_metrics_sink(config, &sink, &error));
    OK(pabawi_config_add_plugin(config, TEXT(description), NULL, 0, &plugin, &error));
    OK(pabawi_engine_new(config, &engine, &error));
    CHECK(pabawi_config_free(config) == PABAWI_OK);
    pabawi_session *session = open_session(engine, "carla");
    for (int place = 3; place < count; place++) {
        pthread_mutex_lock(&lock);
        now = arguments[place];
        pthread_mutex_unlock(&lock);
        long told = value_of(&records), measured = value_of(&metrics);
        one(session);
        /* Both are told behind the answer. */
        wait_for(&records, told + 1);
        wait_for(&metrics, measured + 1);
    }
    OK(pabawi_engine_shutdown(engine, 5000, NULL, &error));
    if (kept != NULL) {
        CHECK(pabawi_completion_free(kept) == PABAWI_OK);
    }
    close_all(engine, session);
    free(output);
    free(message);
    puts("fine");
    return 0;
}
