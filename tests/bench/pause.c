/* The service of a timing: tells when it has started, and waits. No libc, so that its own start and memory are next to
 * nothing beside its supervisor's.
 *
 * It writes 16 bytes to the FIFO events two directories up: when it was (CLOCK_MONOTONIC, nanoseconds), and its pid.
 * Build: cc -Os -nostdlib -static -no-pie -fno-stack-protector -s -o pause pause.c
 */
#include <fcntl.h>
#include <sys/syscall.h>
#include <time.h>

static long call(long number, long a, long b, long c, long d)
{
#if defined(__x86_64__)
    long result;
    register long fourth __asm__("r10") = d;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth)
                     : "rcx", "r11", "memory");
    return result;
#elif defined(__aarch64__)
    register long which __asm__("x8") = number;
    register long first __asm__("x0") = a;
    register long second __asm__("x1") = b;
    register long third __asm__("x2") = c;
    register long fourth __asm__("x3") = d;
    __asm__ volatile("svc 0" : "+r"(first) : "r"(which), "r"(second), "r"(third), "r"(fourth) : "memory");
    return first;
#else
#error "written for x86-64 and AArch64"
#endif
}

/* no stack is expected to be aligned where a program begins */
__attribute__((noreturn, used, force_align_arg_pointer)) void _start(void)
{
    struct timespec now;
    struct {
        unsigned long time;
        unsigned long pid;
    } event;

    call(SYS_clock_gettime, CLOCK_MONOTONIC, (long)&now, 0, 0);
    event.time = (unsigned long)now.tv_sec * 1000000000u + (unsigned long)now.tv_nsec;
    event.pid = (unsigned long)call(SYS_getpid, 0, 0, 0, 0);
    long fifo = call(SYS_openat, AT_FDCWD, (long)"../../events", O_WRONLY, 0);
    call(SYS_write, fifo, (long)&event, sizeof event, 0);
    call(SYS_close, fifo, 0, 0, 0);
    for (;;)
        call(SYS_ppoll, 0, 0, 0, 0);
}
