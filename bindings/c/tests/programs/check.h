/*
 * What the test programs share: they end with 1 and say where when something is not as it has to be.
 */
#ifndef CHECK_H
#define CHECK_H

#include <pabawi.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(what)                                                                     \
    do {                                                                                \
        if (!(what)) {                                                                  \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #what);          \
            exit(1);                                                                    \
        }                                                                               \
    } while (0)

/* The call succeeds. */
#define OK(call)                                                                        \
    do {                                                                                \
        pabawi_error *error = NULL;                                                     \
        pabawi_status status_ = (call);                                                 \
        if (status_ != PABAWI_OK) {                                                     \
            fprintf(stderr, "%s:%d: %s\n  %s: %s\n", __FILE__, __LINE__, #call,         \
                    pabawi_status_name(status_),                                        \
                    error != NULL ? pabawi_error_json(error) : "no error");             \
            exit(1);                                                                    \
        }                                                                               \
        CHECK(error == NULL);                                                           \
    } while (0)

/* The call fails so, with an error object that says so and whose JSON contains a text. */
#define FAILS(wanted, part, call)                                                       \
    do {                                                                                \
        pabawi_error *error = NULL;                                                     \
        pabawi_status status_ = (call);                                                 \
        if (status_ != (wanted) || error == NULL ||                                     \
            pabawi_error_status(error) != (wanted) ||                                   \
            strcmp(pabawi_error_kind(error), pabawi_status_name(wanted)) != 0 ||        \
            strlen(pabawi_error_message(error)) == 0 ||                                 \
            strstr(pabawi_error_json(error), (part)) == NULL) {                         \
            fprintf(stderr, "%s:%d: %s\n  ends with %s (wanted %s, and %s): %s\n",      \
                    __FILE__, __LINE__, #call, pabawi_status_name(status_),             \
                    pabawi_status_name(wanted), (part),                                 \
                    error != NULL ? pabawi_error_json(error) : "no error");             \
            exit(1);                                                                    \
        }                                                                               \
        CHECK(pabawi_error_free(error) == PABAWI_OK);                                   \
    } while (0)

#define TEXT(text) (text), strlen(text)

/* The text has that part. */
#define HAS(bytes, part)                                                                \
    do {                                                                                \
        if ((bytes).data == NULL || strstr((bytes).data, (part)) == NULL) {             \
            fprintf(stderr, "%s:%d: no %s in %s\n", __FILE__, __LINE__, (part),         \
                    (bytes).data != NULL ? (bytes).data : "nothing");                   \
            exit(1);                                                                    \
        }                                                                               \
    } while (0)

/* How often a part is in a text. */
static inline size_t count_of(const char *text, const char *part)
{
    size_t count = 0;
    for (const char *at = strstr(text, part); at != NULL; at = strstr(at + 1, part)) {
        count++;
    }
    return count;
}

/* An engine of these options. */
static inline pabawi_engine *open_engine(const char *options)
{
    pabawi_config *config = NULL;
    pabawi_engine *engine = NULL;
    OK(pabawi_config_new(TEXT(options), &config, &error));
    OK(pabawi_engine_new(config, &engine, &error));
    CHECK(pabawi_config_free(config) == PABAWI_OK);
    return engine;
}

static inline pabawi_session *open_session(const pabawi_engine *engine, const char *user)
{
    pabawi_session *session = NULL;
    OK(pabawi_session_new(engine, TEXT(user), &session, &error));
    return session;
}

/* A request for a command on nodes. Under valgrind, and on a busy machine, a login takes its time. */
static inline const char *command_on(char *place, size_t size, const char *targets, const char *command)
{
    const char *form = "{\"action\":{\"type\":\"command\",\"command\":\"%s\"},\"targets\":\"%s\","
                       "\"timeouts\":{\"connectMs\":120000}}";
    int length = snprintf(place, size, form, command, targets);
    CHECK(length > 0 && (size_t)length < size);
    return place;
}

/* Frees an engine and a session, and sees that nothing else is left. */
static inline void close_all(pabawi_engine *engine, pabawi_session *session)
{
    CHECK(pabawi_session_free(session) == PABAWI_OK);
    CHECK(pabawi_engine_free(engine) == PABAWI_OK);
    if (pabawi_open_handles() != 0) {
        fprintf(stderr, "%lu handles are left\n", (unsigned long)pabawi_open_handles());
        exit(1);
    }
}

#endif
