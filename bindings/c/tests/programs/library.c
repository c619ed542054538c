/*
 * The library without an engine: versions, words of numbers, schemas, a panic inside. Prints the version.
 */
#include "check.h"

/* Only in builds for tests. */
extern pabawi_status pabawi_test_panic(pabawi_error **error);

int main(void)
{
    CHECK(pabawi_abi_version() == PABAWI_ABI_VERSION);
    CHECK(sizeof(pabawi_id) == 37 && sizeof(pabawi_bytes) == 3 * sizeof(void *) && sizeof(pabawi_status) == 4);
    CHECK(strcmp(pabawi_status_name(PABAWI_OK), "ok") == 0);
    CHECK(strcmp(pabawi_status_name(PABAWI_TIMED_OUT), "timed_out") == 0);
    CHECK(strcmp(pabawi_status_name(PABAWI_VALIDATION), "validation") == 0);
    CHECK(strcmp(pabawi_status_name(PABAWI_INTERNAL), "internal") == 0);
    CHECK(strcmp(pabawi_status_name(-5), "unknown") == 0);
    CHECK(strcmp(pabawi_status_name(1000000), "unknown") == 0);
    pabawi_bytes schemas = {0};
    OK(pabawi_schemas(&schemas, &error));
    HAS(schemas, "\"journal.query\"");
    HAS(schemas, "\"FrameworkOptions\"");
    CHECK(schemas.data[schemas.len] == 0 && strlen(schemas.data) == schemas.len);
    CHECK(pabawi_bytes_free(&schemas) == PABAWI_OK && schemas.data == NULL && schemas.len == 0);
    for (int round = 0; round < 3; round++) {
        FAILS(PABAWI_PANIC, "on purpose", pabawi_test_panic(&error));
        CHECK(pabawi_test_panic(NULL) == PABAWI_PANIC);
    }
    CHECK(pabawi_open_handles() == 0);
    puts(pabawi_version());
    return 0;
}
