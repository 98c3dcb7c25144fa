/* Tells valgrind from inside of the program that it runs where to begin and where to take stock. */
#include <valgrind/callgrind.h>

void begin(void) { CALLGRIND_START_INSTRUMENTATION; }

void mark(void) { CALLGRIND_DUMP_STATS; }
