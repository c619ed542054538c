/*
 * Asks what is known: inventory, targets, facts, history, journal, graphs, reruns, plans, metrics. Arguments: options of the engine
 * with an inventory of the nodes web01 to web03.
 */
#include "check.h"

static char parameters[2048];

/* The text after a part, up to the next quote. */
static const char *after(const char *text, const char *part, char *place, size_t size)
{
    const char *from = strstr(text, part);
    CHECK(from != NULL);
    from += strlen(part);
    size_t length = strcspn(from, "\"");
    CHECK(length < size);
    memcpy(place, from, length);
    place[length] = 0;
    return place;
}

static void inventory(pabawi_session *session)
{
    pabawi_bytes answer = {0};
    OK(pabawi_inventory(session, NULL, 0, &answer, &error));
    HAS(answer, "\"web01\"");
    HAS(answer, "\"web03\"");
    CHECK(pabawi_bytes_free(&answer) == PABAWI_OK);
    OK(pabawi_inventory(session, TEXT("{\"freshness\":\"forced\"}"), &answer, &error));
    HAS(answer, "\"sources\"");
    CHECK(pabawi_bytes_free(&answer) == PABAWI_OK);
    OK(pabawi_resolve(session, TEXT("{\"expression\":\"web[01-03]!web02\"}"), &answer, &error));
    CHECK(strstr(answer.data, "web01") && strstr(answer.data, "web03") && !strstr(answer.data, "web02"));
    CHECK(pabawi_bytes_free(&answer) == PABAWI_OK);
    FAILS(PABAWI_VALIDATION, "", pabawi_resolve(session, TEXT("{\"expression\":\"web[01-\"}"), &answer, &error));
    FAILS(PABAWI_VALIDATION, "expression", pabawi_resolve(session, TEXT("{}"), &answer, &error));
    OK(pabawi_call(session, TEXT("explain"), TEXT("{\"expression\":\"web01\",\"nodes\":[\"web02\"]}"), &answer, &error));
    CHECK(pabawi_bytes_free(&answer) == PABAWI_OK);
}

static void facts(pabawi_session *session)
{
    pabawi_bytes answer = {0};
    OK(pabawi_facts(session, TEXT("{\"targets\":\"web01\",\"freshness\":\"forced\"}"), &answer, &error));
    HAS(answer, "\"node\":\"web01\"");
    HAS(answer, "\"kernel\"");
    HAS(answer, "\"provider\":\"ssh\"");
    CHECK(pabawi_bytes_free(&answer) == PABAWI_OK);
}

static void history(pabawi_session *session)
{
    pabawi_bytes answer = {0};
    pabawi_id id, again;
    static char request[1024];
    command_on(request, sizeof request, "web[01-02]", "case $SSH_CONNECTION in *) exit 3;; esac");
    OK(pabawi_submit(session, TEXT(request), &id, &error));
    OK(pabawi_wait(session, &id, -1, NULL, &error));
    OK(pabawi_history(session, TEXT("{\"user\":\"carla\",\"statuses\":[\"failed\"]}"), &answer, &error));
    HAS(answer, id.text);
    HAS(answer, "\"entryPoint\":\"c\"");
    CHECK(pabawi_bytes_free(&answer) == PABAWI_OK);
    OK(pabawi_history(session, TEXT("{\"user\":\"nobody\"}"), &answer, &error));
    HAS(answer, "\"items\":[]");
    CHECK(pabawi_bytes_free(&answer) == PABAWI_OK);
    /* Again where it failed. */
    OK(pabawi_rerun(session, &id, TEXT("{\"selection\":\"failed\"}"), &again, &error));
    CHECK(strcmp(id.text, again.text) != 0);
    OK(pabawi_wait(session, &again, -1, &answer, &error));
    HAS(answer, "\"rerunOf\"");
    CHECK(pabawi_bytes_free(&answer) == PABAWI_OK);
    FAILS(PABAWI_VALIDATION, "selection", pabawi_rerun(session, &id, TEXT("{}"), &again, &error));
    /* Every node has an entry in its journal, and a note can be added. */
    CHECK(snprintf(parameters, sizeof parameters, "{\"executions\":[\"%s\"]}", id.text) > 0);
    OK(pabawi_journal(session, TEXT("{\"nodes\":[\"web01\"]}"), &answer, &error));
    HAS(answer, id.text);
    HAS(answer, "\"carla\"");
    CHECK(pabawi_bytes_free(&answer) == PABAWI_OK);
    OK(pabawi_journal_note(session, TEXT("{\"node\":\"web01\",\"text\":\"looked at from C\"}"), &answer, &error));
    HAS(answer, "looked at from C");
    CHECK(pabawi_bytes_free(&answer) == PABAWI_OK);
    OK(pabawi_journal(session, TEXT("{\"nodes\":[\"web01\"]}"), &answer, &error));
    HAS(answer, "looked at from C");
    CHECK(pabawi_bytes_free(&answer) == PABAWI_OK);
    FAILS(PABAWI_VALIDATION, "text", pabawi_journal_note(session, TEXT("{\"node\":\"web01\",\"text\":\"\"}"), &answer, &error));
    OK(pabawi_call(session, TEXT("journal.verify"), NULL, 0, &answer, &error));
    CHECK(pabawi_bytes_free(&answer) == PABAWI_OK);
}

/* An execution as a document, in pieces. */
static void documents(pabawi_session *session)
{
    static char request[1024];
    pabawi_id id;
    pabawi_events *pieces = NULL;
    pabawi_bytes piece = {0};
    command_on(request, sizeof request, "web01", "echo kept");
    OK(pabawi_submit(session, TEXT(request), &id, &error));
    OK(pabawi_wait(session, &id, -1, NULL, &error));
    static const char *const forms[][2] = {{"json", "[\"{"}, {"ndjson", "[\"{"}, {"html", "[\"<!"}};
    for (size_t number = 0; number < 3; number++) {
        size_t bytes = 0;
        pabawi_status status;
        CHECK(snprintf(parameters, sizeof parameters, "{\"document\":{\"id\":\"%s\",\"format\":\"%s\"}}", id.text,
                       forms[number][0]) > 0);
        OK(pabawi_events_open(session, TEXT(parameters), NULL, &pieces, &error));
        while ((status = pabawi_events_next(pieces, -1, &piece, NULL)) == PABAWI_OK) {
            CHECK(bytes > 0 || strncmp(piece.data, forms[number][1], strlen(forms[number][1])) == 0);
            bytes += piece.len;
            CHECK(pabawi_bytes_free(&piece) == PABAWI_OK);
        }
        CHECK(status == PABAWI_END && bytes > 500);
        CHECK(pabawi_events_free(pieces) == PABAWI_OK);
    }
}

static void graphs(pabawi_session *session)
{
    const char *graph = "{\"name\":\"release\",\"tasks\":["
                        "{\"name\":\"first\",\"targets\":\"web01\",\"action\":{\"type\":\"command\",\"command\":\"true\"}},"
                        "{\"name\":\"second\",\"after\":[\"first\"],\"targets\":\"web[01-02]\","
                        "\"action\":{\"type\":\"command\",\"command\":\"true\"}}]}";
    pabawi_id run;
    pabawi_bytes view = {0};
    OK(pabawi_graph_run(session, TEXT(graph), &run, &error));
    OK(pabawi_graph_get(session, &run, &view, &error));
    HAS(view, run.text);
    CHECK(pabawi_bytes_free(&view) == PABAWI_OK);
    OK(pabawi_graph_wait(session, &run, -1, &view, &error));
    CHECK(count_of(view.data, "\"completed\"") >= 3);
    CHECK(pabawi_bytes_free(&view) == PABAWI_OK);
    OK(pabawi_graph_wait(session, &run, 0, NULL, &error));
    FAILS(PABAWI_VALIDATION, "tasks", pabawi_graph_run(session, TEXT("{\"name\":\"x\",\"tasks\":[]}"), &run, &error));
}

/* A plan is kept and carried out. */
static void plans(pabawi_session *session)
{
    pabawi_bytes answer = {0};
    static char request[1024];
    char hash[128];
    command_on(request, sizeof request, "web03", "true");
    OK(pabawi_call(session, TEXT("plans.make"), TEXT(request), &answer, &error));
    after(answer.data, "\"hash\":\"", hash, sizeof hash);
    CHECK(pabawi_bytes_free(&answer) == PABAWI_OK);
    CHECK(snprintf(parameters, sizeof parameters, "{\"hash\":\"%s\"}", hash) > 0);
    OK(pabawi_call(session, TEXT("plans.apply"), TEXT(parameters), &answer, &error));
    CHECK(answer.len == 38);
    CHECK(pabawi_bytes_free(&answer) == PABAWI_OK);
    FAILS(PABAWI_PLAN_APPLIED, "executionId", pabawi_call(session, TEXT("plans.apply"), TEXT(parameters), &answer, &error));
}

static void measurements(pabawi_session *session)
{
    pabawi_bytes answer = {0};
    OK(pabawi_call(session, TEXT("metrics"), NULL, 0, &answer, &error));
    CHECK(answer.data[0] == '{');
    CHECK(pabawi_bytes_free(&answer) == PABAWI_OK);
    OK(pabawi_call(session, TEXT("prometheus"), NULL, 0, &answer, &error));
    HAS(answer, "# TYPE pabawi_");
    CHECK(pabawi_bytes_free(&answer) == PABAWI_OK);
    OK(pabawi_call(session, TEXT("capabilities"), NULL, 0, &answer, &error));
    HAS(answer, "command.execute");
    CHECK(pabawi_bytes_free(&answer) == PABAWI_OK);
}

int main(int count, char **arguments)
{
    CHECK(count == 2);
    pabawi_engine *engine = open_engine(arguments[1]);
    pabawi_session *session = open_session(engine, "carla");
    inventory(session);
    facts(session);
    history(session);
    documents(session);
    graphs(session);
    plans(session);
    measurements(session);
    close_all(engine, session);
    puts("fine");
    return 0;
}
