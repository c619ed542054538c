/*
 * A log sink and a metrics sink in C, which count. Arguments: options of the engine.
 */
#include "tables.h"

static struct counter records = COUNTER, bad = COUNTER, nodes = COUNTER, durations = COUNTER, destroyed = COUNTER;
static pabawi_session *session;

static void on_log(void *user_data, const char *text, size_t len)
{
    CHECK(user_data == &records);
    char *record = copy_of(text, len);
    CHECK(record[0] == '{' && strstr(record, "\"level\":\"") != NULL && strstr(record, "\"component\":\"") != NULL);
    if (strstr(record, "\"executionId\":\"") != NULL) {
        add(&records, 1);
    }
    if (strstr(record, "\"level\":\"debug\"") != NULL) {
        add(&bad, 1);
    }
    free(record);
    /* It may call the library. */
    if (value_of(&records) == 1) {
        pabawi_bytes told = {0};
        OK(pabawi_history(session, TEXT("{}"), &told, &error));
        CHECK(pabawi_bytes_free(&told) == PABAWI_OK);
    }
}

static void on_metrics(void *user_data, const char *text, size_t len)
{
    CHECK(user_data == &nodes);
    char *list = copy_of(text, len);
    CHECK(list[0] == '[' && list[len - 1] == ']');
    add(&nodes, (long)count_of(list, "{\"type\":\"count\",\"name\":\"pabawi_node_runs_total\""));
    add(&durations, (long)count_of(list, "\"type\":\"duration\""));
    free(list);
}

static void gone(void *user_data)
{
    CHECK(user_data == &records || user_data == &nodes);
    add(&destroyed, 1);
}

static void run(void *user_data, const char *request, size_t len, pabawi_completion *completion)
{
    CHECK(user_data == NULL && request != NULL && len > 0);
    answer(completion, "{\"node\":\"c01\",\"exited\":0}\n{\"node\":\"c02\",\"exited\":1}");
}

int main(int count, char **arguments)
{
    CHECK(count == 2);
    static const char description[] =
        "{\"name\":\"deploy\",\"version\":\"1.0\",\"description\":\"Deploys\",\"capabilities\":[{\"name\":\"task.execute\","
        "\"description\":\"Deploys\",\"parameters\":{\"type\":\"object\"},\"requiredPermissions\":[],\"risk\":\"execute\"}]}";
    static const char request[] = "{\"action\":{\"type\":\"task\",\"name\":\"deploy\"},\"targets\":\"c[01-02]\"}";
    pabawi_config *config = NULL;
    pabawi_engine *engine = NULL;
    pabawi_bytes told = {0};
    pabawi_log_sink log = {sizeof log, &records, gone, on_log};
    pabawi_metrics_sink metrics = {sizeof metrics, &nodes, gone, on_metrics};
    pabawi_plugin plugin = {.struct_size = sizeof plugin, .run = run};
    OK(pabawi_config_new(TEXT(arguments[1]), &config, &error));
    OK(pabawi_config_set_log_sink(config, &log, &error));
    OK(pabawi_config_set_metrics_sink(config, &metrics, &error));
    FAILS(PABAWI_ALREADY, "log sink", pabawi_config_set_log_sink(config, &log, &error));
    FAILS(PABAWI_ALREADY, "metrics sink", pabawi_config_set_metrics_sink(config, &metrics, &error));
    OK(pabawi_config_add_plugin(config, TEXT(description), NULL, 0, &plugin, &error));
    OK(pabawi_engine_new(config, &engine, &error));
    CHECK(pabawi_config_free(config) == PABAWI_OK);
    session = open_session(engine, "carla");
    OK(pabawi_execute(session, TEXT(request), &told, &error));
    HAS(told, "\"status\":\"partial\"");
    CHECK(pabawi_bytes_free(&told) == PABAWI_OK);
    wait_for(&records, 1);
    wait_for(&nodes, 2);
    wait_for(&durations, 1);
    CHECK(pabawi_engine_free(engine) == PABAWI_OK && pabawi_session_free(session) == PABAWI_OK);
    CHECK(value_of(&nodes) == 2 && value_of(&bad) == 0 && value_of(&destroyed) == 2);
    CHECK(pabawi_open_handles() == 0);
    puts("fine");
    return 0;
}
