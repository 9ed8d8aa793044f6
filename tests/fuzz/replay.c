/* Instead of libFuzzer: runs the files of the given folders once, each in memory of its own size,
 * so that what a fuzzer once found stays mended. Needs no clang. */
#include "tests/fuzz/lib/fuzz.h"

#include <dirent.h>

static const char *running = "";

/* A sanitizer ends the process by itself, and does not know which file it was. */
static void say_which(void)
{
    if (running[0])
        fprintf(stderr, "it was %s\n", running);
}

static void run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    struct buf text = {0};
    char piece[4096];
    size_t len;
    must(file != NULL);
    while ((len = fread(piece, 1, sizeof(piece), file)) > 0)
        buf_add(&text, piece, len);
    fclose(file);
    uint8_t *data = malloc(text.len ? text.len : 1);
    if (text.len)
        memcpy(data, text.data, text.len);
    running = path;
    LLVMFuzzerTestOneInput(data, text.len);
    running = "";
    free(data);
    buf_done(&text);
}

static size_t run_folder(const char *folder)
{
    struct dirent **entries;
    int count = scandir(folder, &entries, NULL, alphasort);
    size_t files = 0;
    must(count >= 0);
    for (int i = 0; i < count; i++) {
        struct buf path = {0};
        buf_addf(&path, "%s/%s", folder, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.') {
            run_file(path.data);
            files++;
        }
        buf_done(&path);
        free(entries[i]);
    }
    free(entries);
    return files;
}

int main(int argc, char **argv)
{
    atexit(say_which);
    for (int i = 1; i < argc; i++) {
        size_t files = run_folder(argv[i]);
        must(files > 0);
        printf("%s: %zu files\n", argv[i], files);
    }
    return 0;
}
