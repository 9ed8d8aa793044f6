#include "tests/api/lib/service.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/api/lib/folder.h"

static const char script[] = "tests/api/lib/service.py";

static void end_service(void *what)
{
    service_kill(what);
}

void service_kill(struct service *service)
{
    if (!service->pid)
        return;
    kill(service->pid, SIGKILL);
    waitpid(service->pid, NULL, 0);
    service->pid = 0;
}

static pid_t spawn(const char *const arguments[], int output, int errors)
{
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(output, 1);
        dup2(errors, 2);
        execvp(arguments[0], (char **)(uintptr_t)arguments);
        _exit(127);
    }
    return pid;
}

static struct service *start(struct scenario *s, const char *certificate, const char *key)
{
    struct service *service = keep(s, sizeof *service);
    const char *arguments[] = {
        "python3", script, folder_path(s, "scratch"), certificate, key, NULL,
    };
    int ends[2];
    char line[16] = "";
    if (pipe(ends) != 0)
        abort();
    *service = (struct service){.scenario = s, .scheme = certificate ? "https" : "http"};
    service->pid = spawn(arguments, ends[1], 2);
    at_end(s, end_service, service);
    close(ends[1]);
    FILE *says = fdopen(ends[0], "r");
    if (!says || !fgets(line, sizeof line, says))
        fail_at(HERE, "%s does not start", script);
    fclose(says);
    service->port = atoi(line);
    return service;
}

struct service *service_start(struct scenario *s)
{
    return start(s, NULL, NULL);
}

struct service *service_start_tls(struct scenario *s, const char *name)
{
    const char *certificate = folder_path(s, "scratch/certificate");
    const char *key = folder_path(s, "scratch/key");
    const char *alternative = text(s, "subjectAltName=%s", name);
    const char *arguments[] = {
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-subj",
        "/CN=x",
        "-addext",
        alternative,
        "-keyout",
        key,
        "-out",
        certificate,
        "-batch",
        NULL,
    };
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC), status; /* it shows its progress */
    pid_t pid = spawn(arguments, nowhere, nowhere);
    close(nowhere);
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
        fail_at(HERE, "openssl makes no certificate");
    return start(s, certificate, key);
}

void service_release(struct service *service)
{
    folder_write(service->scenario, "scratch/release", "");
}

void service_function(struct service *service, const char *name, const char *more)
{
    struct scenario *s = service->scenario;
    function_manifest(s, text(s, "%s.json", name),
                      text(s, "{'mode':'http','url':'%s://127.0.0.1:%d/'%s}", service->scheme,
                           service->port, more));
}

int service_count(struct service *service, const char *words)
{
    int count = 0;
    const char *line = folder_read(service->scenario, "scratch/calls");
    for (; line && *line; line = strchr(line, '\n'), line += line != NULL)
        count += strncmp(line, words, strlen(words)) == 0;
    return count;
}

const char *service_request(struct service *service, const char *id)
{
    return folder_read(service->scenario, text(service->scenario, "scratch/request-%s", id));
}
