/*
 * Measures the library from C: an execution on many nodes of this machine that is followed to its end, calls, and what an idle
 * engine takes. Prints one JSON object; `cargo xtask bench c` runs and judges it.
 *
 *     bench OPTIONS NODES CALLS
 */
#define _POSIX_C_SOURCE 200809L

#include <pabawi.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void check(pabawi_status status, pabawi_error *error)
{
    if (status != PABAWI_OK) {
        fprintf(stderr, "%s: %s\n", pabawi_status_name(status), error != NULL ? pabawi_error_message(error) : "");
        exit(1);
    }
}

/* A line of /proc/self/status (proc(5)) in KiB. */
static long memory(const char *name)
{
    char line[256];
    long kib = -1;
    FILE *status = fopen("/proc/self/status", "r");
    if (status == NULL) {
        return -1;
    }
    while (fgets(line, sizeof line, status) != NULL) {
        if (strncmp(line, name, strlen(name)) == 0) {
            kib = strtol(line + strlen(name), NULL, 10);
        }
    }
    fclose(status);
    return kib;
}

int main(int count, char **arguments)
{
    if (count != 4) {
        fprintf(stderr, "usage: %s OPTIONS NODES CALLS\n", arguments[0]);
        return 2;
    }
    static char wanted[512], good[64];
    long calls = strtol(arguments[3], NULL, 10);
    size_t bytes = 0;
    pabawi_config *config = NULL;
    pabawi_engine *engine = NULL;
    pabawi_session *session = NULL;
    pabawi_events *events = NULL;
    pabawi_error *error = NULL;
    pabawi_bytes text = {0};
    pabawi_id id;

    long anonymous_before = memory("RssAnon:"), before = memory("VmRSS:");
    check(pabawi_config_new(arguments[1], strlen(arguments[1]), &config, &error), error);
    check(pabawi_engine_new(config, &engine, &error), error);
    check(pabawi_session_new(engine, "bench", 5, &session, &error), error);
    struct timespec second = {1, 0};
    nanosleep(&second, NULL);
    long anonymous = memory("RssAnon:") - anonymous_before, all = memory("VmRSS:") - before;

    /* One more, when the pages of the library that an engine needs are there. */
    pabawi_config *same = NULL;
    pabawi_engine *other = NULL;
    before = memory("VmRSS:");
    check(pabawi_config_new(arguments[1], strlen(arguments[1]), &same, &error), error);
    check(pabawi_engine_new(same, &other, &error), error);
    nanosleep(&second, NULL);
    long further = memory("VmRSS:") - before;
    pabawi_engine_free(other);
    pabawi_config_free(same);

    snprintf(wanted, sizeof wanted,
             "{\"submitted\":{\"mode\":\"slowTheSource\",\"request\":{\"action\":{\"type\":\"command\",\"command\":\"true\"},"
             "\"targets\":\"n[1-%s]\",\"transport\":\"local\"}}}",
             arguments[2]);
    double begin = now();
    check(pabawi_events_open(session, wanted, strlen(wanted), &id, &events, &error), error);
    pabawi_status status;
    while ((status = pabawi_events_next(events, -1, &text, &error)) == PABAWI_OK) {
        bytes += text.len;
        pabawi_bytes_free(&text);
    }
    check(status == PABAWI_END ? PABAWI_OK : status, error);
    check(pabawi_wait(session, &id, -1, &text, &error), error);
    double execution = now() - begin;
    snprintf(good, sizeof good, "\"succeeded\":%s,", arguments[2]);
    if (strstr(text.data, good) == NULL) {
        fprintf(stderr, "not all nodes succeeded: %s\n", text.data);
        return 1;
    }
    pabawi_bytes_free(&text);
    pabawi_events_free(events);

    begin = now();
    for (long call = 0; call < calls; call++) {
        check(pabawi_history(session, NULL, 0, &text, &error), error);
        bytes += text.len;
        pabawi_bytes_free(&text);
    }
    double calling = now() - begin;

    pabawi_session_free(session);
    pabawi_engine_free(engine);
    pabawi_config_free(config);
    printf("{\"execution_seconds\": %.4f, \"call_micros\": %.2f, \"idle_anonymous_kib\": %ld, \"idle_kib\": %ld, "
           "\"further_kib\": %ld, \"bytes\": %lu}\n",
           execution, calling * 1e6 / (double)calls, anonymous, all, further, (unsigned long)bytes);
    return 0;
}
