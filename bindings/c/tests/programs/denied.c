/*
 * An engine without an authorizer. Arguments: its options.
 */
#include "check.h"

int main(int count, char **arguments)
{
    CHECK(count == 2);
    pabawi_engine *engine = open_engine(arguments[1]);
    pabawi_session *session = open_session(engine, "root");
    pabawi_bytes answer = {0};
    pabawi_id id;
    static char request[1024];
    command_on(request, sizeof request, "n1", "true");
    FAILS(PABAWI_DENIED, "command.execute", pabawi_submit(session, TEXT(request), &id, &error));
    FAILS(PABAWI_DENIED, "executions.list", pabawi_history(session, NULL, 0, &answer, &error));
    close_all(engine, session);
    puts("fine");
    return 0;
}
