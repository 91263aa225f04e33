/* Sharpens a synthetic RGB image with the library that this makes:
 *
 *     python -m dsl build docs/examples/unsharp.py -o build --dtype uint8 --channels 3
 *     cc -I build docs/examples/unsharp.c -L build -lunsharp -lm -lpthread -ldl -o sharpen
 *     LD_LIBRARY_PATH=build ./sharpen 5.0 out.raw
 *
 * For a library built with --dtype float32, add -DPIXEL=float.
 */
#include <stdio.h>
#include <stdlib.h>

#include "unsharp.h"

#ifndef PIXEL
#define PIXEL uint8_t
#endif

enum { WIDTH = 157, HEIGHT = 83, CHANNELS = 3, ELEMENTS = WIDTH * CHANNELS };

static PIXEL image[HEIGHT][ELEMENTS], result[HEIGHT][ELEMENTS];

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: %s SIGMA OUT.raw\n", argv[0]);
        return 2;
    }
    for (int y = 0; y < HEIGHT; y++) {
        for (int i = 0; i < ELEMENTS; i++) {
            image[y][i] = (PIXEL)((7 * i + 13 * y + i * y) % 256);
        }
    }
    float sigma = strtof(argv[1], NULL), amount = 1.5f;
    if (unsharp(image[0], ELEMENTS, result[0], ELEMENTS, WIDTH, HEIGHT, CHANNELS, sigma, amount, 0, 0, 0)) {
        fprintf(stderr, "%s\n", unsharp_last_error());
        return 1;
    }
    FILE *file = fopen(argv[2], "wb");
    if (!file || fwrite(result, sizeof result, 1, file) != 1 || fclose(file)) {
        perror(argv[2]);
        return 1;
    }
    return 0;
}
