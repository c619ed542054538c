/*
 * What a policy lets a user do, at this way in. Arguments: options of the engine with a policy that lets carla run commands and
 * read, and eve read only; nobody else is in it.
 */
#include "check.h"

#define REQUEST "{\"action\":{\"type\":\"command\",\"command\":\"touch %s\"},\"targets\":\"n1\",\"transport\":\"local\"}"

/* Every call that there is, with parameters that would be good: %s stands for an execution that there is. */
static const char *const calls[][2] = {
    {"submit", "{\"action\":{\"type\":\"command\",\"command\":\"true\"},\"targets\":\"n1\",\"transport\":\"local\"}"},
    {"plans.make", "{\"action\":{\"type\":\"command\",\"command\":\"true\"},\"targets\":\"n1\",\"transport\":\"local\"}"},
    {"wait", "{\"id\":\"%s\"}"},
    {"get", "{\"id\":\"%s\"}"},
    {"progress", "{\"id\":\"%s\"}"},
    {"cancel", "{\"id\":\"%s\"}"},
    {"rerun", "{\"id\":\"%s\",\"selection\":\"all\"}"},
    {"resume", "{\"id\":\"%s\"}"},
    {"executions", "{}"},
    {"totals", "{}"},
    {"targets", "{\"id\":\"%s\"}"},
    {"attempts", "{\"id\":\"%s\"}"},
    {"outputGroups", "{\"id\":\"%s\",\"stream\":\"stdout\"}"},
    {"explainSlow", "{\"id\":\"%s\"}"},
    {"breakers", "{}"},
    {"resetBreaker", "{\"component\":\"node:n1\"}"},
    {"plans.list", "{}"},
    {"graphs.run", "{\"name\":\"g\",\"tasks\":[{\"name\":\"t\",\"targets\":\"n1\",\"action\":{\"type\":\"command\",\"command\":\"true\"}}]}"},
    {"graphs.list", "{}"},
    {"inventory", "{}"},
    {"resolve", "{\"expression\":\"n1\"}"},
    {"explain", "{\"expression\":\"n1\"}"},
    {"facts", "{\"targets\":\"n1\"}"},
    {"facts.matching", "{\"condition\":\"os.family=Debian\"}"},
    {"journal.planRetention", "{\"executions\":[{\"keep\":1}]}"},
    {"journal.prune", "{\"plan\":{\"journal\":[],\"outputs\":{\"outputs\":1,\"bytes\":1,\"executions\":[]}}}"},
    {"plugins.reloadTool", "{\"tool\":{\"kind\":\"ansible\"}}"},
    {"plugins.reloadExternal", "{\"plugin\":{\"program\":\"/no/such/program\"}}"},
    {"useSshConfig", "{\"path\":\"/no/such/file\"}"},
    {"journal.query", "{}"},
    {"journal.timeline", "{\"node\":\"n1\"}"},
    {"journal.note", "{\"node\":\"n1\",\"text\":\"x\"}"},
    {"journal.verify", "{}"},
    {"plugins.list", "{}"},
    {"plugins.health", "{}"},
};

int main(int count, char **arguments)
{
    CHECK(count == 3);
    static char request[2048], wanted[4096];
    pabawi_engine *engine = open_engine(arguments[1]);
    pabawi_session *carla = open_session(engine, "carla"), *eve = open_session(engine, "eve");
    pabawi_session *nobody = open_session(engine, "mallory");
    pabawi_bytes answer = {0};
    pabawi_events *events = NULL;
    pabawi_id id, other;
    CHECK(snprintf(request, sizeof request, REQUEST, arguments[2]) > 0);
    CHECK(snprintf(wanted, sizeof wanted, "{\"submitted\":{\"request\":%s}}", request) > 0);
    pabawi_session *const without[] = {eve, nobody};
    for (int number = 0; number < 2; number++) {
        FAILS(PABAWI_DENIED, "command.execute", pabawi_submit(without[number], TEXT(request), &id, &error));
        FAILS(PABAWI_DENIED, "command.execute", pabawi_execute(without[number], TEXT(request), &answer, &error));
        FAILS(PABAWI_DENIED, "command.execute", pabawi_events_open(without[number], TEXT(wanted), &id, &events, &error));
        FAILS(PABAWI_DENIED, "command.execute", pabawi_call(without[number], TEXT("submit"), TEXT(request), &answer, &error));
    }
    OK(pabawi_submit(carla, TEXT(request), &id, &error));
    OK(pabawi_wait(carla, &id, -1, NULL, &error));
    /* Reruns are no way round, and neither is another session of the same engine. */
    FAILS(PABAWI_DENIED, "command.execute", pabawi_rerun(eve, &id, TEXT("{\"selection\":\"all\"}"), &other, &error));
    OK(pabawi_get(eve, &id, &answer, &error));
    CHECK(pabawi_bytes_free(&answer) == PABAWI_OK);
    FAILS(PABAWI_DENIED, "executions", pabawi_get(nobody, &id, &answer, &error));
    FAILS(PABAWI_DENIED, "executions", pabawi_history(nobody, NULL, 0, &answer, &error));
    FAILS(PABAWI_DENIED, "journal", pabawi_journal(nobody, NULL, 0, &answer, &error));
    FAILS(PABAWI_DENIED, "journal", pabawi_journal_note(eve, TEXT("{\"node\":\"n1\",\"text\":\"x\"}"), &answer, &error));
    FAILS(PABAWI_DENIED, "inventory", pabawi_inventory(nobody, NULL, 0, &answer, &error));
    FAILS(PABAWI_DENIED, "executions.cancel", pabawi_cancel(eve, &id, NULL, 0, NULL, &error));
    for (size_t number = 0; number < sizeof calls / sizeof calls[0]; number++) {
        static char parameters[512];
        const char *form = calls[number][1], *place = strstr(form, "%s");
        size_t head = place != NULL ? (size_t)(place - form) : strlen(form);
        CHECK(snprintf(parameters, sizeof parameters, "%.*s%s%s", (int)head, form, place != NULL ? id.text : "",
                       place != NULL ? place + 2 : "") > 0);
        pabawi_error *reason = NULL;
        pabawi_status status = pabawi_call(nobody, TEXT(calls[number][0]), TEXT(parameters), &answer, &reason);
        if (status != PABAWI_DENIED) {
            fprintf(stderr, "%s: %s: %s\n", calls[number][0], pabawi_status_name(status), pabawi_error_json(reason));
            exit(1);
        }
        CHECK(pabawi_error_free(reason) == PABAWI_OK && answer.data == NULL);
    }
    CHECK(snprintf(wanted, sizeof wanted, "{\"document\":{\"id\":\"%s\"}}", id.text) > 0);
    FAILS(PABAWI_DENIED, "executions", pabawi_events_open(nobody, TEXT(wanted), &other, &events, &error));
    CHECK(snprintf(wanted, sizeof wanted, "{\"execution\":{\"id\":\"%s\"}}", id.text) > 0);
    FAILS(PABAWI_DENIED, "executions", pabawi_events_open(nobody, TEXT(wanted), &other, &events, &error));
    /* What can be done is told everybody, but of it only what they may do. */
    OK(pabawi_call(nobody, TEXT("capabilities"), NULL, 0, &answer, &error));
    CHECK(strcmp(answer.data, "[]") == 0);
    CHECK(pabawi_bytes_free(&answer) == PABAWI_OK);
    CHECK(pabawi_session_free(eve) == PABAWI_OK && pabawi_session_free(nobody) == PABAWI_OK);
    close_all(engine, carla);
    puts("fine");
    return 0;
}
