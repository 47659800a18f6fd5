// Stands between one process and its clocks, preloaded: adds what a shared file says to the wall clock and to the
// boot-time clock. The file's first byte names the pair of offsets in force, so that one write of one byte moves both
// clocks at once. The monotonic clock stays, as in a suspend. Kernel timers on the boot-time clock go by the kernel's
// own, so a moment that they are set for is translated; those on the wall clock are set for its end and need nothing.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <unistd.h>

struct offsets { int64_t wall, boot; }; // Nanoseconds.
struct shared { _Atomic uint8_t in_force; struct offsets pairs[2]; };
enum { SECOND = 1000000000, DESCRIPTORS = 65536 };

static struct shared *shared;
static _Atomic uint8_t counts_boot_time[DESCRIPTORS];

__attribute__((constructor)) static void open_shared(void) {
    const char *path = getenv("CLOCK_SHIM");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *map = mmap(NULL, sizeof *shared, PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (map != MAP_FAILED) shared = map;
}

static int64_t offset_of(clockid_t clock) {
    if (!shared) return 0;
    const struct offsets *pair = &shared->pairs[atomic_load(&shared->in_force) & 1];
    if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) return pair->wall;
    return clock == CLOCK_BOOTTIME ? pair->boot : 0;
}

static void move(struct timespec *time, int64_t by) {
    int64_t nanoseconds = time->tv_nsec + by % SECOND;
    time->tv_sec += by / SECOND + (nanoseconds < 0 ? -1 : nanoseconds / SECOND);
    time->tv_nsec = nanoseconds < 0 ? nanoseconds + SECOND : nanoseconds % SECOND;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    static int (*next)(clockid_t, struct timespec *);
    if (!next) next = dlsym(RTLD_NEXT, "clock_gettime");
    int result = next(clock, time);
    if (result == 0) move(time, offset_of(clock));
    return result;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
    (void)zone;
    struct timespec now;
    int result = clock_gettime(CLOCK_REALTIME, &now);
    if (result == 0) *time = (struct timeval){now.tv_sec, now.tv_nsec / 1000};
    return result;
}

time_t time(time_t *seconds) {
    struct timespec now = {0};
    clock_gettime(CLOCK_REALTIME, &now);
    if (seconds) *seconds = now.tv_sec;
    return now.tv_sec;
}

int timerfd_create(int clock, int flags) {
    static int (*next)(int, int);
    if (!next) next = dlsym(RTLD_NEXT, "timerfd_create");
    int timer = next(clock, flags);
    if (timer >= 0 && timer < DESCRIPTORS) counts_boot_time[timer] = clock == CLOCK_BOOTTIME;
    return timer;
}

int timerfd_settime(int timer, int flags, const struct itimerspec *to, struct itimerspec *before) {
    static int (*next)(int, int, const struct itimerspec *, struct itimerspec *);
    if (!next) next = dlsym(RTLD_NEXT, "timerfd_settime");
    struct itimerspec moved = *to;
    int is_set = to->it_value.tv_sec || to->it_value.tv_nsec;
    int translated = timer >= 0 && timer < DESCRIPTORS && counts_boot_time[timer];
    if (is_set && translated && flags & TFD_TIMER_ABSTIME) {
        move(&moved.it_value, -offset_of(CLOCK_BOOTTIME));
        // What has passed rings at once; nothing at all would unset the timer.
        if (moved.it_value.tv_sec <= 0) moved.it_value = (struct timespec){0, 1};
    }
    return next(timer, flags, &moved, before);
}
