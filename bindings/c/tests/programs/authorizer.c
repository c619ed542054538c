/*
 * An authorizer in C: it denies what is not read by everybody, and never answers when asked about "mallory". Arguments: options of
 * the engine without an authorizer, and with a short time for it.
 */
#define _POSIX_C_SOURCE 200809L

#include "tables.h"

#include <time.h>

static struct counter asked = COUNTER, ran = COUNTER, destroyed = COUNTER;

/* Completions that are never answered. */
static pabawi_completion *kept[64];
static struct counter silent = COUNTER;

static void authorize(void *user_data, const char *question, size_t len, pabawi_completion *completion)
{
    CHECK(user_data == &asked);
    char *text = copy_of(question, len);
    add(&asked, 1);
    if (strstr(text, "\"user\":\"mallory\"") != NULL) {
        CHECK(value_of(&silent) < 64);
        kept[value_of(&silent)] = completion;
        add(&silent, 1);
    } else if (strstr(text, "\"user\":\"odd\"") != NULL) {
        answer(completion, "\"yes\"");
    } else if (strstr(text, "\"user\":\"broken\"") != NULL) {
        OK(pabawi_completion_fail(completion, PABAWI_UNAVAILABLE, TEXT("the directory is away"), &error));
        CHECK(pabawi_completion_free(completion) == PABAWI_OK);
    } else if (strstr(text, "\"capability\":\"task.execute\"") != NULL && strstr(text, "\"user\":\"ann\"") == NULL) {
        CHECK(strstr(text, "\"action\":\"task\"") != NULL && strstr(text, "\"plugin\":\"deploy\"") != NULL);
        CHECK(strstr(text, "\"nodes\":[\"c01\"]") != NULL);
        answer(completion, "{\"allow\":false,\"reason\":\"it is Friday\"}");
    } else {
        answer(completion, "true");
    }
    free(text);
}

static void gone(void *user_data)
{
    CHECK(user_data == &asked);
    add(&destroyed, 1);
}

static void run(void *user_data, const char *request, size_t len, pabawi_completion *completion)
{
    CHECK(user_data == NULL && request != NULL && len > 0);
    add(&ran, 1);
    answer(completion, "{\"node\":\"c01\",\"exited\":0}");
}

static const char request[] = "{\"action\":{\"type\":\"task\",\"name\":\"deploy\"},\"targets\":\"c01\"}";

static void is_denied(pabawi_engine *engine, const char *user, const char *why)
{
    pabawi_bytes outcome = {0};
    pabawi_session *session = open_session(engine, user);
    FAILS(PABAWI_DENIED, why, pabawi_execute(session, TEXT(request), &outcome, &error));
    CHECK(pabawi_session_free(session) == PABAWI_OK);
    CHECK(value_of(&ran) == 0);
}

int main(int count, char **arguments)
{
    CHECK(count == 2);
    static const char description[] =
        "{\"name\":\"deploy\",\"version\":\"1.0\",\"description\":\"Deploys\",\"capabilities\":[{\"name\":\"task.execute\","
        "\"description\":\"Deploys\",\"parameters\":{\"type\":\"object\"},\"requiredPermissions\":[],\"risk\":\"execute\"}]}";
    pabawi_config *config = NULL;
    pabawi_engine *engine = NULL;
    pabawi_bytes told = {0};
    pabawi_authorizer authorizer = {sizeof authorizer, &asked, gone, authorize};
    pabawi_plugin plugin = {.struct_size = sizeof plugin, .run = run};
    OK(pabawi_config_new(TEXT(arguments[1]), &config, &error));
    OK(pabawi_config_set_authorizer(config, &authorizer, &error));
    FAILS(PABAWI_ALREADY, "authorizer", pabawi_config_set_authorizer(config, &authorizer, &error));
    OK(pabawi_config_add_plugin(config, TEXT(description), NULL, 0, &plugin, &error));
    OK(pabawi_engine_new(config, &engine, &error));
    FAILS(PABAWI_ALREADY, "another", pabawi_config_set_authorizer(config, &authorizer, &error));
    CHECK(pabawi_config_free(config) == PABAWI_OK);

    is_denied(engine, "carla", "it is Friday");
    is_denied(engine, "odd", "answered neither");
    is_denied(engine, "broken", "the directory is away");
    time_t before = time(NULL);
    is_denied(engine, "mallory", "did not answer within 3000 ms");
    CHECK(time(NULL) - before < 30 && value_of(&silent) > 0);
    CHECK(pabawi_completion_is_wanted(kept[0]) == 0);

    /* The denials stand in the journal, and nothing in the history. */
    pabawi_session *session = open_session(engine, "ann");
    /* They are written behind the answer, so the last may take a moment. */
    for (int tries = 0;; tries++) {
        OK(pabawi_journal(session, TEXT("{\"node\":\"c01\"}"), &told, &error));
        if (count_of(told.data, "execution_denied") == 4) {
            break;
        }
        CHECK(tries < 600 && pabawi_bytes_free(&told) == PABAWI_OK);
        struct timespec moment = {0, 50000000};
        nanosleep(&moment, NULL);
    }
    HAS(told, "it is Friday");
    HAS(told, "\"user\":\"mallory\"");
    CHECK(pabawi_bytes_free(&told) == PABAWI_OK);
    OK(pabawi_history(session, TEXT("{}"), &told, &error));
    HAS(told, "\"items\":[]");
    CHECK(pabawi_bytes_free(&told) == PABAWI_OK);

    /* Who may, may; each target is asked about again. */
    long questions = value_of(&asked);
    OK(pabawi_execute(session, TEXT(request), &told, &error));
    HAS(told, "\"status\":\"completed\"");
    CHECK(value_of(&ran) == 1 && value_of(&asked) >= questions + 2);
    CHECK(pabawi_bytes_free(&told) == PABAWI_OK);
    CHECK(pabawi_session_free(session) == PABAWI_OK && pabawi_engine_free(engine) == PABAWI_OK);
    CHECK(value_of(&destroyed) == 1);
    for (long place = 0; place < value_of(&silent); place++) {
        FAILS(PABAWI_ABORTED, "nobody", pabawi_completion_finish(kept[place], TEXT("true"), &error));
        CHECK(pabawi_completion_free(kept[place]) == PABAWI_OK);
    }
    CHECK(pabawi_open_handles() == 0);
    puts("fine");
    return 0;
}
