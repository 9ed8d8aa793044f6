#include "tests/api/lib/kit.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

static const char script[] =
    "#!/usr/bin/env python3\n"
    "import asyncio, json, os, signal, sys, time\n"
    "with open('../scratch/starts', 'a') as file:\n"
    "    file.write('%d %d\\n' % (os.getpid(), time.monotonic() * 1000))\n"
    "#MORE\n"
    "tasks = {}\n"
    "def raw(line):\n"
    "    sys.stdout.write(line + '\\n')\n"
    "    sys.stdout.flush()\n"
    "def send(**message):\n"
    "    raw(json.dumps({'jsonrpc': '2.0', **message}))\n"
    "def tell(id, value, text=None):\n"
    "    send(method='progress', params={'id': id, 'progress': value, 'message': text})\n"
    "async def gate(id):\n"
    "    while not os.path.exists('../scratch/%s.gate' % id):\n"
    "        await asyncio.sleep(0.005)\n"
    "    return id\n"
    "async def hold(id):\n"
    "    tell(id, 1)\n"
    "    return await gate(id)\n"
    "async def deaf(id):\n"
    "    tell(id, 1)\n"
    "    while True:\n"
    "        try:\n"
    "            return await gate(id)\n"
    "        except asyncio.CancelledError:\n"
    "            tell(id, 2)\n"
    "async def late(id):\n"
    "    try:\n"
    "        tell(id, 1)\n"
    "        await asyncio.sleep(3600)\n"
    "    except asyncio.CancelledError:\n"
    "        tell(id, 2)\n"
    "        return await gate(id)\n"
    "async def talk(id):\n"
    "    os.write(2, b'from stderr\\n')\n"
    "    tell(id, 50, 'half')\n"
    "    send(method='log', params={'id': id, 'line': 'a line\\nand another'})\n"
    "async def say(id, text):\n"
    "    raw(text.replace('ID', id))\n"
    "    await asyncio.sleep(3600)\n"
    "async def die(id, status):\n"
    "    os.write(2, b'last words\\n')\n"
    "    os._exit(status) if status >= 0 else os.kill(os.getpid(), -status)\n"
    "class Wrong(Exception): pass\n"
    "async def error(id, what):\n"
    "    raise Wrong(what)\n"
    "async def pid(id): return os.getpid()\n"
    "async def give(id, value=None): return value\n"
    "async def length(id, text): return len(text)\n"
    "async def env(id): return sorted(os.environ)\n"
    "async def work(id, method, params):\n"
    "    try:\n"
    "        send(id=id, result=await globals()[method](id, *params['args'], **params['kwargs']))\n"
    "    except Wrong as wrong:\n"
    "        send(id=id, error=wrong.args[0])\n"
    "    except asyncio.CancelledError:\n"
    "        send(id=id, error={'code': -32800, 'message': 'cancelled'})\n"
    "    except Exception as wrong:\n"
    "        send(id=id, error={'code': 1, 'message': repr(wrong)})\n"
    "    del tasks[id]\n"
    "async def main():\n"
    "    reader = asyncio.StreamReader(limit=1 << 26)\n"
    "    await asyncio.get_running_loop().connect_read_pipe(\n"
    "        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)\n"
    "    while line := await reader.readline():\n"
    "        message = json.loads(line)\n"
    "        params = message['params']\n"
    "        if 'id' in message:\n"
    "            id = message['id']\n"
    "            tasks[id] = asyncio.create_task(work(id, message['method'], params))\n"
    "        elif params['id'] in tasks:\n"
    "            tasks[params['id']].cancel()\n"
    "asyncio.run(main())\n";

void kit_write(struct scenario *s, const char *lines)
{
    const char *place = strstr(script, "#MORE\n");
    function_file(s, "kit.py",
                  text(s, "%.*s%s\n%s", (int)(place - script), script, lines ? lines : "", place));
}

void functions_kit(struct scenario *s, const char *rules, const char *more)
{
    kit_write(s, NULL);
    function_manifest(s, "kit.json",
                      text(s,
                           "{'mode':'worker','workers':%s,'functions':['pid','give','length','env',"
                           "'talk','hold','deaf','late','say','error','die']%s}",
                           rules, more));
}

void gate(struct scenario *s, const char *id)
{
    folder_write(s, text(s, "scratch/%s.gate", id), "");
}

int kit_starts(struct scenario *s)
{
    const char *all = folder_read(s, "scratch/starts");
    int count = *all ? 1 : 0;
    for (; *all; all++)
        count += *all == '\n';
    return count;
}

/* The n-th line, which has to come. */
static const char *start_line(struct scenario *s, int n)
{
    eventually(kit_starts(s) > n);
    const char *line = folder_read(s, "scratch/starts");
    for (int i = 0; i < n; i++)
        line = strchr(line, '\n') + 1;
    return line;
}

int kit_pid(struct scenario *s, int n)
{
    return (int)strtol(start_line(s, n), NULL, 10);
}

int64_t kit_time(struct scenario *s, int n)
{
    char *end = NULL;
    strtol(start_line(s, n), &end, 10);
    return strtoll(end, NULL, 10);
}

void kit_reload(struct server *server, int times)
{
    server_signal(server, SIGHUP);
    struct patience patience = patience_begin();
    for (int seen = 0; seen < times;) {
        seen = 0;
        for (const char *at = server_log(server); (at = strstr(at, "functions read from")); at++)
            seen++;
        if (seen < times)
            patience_more(&patience, "it has read its functions", HERE);
    }
}
