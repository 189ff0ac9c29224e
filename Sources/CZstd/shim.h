#ifndef TRICENTER_CZSTD_SHIM_H
#define TRICENTER_CZSTD_SHIM_H

// The system's Zstandard (RFC 8878). One-shot calls with a context of our own are all that is used.

#include <zstd.h>

#endif
