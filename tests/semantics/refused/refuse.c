/*
 * refuse NUMBER ERRNO [ARGUMENT VALUE] -- PROGRAM ARGUMENTS...
 *
 * Runs a program to which the kernel refuses one system call, as old kernels and the filters of containers do: by its
 * number, and if given only where one of its arguments (0 to 5) has a value.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static struct sock_filter load(size_t offset) {
    return (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)offset);
}

static struct sock_filter allow_unless(unsigned value, unsigned char skip) {
    return (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skip);
}

int main(int argc, char **argv) {
    int program = 1;
    while (program < argc && strcmp(argv[program], "--") != 0) program++;
    if (program != 3 && program != 5) return 2;
    unsigned number = (unsigned)atoi(argv[1]), error = (unsigned)atoi(argv[2]);

    struct sock_filter code[8];
    unsigned short length = 0;
    unsigned char checks = program == 5 ? 2 : 0;
    code[length++] = load(offsetof(struct seccomp_data, nr));
    code[length++] = allow_unless(number, checks + 1);
    if (program == 5) {
        /* The lower half of an argument, on machines that store it first. */
        code[length++] = load(offsetof(struct seccomp_data, args) + 8 * (size_t)atoi(argv[3]));
        code[length++] = allow_unless((unsigned)atoi(argv[4]), 1);
    }
    code[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error);
    code[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);

    struct sock_fprog filter = { .len = length, .filter = code };
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) {
        perror("seccomp");
        return 3;
    }
    execvp(argv[program + 1], argv + program + 1);
    perror(argv[program + 1]);
    return 4;
}
