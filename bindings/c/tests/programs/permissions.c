/*
 * What a policy lets a user do, at this way in. Arguments: options of the engine with a policy that lets carla run commands and
 * read, and eve read only; nobody else is in it.
 */
#include "check.h"

#define REQUEST "{\"action\":{\"type\":\"command\",\"command\":\"touch %s\"},\"targets\":\"n1\",\"transport\":\"local\"}"

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
    CHECK(pabawi_session_free(eve) == PABAWI_OK && pabawi_session_free(nobody) == PABAWI_OK);
    close_all(engine, carla);
    puts("fine");
    return 0;
}
