/*
 * Runs a command on nodes, shows what they print while they print it, and ends with 1 when it did not succeed everywhere.
 *
 *     ./run OPTIONS TARGETS COMMAND
 *     ./run '{"authorizer": "allowAll"}' 'web[01-20]' uptime
 */
#include <pabawi.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Puts a text into JSON. */
static int quote(char *place, size_t size, const char *text)
{
    size_t at = 0;
    for (; *text != 0; text++) {
        unsigned char letter = (unsigned char)*text;
        int wrote = letter < 0x20             ? snprintf(place + at, size - at, "\\u%04x", letter)
                    : strchr("\"\\", letter) ? snprintf(place + at, size - at, "\\%c", letter)
                                              : snprintf(place + at, size - at, "%c", letter);
        if (wrote < 0 || (size_t)wrote >= size - at) {
            return -1;
        }
        at += (size_t)wrote;
    }
    place[at] = 0;
    return 0;
}

/* Tells why something failed, and that it did. */
static int failed(const char *what, pabawi_status status, pabawi_error *error)
{
    fprintf(stderr, "%s: %s: %s\n", what, pabawi_status_name(status), error != NULL ? pabawi_error_message(error) : "");
    pabawi_error_free(error);
    return 1;
}

static int follow(const pabawi_session *session, const char *wanted)
{
    pabawi_events *events = NULL;
    pabawi_error *error = NULL;
    pabawi_bytes batch = {0}, outcome = {0};
    pabawi_id id;
    pabawi_status status = pabawi_events_open(session, wanted, strlen(wanted), &id, &events, &error);
    if (status != PABAWI_OK) {
        return failed("submit", status, error);
    }
    /* Each batch is a list of events in JSON: output, ends of nodes, progress. */
    while ((status = pabawi_events_next(events, -1, &batch, &error)) == PABAWI_OK) {
        puts(batch.data);
        pabawi_bytes_free(&batch);
    }
    pabawi_events_free(events);
    if (status != PABAWI_END) {
        return failed("events", status, error);
    }
    status = pabawi_wait(session, &id, -1, &outcome, &error);
    if (status != PABAWI_OK) {
        return failed("wait", status, error);
    }
    int is_good = strstr(outcome.data, "\"status\":\"completed\"") != NULL;
    pabawi_bytes_free(&outcome);
    return is_good ? 0 : 1;
}

int main(int count, char **arguments)
{
    static char targets[4096], command[65536], wanted[80000];
    pabawi_config *config = NULL;
    pabawi_engine *engine = NULL;
    pabawi_session *session = NULL;
    pabawi_error *error = NULL;

    if (count != 4 || quote(targets, sizeof targets, arguments[2]) != 0 ||
        quote(command, sizeof command, arguments[3]) != 0) {
        fprintf(stderr, "usage: %s OPTIONS TARGETS COMMAND\n", arguments[0]);
        return 2;
    }
    if (pabawi_abi_version() != PABAWI_ABI_VERSION) {
        fprintf(stderr, "libpabawi %s is not the one that this was compiled for\n", pabawi_version());
        return 2;
    }
    snprintf(wanted, sizeof wanted,
             "{\"submitted\":{\"request\":{\"action\":{\"type\":\"command\",\"command\":\"%s\"},\"targets\":\"%s\"}}}",
             command, targets);

    const char *user = getenv("USER") != NULL ? getenv("USER") : "unknown";
    pabawi_status status = pabawi_config_new(arguments[1], strlen(arguments[1]), &config, &error);
    if (status == PABAWI_OK) {
        status = pabawi_engine_new(config, &engine, &error);
    }
    if (status == PABAWI_OK) {
        status = pabawi_session_new(engine, user, strlen(user), &session, &error);
    }
    int code = status == PABAWI_OK ? follow(session, wanted) : failed("open", status, error);
    pabawi_session_free(session);
    pabawi_engine_free(engine);
    pabawi_config_free(config);
    return code;
}
