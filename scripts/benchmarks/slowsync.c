/* A disk that takes a millisecond longer to say that something is safe: loaded into the throw-away server of
 * `position-ledger bench` (LD_PRELOAD), it makes fsync and fdatasync wait before they do what they do.
 * Most machines that bots run on have network disks; those that benchmarks run on have not. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>

static void wait_a_millisecond(void) {
    struct timespec millisecond = {0, 1000000};
    nanosleep(&millisecond, 0);
}

int fsync(int file) {
    static int (*really)(int);
    if (!really) really = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
    wait_a_millisecond();
    return really(file);
}

int fdatasync(int file) {
    static int (*really)(int);
    if (!really) really = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
    wait_a_millisecond();
    return really(file);
}
