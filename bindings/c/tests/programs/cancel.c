/*
 * Starts a command on two nodes, sees it run, cancels it and waits for what became of it. Arguments: options of the engine, the
 * command. It waits for a line on standard input before it cancels, so that the test can look on the nodes.
 */
#include "check.h"

int main(int count, char **arguments)
{
    CHECK(count == 3);
    static char request[4096];
    char line[16];
    pabawi_id id;
    pabawi_bytes text = {0}, targets = {0};
    pabawi_engine *engine = open_engine(arguments[1]);
    pabawi_session *session = open_session(engine, "carla");
    command_on(request, sizeof request, "web[01-02]", arguments[2]);
    OK(pabawi_submit(session, TEXT(request), &id, &error));
    puts("running");
    fflush(stdout);
    CHECK(fgets(line, sizeof line, stdin) != NULL);
    OK(pabawi_cancel(session, &id, TEXT("{\"graceMs\":100}"), &text, &error));
    CHECK(text.len > 0);
    CHECK(pabawi_bytes_free(&text) == PABAWI_OK);
    OK(pabawi_wait(session, &id, -1, &text, &error));
    HAS(text, "\"status\":\"cancelled\"");
    char parameters[128];
    CHECK(snprintf(parameters, sizeof parameters, "{\"id\":\"%s\"}", id.text) > 0);
    OK(pabawi_call(session, TEXT("targets"), TEXT(parameters), &targets, &error));
    CHECK(count_of(targets.data, "\"confirmed\"") == 2);
    CHECK(pabawi_bytes_free(&text) == PABAWI_OK && pabawi_bytes_free(&targets) == PABAWI_OK);
    close_all(engine, session);
    puts("cancelled");
    return 0;
}
