/*
 * A command policy that allows `uptime`, before commands and before a plugin in C that says which of its parameters are command
 * lines. Arguments: options of the engine.
 */
#include "tables.h"

static const char description[] =
    "{\"name\":\"shells\",\"version\":\"1.0\",\"description\":\"Shells\",\"capabilities\":["
    "{\"name\":\"task.execute\",\"description\":\"Runs\",\"parameters\":{\"type\":\"object\"},"
    "\"requiredPermissions\":[],\"risk\":\"execute\",\"commands\":[\"/cmd\"]},"
    "{\"name\":\"shell.run\",\"description\":\"Runs\",\"parameters\":{\"type\":\"object\"},"
    "\"requiredPermissions\":[],\"risk\":\"execute\",\"commands\":[\"/cmd\"]}]}";

static struct counter asked = COUNTER;

static void run(void *user_data, const char *request, size_t len, pabawi_completion *completion)
{
    CHECK(user_data == NULL && request != NULL && len > 0);
    add(&asked, 1);
    answer(completion, "{\"node\":\"c01\",\"exited\":0}");
}

static void call(void *user_data, const char *request, size_t len, pabawi_completion *completion)
{
    CHECK(user_data == NULL && request != NULL && len > 0);
    add(&asked, 1);
    answer(completion, "null");
}

static const char *task(const char *command)
{
    static char request[512];
    const char *form = "{\"action\":{\"type\":\"task\",\"name\":\"run\",\"parameters\":{\"cmd\":\"%s\"}},\"targets\":\"c01\"}";
    CHECK(snprintf(request, sizeof request, form, command) > 0);
    return request;
}

int main(int count, char **arguments)
{
    CHECK(count == 2);
    pabawi_config *config = NULL;
    pabawi_engine *engine = NULL;
    pabawi_bytes told = {0};
    pabawi_plugin plugin = {.struct_size = sizeof plugin, .run = run, .call = call};
    OK(pabawi_config_new(TEXT(arguments[1]), &config, &error));
    OK(pabawi_config_add_plugin(config, TEXT(description), NULL, 0, &plugin, &error));
    OK(pabawi_engine_new(config, &engine, &error));
    CHECK(pabawi_config_free(config) == PABAWI_OK);
    pabawi_session *session = open_session(engine, "ann");
    static const char refused[] = "Command not allowed: reboot";
    static char request[512];
    command_on(request, sizeof request, "c01", "reboot");
    FAILS(PABAWI_COMMAND_NOT_ALLOWED, refused, pabawi_execute(session, TEXT(request), &told, &error));
    FAILS(PABAWI_COMMAND_NOT_ALLOWED, refused, pabawi_execute(session, TEXT(task("reboot")), &told, &error));
    const char *by_call = "{\"capability\":\"shell.run\",\"parameters\":{\"cmd\":\"reboot\"}}";
    FAILS(PABAWI_COMMAND_NOT_ALLOWED, refused, pabawi_call(session, TEXT("plugins.call"), TEXT(by_call), &told, &error));
    CHECK(value_of(&asked) == 0);
    OK(pabawi_execute(session, TEXT(task("uptime")), &told, &error));
    HAS(told, "\"status\":\"completed\"");
    CHECK(value_of(&asked) == 1 && pabawi_bytes_free(&told) == PABAWI_OK);
    CHECK(pabawi_session_free(session) == PABAWI_OK && pabawi_engine_free(engine) == PABAWI_OK);
    CHECK(pabawi_open_handles() == 0);
    puts("fine");
    return 0;
}
