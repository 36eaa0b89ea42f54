/* Compiled as C99, to see that the public headers are. */
#include <bluec/bluec_runtime.h>

int bluecHeaderCheck(void);
int bluecHeaderCheck(void) {
  bluec_generate_options options;
  bluec_generate_options_defaults(&options);
  return options.struct_bytes == sizeof options && BLUEC_CONTEXT_FULL == 6;
}
