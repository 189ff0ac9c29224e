#ifndef TRICENTER_COPENSSL_SHIM_H
#define TRICENTER_COPENSSL_SHIM_H

// System OpenSSL 3 and inline functions for what Swift cannot import: function-like macros, variadic functions and constants
// made by expressions. Nothing is decided here; the decisions stand where these are called.

#include <openssl/ssl.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <openssl/pem.h>
#include <openssl/bio.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/crypto.h>

// Every SSL_CTX that we make: TLS 1.3 alone, no renegotiation, no tickets and no session cache (a resumed session would skip
// the verification that a reload of trust may have changed).
static inline int tricenter_ssl_ctx_harden(SSL_CTX *context) {
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  return SSL_CTX_set_num_tickets(context, 0) == 1 && SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1;
}

static inline long tricenter_ssl_set_server_name(SSL *ssl, const char *name) { return SSL_set_tlsext_host_name(ssl, name); }

static inline long tricenter_ssl_ctx_add_chain_certificate(SSL_CTX *context, X509 *certificate) {
  return SSL_CTX_add1_chain_cert(context, certificate);
}

static inline void tricenter_bio_retry_read(BIO *bio) { BIO_set_retry_read(bio); }
static inline void tricenter_bio_clear_retry(BIO *bio) { BIO_clear_retry_flags(bio); }
static inline long tricenter_bio_memory(BIO *bio, char **start) { return BIO_get_mem_data(bio, start); }

static inline EVP_PKEY *tricenter_generate_p256(void) { return EVP_EC_gen("P-256"); }
static inline EVP_PKEY *tricenter_generate_ed25519(void) { return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"); }

static inline int tricenter_error_is_alert(unsigned long error) {
  return ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) >= SSL_AD_REASON_OFFSET;
}
static inline int tricenter_error_is_ssl(unsigned long error) { return ERR_GET_LIB(error) == ERR_LIB_SSL; }
static inline int tricenter_error_reason(unsigned long error) { return ERR_GET_REASON(error); }

#endif
