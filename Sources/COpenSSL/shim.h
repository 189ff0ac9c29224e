#ifndef TRICENTER_COPENSSL_SHIM_H
#define TRICENTER_COPENSSL_SHIM_H

// System OpenSSL 3 and inline functions for the macros that Swift cannot import.

#include <openssl/ssl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <openssl/pem.h>
#include <openssl/bio.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#endif
