/* Copyright (c) winops contributors
 * GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
 * SPDX-License-Identifier: GPL-3.0-or-later
 *
 * findstr [/e] /c:text for Wine, whose own finds everything: prints the lines of its input that hold the text (/e: that
 * end with it), and says by its exit status whether there is one. Other switches are an error. Written from Microsoft's
 * description of findstr, not from another's source.
 */

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv) {
    const char *text = NULL;
    int at_end = 0, found = 0;
    char line[8192];

    for (int i = 1; i < argc; i++) {
        if (!_stricmp(argv[i], "/e"))
            at_end = 1;
        else if (!_strnicmp(argv[i], "/c:", 3) && !text)
            text = argv[i] + 3;
        else
            return 2;
    }
    if (!text)
        return 2;
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\r\n")] = 0;
        size_t length = strlen(line), wanted = strlen(text);
        int matches = at_end ? length >= wanted && !strcmp(line + length - wanted, text) : strstr(line, text) != NULL;
        if (matches) {
            puts(line);
            found = 1;
        }
    }
    return !found;
}
