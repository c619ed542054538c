/*
 * A source of nodes and a provider of facts in C, used by target expressions and asked for facts. Arguments: options of the engine.
 */
#include "tables.h"

static struct counter listed = COUNTER, collected = COUNTER, destroyed = COUNTER;

static void inventory(void *user_data, const char *request, size_t len, pabawi_completion *completion)
{
    CHECK(user_data == &listed && len > 0 && request[0] == '{');
    add(&listed, 1);
    answer(completion,
           "{\"nodes\":[{\"id\":\"c01\",\"endpoint\":{\"host\":\"127.0.0.1\",\"port\":1}},"
           "{\"id\":\"c02\",\"endpoint\":{\"host\":\"127.0.0.1\",\"port\":1}},{\"id\":\"c03\"},{\"id\":\"two words\"}],"
           "\"groups\":[{\"name\":\"racks\",\"nodes\":[\"c01\",\"c02\"]}]}");
}

/* Knows the first, and nothing of the others. */
static void facts(void *user_data, const char *request, size_t len, pabawi_completion *completion)
{
    CHECK(user_data == &collected);
    char *text = copy_of(request, len);
    CHECK(strstr(text, "\"user\":\"carla\"") != NULL);
    char told[512] = "{\"facts\":[";
    if (strstr(text, "\"c01\"") != NULL) {
        strcat(told, "{\"node\":\"c01\",\"facts\":{\"rack\":{\"row\":\"A7\"}}}");
    }
    strcat(told, "],\"errors\":[");
    if (strstr(text, "\"c02\"") != NULL) {
        strcat(told, "{\"node\":\"c02\",\"code\":\"not_found\",\"message\":\"is in no rack\"}");
    }
    strcat(told, "]}");
    free(text);
    add(&collected, 1);
    answer(completion, told);
}

static void gone(void *user_data)
{
    CHECK(user_data == &listed || user_data == &collected);
    add(&destroyed, 1);
}

static void resolves(pabawi_session *session, const char *expression, size_t wanted)
{
    char parameters[128];
    CHECK(snprintf(parameters, sizeof parameters, "{\"expression\":\"%s\"}", expression) > 0);
    pabawi_bytes told = called(session, "resolve", parameters);
    if (count_of(told.data, "\"node\":\"") != wanted) {
        fprintf(stderr, "%s: %s\n", expression, told.data);
        exit(1);
    }
    CHECK(pabawi_bytes_free(&told) == PABAWI_OK);
}

int main(int count, char **arguments)
{
    CHECK(count == 2);
    pabawi_config *config = NULL;
    pabawi_engine *engine = NULL;
    pabawi_bytes told = {0};
    pabawi_source source = {sizeof source, &listed, gone, inventory};
    pabawi_fact_provider provider = {sizeof provider, &collected, gone, facts};
    OK(pabawi_config_new(TEXT(arguments[1]), &config, &error));
    FAILS(PABAWI_VALIDATION, "name", pabawi_config_add_source(config, TEXT("two words"), 0, &source, &error));
    OK(pabawi_config_add_source(config, TEXT("racks-db"), 10, &source, &error));
    OK(pabawi_config_add_fact_provider(config, TEXT("racks-db"), 70, &provider, &error));
    OK(pabawi_engine_new(config, &engine, &error));
    CHECK(pabawi_config_free(config) == PABAWI_OK);
    pabawi_session *session = open_session(engine, "carla");

    resolves(session, "@racks", 2);
    resolves(session, "@racks-db:racks & c01", 1);
    resolves(session, "c[01-03] ! @racks", 1);
    FAILS(PABAWI_VALIDATION, "unknown node c09", pabawi_resolve(session, TEXT("{\"expression\":\"c09\"}"), &told, &error));
    OK(pabawi_inventory(session, NULL, 0, &told, &error));
    HAS(told, "racks-db");
    HAS(told, "nodes[3]: ");
    CHECK(value_of(&listed) >= 1 && pabawi_bytes_free(&told) == PABAWI_OK);

    /* Its facts are merged with what others know, and what it does not know is told. */
    OK(pabawi_facts(session, TEXT("{\"targets\":\"@racks\"}"), &told, &error));
    HAS(told, "\"rack\":{\"row\":\"A7\"}");
    HAS(told, "is in no rack");
    CHECK(value_of(&collected) >= 1 && pabawi_bytes_free(&told) == PABAWI_OK);
    resolves(session, "@racks & fact(rack.row=A7)", 1);

    CHECK(pabawi_session_free(session) == PABAWI_OK && pabawi_engine_free(engine) == PABAWI_OK);
    CHECK(value_of(&destroyed) == 2 && pabawi_open_handles() == 0);
    puts("fine");
    return 0;
}
