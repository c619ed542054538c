/*
 * Tables of functions that are wrong or of another version. Arguments: options of the engine.
 */
#include "tables.h"

static struct counter destroyed = COUNTER;

static void gone(void *user_data)
{
    CHECK(user_data == &destroyed);
    add(&destroyed, 1);
}

static void ask(void *user_data, const char *request, size_t len, pabawi_completion *completion)
{
    (void)user_data, (void)request, (void)len;
    CHECK(pabawi_completion_free(completion) == PABAWI_OK);
}

static void tell(void *user_data, const char *text, size_t len)
{
    (void)user_data, (void)text, (void)len;
}

static const char description[] =
    "{\"name\":\"%s\",\"version\":\"1.0\",\"description\":\"Nothing\",\"capabilities\":[]%s}";

static const char *described(const char *name, const char *more)
{
    static char text[256];
    CHECK(snprintf(text, sizeof text, description, name, more) > 0);
    return text;
}

/* A table of a later version of the library. */
struct later {
    pabawi_plugin known;
    void *more[8];
};

/* Each registration refuses a table that is NULL, one that is too small, and one without its function. */
#define REFUSES(table, field, registered)                                                       \
    do {                                                                                        \
        table all = {sizeof all, &destroyed, gone, NULL};                                       \
        table *place = NULL;                                                                    \
        FAILS(PABAWI_NULL_POINTER, #table, registered);                                         \
        place = &all;                                                                           \
        FAILS(PABAWI_BAD_TABLE, #table "." field " is NULL", registered);                       \
        all.struct_size = 0;                                                                    \
        FAILS(PABAWI_BAD_TABLE, "struct_size is 0", registered);                                \
        all.struct_size = sizeof all - 1;                                                       \
        FAILS(PABAWI_BAD_TABLE, "sizeof(" #table ")", registered);                              \
        place = (table *)(void *)((char *)&all + 1);                                            \
        FAILS(PABAWI_BAD_POINTER, #table, registered);                                          \
    } while (0)

int main(int count, char **arguments)
{
    CHECK(count == 2);
    pabawi_config *config = NULL;
    pabawi_engine *engine = NULL;
    OK(pabawi_config_new(TEXT(arguments[1]), &config, &error));
    const char *text = described("one", "");
    pabawi_plugin plugin = {.struct_size = sizeof plugin, .user_data = &destroyed, .destroy = gone, .health = ask};
    FAILS(PABAWI_BAD_TABLE, "pabawi_plugin.run", pabawi_config_add_plugin(config, TEXT(text), NULL, 0, &plugin, &error));
    plugin.run = ask;
    plugin.health = NULL;
    plugin.struct_size = sizeof plugin - sizeof plugin.shutdown;
    FAILS(PABAWI_BAD_TABLE, "pabawi_plugin.struct_size",
          pabawi_config_add_plugin(config, TEXT(text), NULL, 0, &plugin, &error));
    plugin.struct_size = sizeof plugin;
    FAILS(PABAWI_NULL_POINTER, "description", pabawi_config_add_plugin(config, NULL, 0, NULL, 0, &plugin, &error));
    FAILS(PABAWI_NULL_POINTER, "pabawi_plugin", pabawi_config_add_plugin(config, TEXT(text), NULL, 0, NULL, &error));
    FAILS(PABAWI_VALIDATION, "a map", pabawi_config_add_plugin(config, TEXT(text), TEXT("[]"), &plugin, &error));
    text = described("Two Words", "");
    FAILS(PABAWI_VALIDATION, "describe.name", pabawi_config_add_plugin(config, TEXT(text), NULL, 0, &plugin, &error));
    text = described("one", ",\"methods\":{\"run\":true}");
    FAILS(PABAWI_VALIDATION, "describe.methods: follows",
          pabawi_config_add_plugin(config, TEXT(text), NULL, 0, &plugin, &error));
    text = described("one", ",\"colour\":\"red\"");
    FAILS(PABAWI_VALIDATION, "colour", pabawi_config_add_plugin(config, TEXT(text), NULL, 0, &plugin, &error));

    REFUSES(pabawi_source, "inventory", pabawi_config_add_source(config, TEXT("s"), 0, place, &error));
    REFUSES(pabawi_fact_provider, "facts", pabawi_config_add_fact_provider(config, TEXT("f"), 0, place, &error));
    REFUSES(pabawi_authorizer, "authorize", pabawi_config_set_authorizer(config, place, &error));
    REFUSES(pabawi_log_sink, "log", pabawi_config_set_log_sink(config, place, &error));
    REFUSES(pabawi_metrics_sink, "record", pabawi_config_set_metrics_sink(config, place, &error));
    pabawi_authorizer authorizer = {sizeof authorizer, &destroyed, gone, ask};
    FAILS(PABAWI_ALREADY, "of the options", pabawi_config_set_authorizer(config, &authorizer, &error));
    FAILS(PABAWI_BAD_HANDLE, "pabawi_config",
          pabawi_config_set_authorizer((pabawi_config *)(void *)&destroyed, &authorizer, &error));
    /* Nothing of all that was taken. */
    CHECK(value_of(&destroyed) == 0);

    struct later later;
    memset(&later, 0xff, sizeof later);
    later.known = plugin;
    later.known.struct_size = sizeof later;
    text = described("one", "");
    OK(pabawi_config_add_plugin(config, TEXT(text), NULL, 0, &later.known, &error));
    OK(pabawi_engine_new(config, &engine, &error));
    FAILS(PABAWI_ALREADY, "another", pabawi_config_add_plugin(config, TEXT(text), NULL, 0, &plugin, &error));
    CHECK(pabawi_config_free(config) == PABAWI_OK && value_of(&destroyed) == 0);
    CHECK(pabawi_engine_free(engine) == PABAWI_OK && value_of(&destroyed) == 1);

    /* What was registered goes back with its configuration too, and where there can be no engine. */
    OK(pabawi_config_new(TEXT(arguments[1]), &config, &error));
    pabawi_metrics_sink metrics = {sizeof metrics, &destroyed, gone, tell};
    OK(pabawi_config_set_metrics_sink(config, &metrics, &error));
    CHECK(pabawi_config_free(config) == PABAWI_OK && value_of(&destroyed) == 2);
    OK(pabawi_config_new(TEXT(arguments[1]), &config, &error));
    text = described("twice", "");
    OK(pabawi_config_add_plugin(config, TEXT(text), NULL, 0, &plugin, &error));
    OK(pabawi_config_add_plugin(config, TEXT(text), NULL, 0, &plugin, &error));
    FAILS(PABAWI_BAD_CONFIG, "twice", pabawi_engine_new(config, &engine, &error));
    CHECK(value_of(&destroyed) == 4 && pabawi_config_free(config) == PABAWI_OK);
    CHECK(pabawi_open_handles() == 0);
    puts("fine");
    return 0;
}
