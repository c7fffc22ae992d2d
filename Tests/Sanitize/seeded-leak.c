// Loses what it allocated: the leak check has to end this with an error.
#include <stdlib.h>

static void *volatile lost;

int main(void) {
    lost = malloc(4711);
    lost = NULL;
    return 0;
}
